//! The channel against a scripted Twilio.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod inbound;
mod send;

use serde_json::{Value, json};

const SID: &str = "AC0123456789abcdef0123456789abcdef";
/// The key of the example in Twilio's own documentation.
const TOKEN: &str = "12345";

fn config() -> Value {
    json!({"account_sid": SID, "from": "+15551230000"})
}
