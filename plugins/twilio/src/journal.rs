//! Which messages were handed to Twilio.
//!
//! Twilio documents no idempotency key for its Messages resource: a request that is repeated because
//! its answer got lost would send a second SMS. So a line is kept before the request, and completed
//! after it. A repeated call with a completed line answers from it; with a line that is not complete it
//! asks Twilio first whether a message of that text went to that number since.

use serde::{Deserialize, Serialize};
use sovereign_plugin::channel::{Delivery, Receipt};
use sovereign_plugin::{Host, PluginError};

const PREFIX: &str = "sent/";
/// Longer than any node tries.
const KEPT_MILLISECONDS: u64 = 7 * 24 * 60 * 60 * 1000;
/// How many old lines go with a new one.
const PRUNED: u32 = 20;

/// What is known of a message.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A request may have been made.
    Tried {
        /// Milliseconds since 1970.
        at: u64,
    },
    /// Twilio took it.
    Taken(Taken),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    sid: String,
    at: u64,
}

impl From<Taken> for Receipt {
    fn from(taken: Taken) -> Self {
        let detail = Some("it was handed over before".to_owned());
        Self { external_id: taken.sid, status: Delivery::Accepted, detail }
    }
}

/// What is known of a message.
pub fn find<H: Host>(host: &H, id: &str) -> Result<Option<Line>, PluginError> {
    let Some(line) = host.state(&key(id))? else { return Ok(None) };
    let unreadable = |error| PluginError::failed(format!("a line of the journal: {error}"));
    serde_json::from_slice(&line).map(Some).map_err(unreadable)
}

/// A request is about to be made.
pub fn tried<H: Host>(host: &H, id: &str) -> Result<(), PluginError> {
    write(host, id, &Line::Tried { at: host.now() })
}

/// Twilio took it.
pub fn taken<H: Host>(host: &H, id: &str, receipt: &Receipt) -> Result<(), PluginError> {
    write(host, id, &Line::Taken(Taken { sid: receipt.external_id.clone(), at: host.now() }))
}

/// Twilio refused it.
pub fn forget<H: Host>(host: &H, id: &str) -> Result<(), PluginError> {
    Ok(host.delete_state(&key(id))?)
}

/// Drops old lines: ids begin with their time, so the oldest come first.
pub fn prune<H: Host>(host: &H) -> Result<(), PluginError> {
    for key in host.state_keys(PREFIX, None, PRUNED)? {
        let line = host.state(&key)?;
        let line: Option<Line> = line.and_then(|line| serde_json::from_slice(&line).ok());
        let at = match line {
            Some(Line::Tried { at }) => at,
            Some(Line::Taken(taken)) => taken.at,
            None => 0,
        };
        if at + KEPT_MILLISECONDS < host.now() {
            host.delete_state(&key)?;
        }
    }
    Ok(())
}

fn write<H: Host>(host: &H, id: &str, line: &Line) -> Result<(), PluginError> {
    let unwritable = |error| PluginError::failed(format!("a line of the journal: {error}"));
    Ok(host.set_state(&key(id), &serde_json::to_vec(line).map_err(unwritable)?)?)
}

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}
