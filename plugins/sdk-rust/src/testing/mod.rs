//! For tests of plugins, outside of WebAssembly: a host that answers from a script.
//!
//! ```
//! use sovereign_plugin::testing::{Answer, ScriptedHost};
//! use sovereign_plugin::{Host, Request};
//!
//! let host = ScriptedHost::new();
//! host.on("GET", "https://example.org/a", Answer::status(200).json(&serde_json::json!({"a": 1})));
//! let answer = host.fetch(&Request::get("https://example.org/a")).unwrap();
//! assert_eq!(answer.status, 200);
//! assert_eq!(host.requests().len(), 1);
//! ```

mod answer;
mod host;

pub use answer::Answer;
pub use host::ScriptedHost;

use crate::{WebhookRequest, channel, connector};

/// The hook that the contexts of tests have.
pub const HOOK_URL: &str = "https://node.example/hooks/0192f0c1-2b3a-7c4d-8e5f-60718293a4b5";

/// A connector's context with these settings.
pub fn connector_context(config: &serde_json::Value) -> connector::Context {
    connector::Context {
        account: "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5".to_owned(),
        config: config.to_string(),
        hook_url: HOOK_URL.to_owned(),
    }
}

/// A channel's context with these settings.
pub fn channel_context(config: &serde_json::Value) -> channel::Context {
    channel::Context {
        account: "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5".to_owned(),
        config: config.to_string(),
        hook_url: HOOK_URL.to_owned(),
    }
}

/// A message to one address.
pub fn message(id: &str, to: &str, text: &str) -> channel::Message {
    channel::Message {
        id: id.to_owned(),
        to: vec![to.to_owned()],
        sender: None,
        subject: None,
        text: text.to_owned(),
        html: None,
        attachments: Vec::new(),
        in_reply_to: None,
    }
}

/// A request to the hook of the contexts of tests.
pub fn webhook(
    method: &str,
    path_and_query: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> WebhookRequest {
    WebhookRequest {
        method: method.to_owned(),
        path_and_query: path_and_query.to_owned(),
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        body: body.to_vec(),
        url: format!("{HOOK_URL}{path_and_query}"),
    }
}
