//! Which messages were handed to Twilio.
//!
//! Twilio documents no idempotency key for its Messages resource: a request that is repeated because
//! its answer got lost would send a second SMS. So a line is kept before the request, and completed
//! after it, or by the first that Twilio reports of the message: the report's address names it. A
//! repeated call with a completed line answers from it; with a line that is not complete it asks Twilio
//! first whether a message of that text went to that number since, other than those of other lines.

use serde::{Deserialize, Serialize};
use sovereign_plugin::channel::{Delivery, Receipt};
use sovereign_plugin::{Host, PluginError, StateError};

const LINES: &str = "sent/";
/// Whose a message is, by Twilio's id.
const SIDS: &str = "sid/";
/// The line that was looked at last by [`sweep`].
const SWEPT: &str = "swept";
/// Longer than any node tries: it gives up after a day.
const KEPT_MILLISECONDS: u64 = 3 * 24 * 60 * 60 * 1000;
/// How many lines are looked at with each new one: more than come, so that all are looked at in turn.
const SWEPT_AT_ONCE: u32 = 10;

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
    let line = Line::Tried { at: host.now() };
    match write(host, id, &line) {
        Err(WriteError::State(StateError::QuotaExceeded)) => {
            sweep_all(host)?;
            Ok(write(host, id, &line)?)
        }
        other => Ok(other?),
    }
}

/// Twilio took it.
pub fn taken<H: Host>(host: &H, id: &str, sid: &str) -> Result<(), PluginError> {
    write(host, id, &Line::Taken(Taken { sid: sid.to_owned(), at: host.now() }))?;
    Ok(host.set_state(&format!("{SIDS}{sid}"), id.as_bytes())?)
}

/// Twilio reports about a message, so it took it: what an answer that got lost would have said.
pub fn reported<H: Host>(host: &H, id: &str, sid: &str) -> Result<(), PluginError> {
    match find(host, id)? {
        Some(Line::Tried { .. }) => taken(host, id, sid),
        Some(Line::Taken(_)) | None => Ok(()),
    }
}

/// Whether Twilio's id is that of another message than this one.
pub fn is_anothers<H: Host>(host: &H, sid: &str, id: &str) -> Result<bool, PluginError> {
    Ok(host.state(&format!("{SIDS}{sid}"))?.is_some_and(|of| of != id.as_bytes()))
}

/// Twilio refused it.
pub fn forget<H: Host>(host: &H, id: &str) -> Result<(), PluginError> {
    Ok(host.delete_state(&key(id))?)
}

/// Looks at the next few lines, in a circle, and drops the old ones. Their ids are in no order of time.
pub fn sweep<H: Host>(host: &H) -> Result<(), PluginError> {
    let after = host.state(SWEPT)?.and_then(|key| String::from_utf8(key).ok());
    let keys = host.state_keys(LINES, after.as_deref(), SWEPT_AT_ONCE)?;
    for key in &keys {
        drop_old(host, key)?;
    }
    match keys.last() {
        Some(last) if keys.len() == SWEPT_AT_ONCE as usize => {
            Ok(host.set_state(SWEPT, last.as_bytes())?)
        }
        _ => Ok(host.delete_state(SWEPT)?),
    }
}

fn sweep_all<H: Host>(host: &H) -> Result<(), PluginError> {
    let mut after = None;
    loop {
        let keys = host.state_keys(LINES, after.as_deref(), 500)?;
        for key in &keys {
            drop_old(host, key)?;
        }
        match keys.into_iter().last() {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

fn drop_old<H: Host>(host: &H, key: &str) -> Result<(), PluginError> {
    let line = host.state(key)?;
    let line: Option<Line> = line.and_then(|line| serde_json::from_slice(&line).ok());
    let (at, sid) = match line {
        Some(Line::Tried { at }) => (at, None),
        Some(Line::Taken(taken)) => (taken.at, Some(taken.sid)),
        None => (0, None),
    };
    if at + KEPT_MILLISECONDS < host.now() {
        if let Some(sid) = sid {
            host.delete_state(&format!("{SIDS}{sid}"))?;
        }
        host.delete_state(key)?;
    }
    Ok(())
}

/// Why a line cannot be written.
enum WriteError {
    State(StateError),
    Other(PluginError),
}

impl From<WriteError> for PluginError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::State(error) => error.into(),
            WriteError::Other(error) => error,
        }
    }
}

fn write<H: Host>(host: &H, id: &str, line: &Line) -> Result<(), WriteError> {
    let line = serde_json::to_vec(line)
        .map_err(|error| PluginError::failed(format!("a line of the journal: {error}")))
        .map_err(WriteError::Other)?;
    host.set_state(&key(id), &line).map_err(WriteError::State)
}

fn key(id: &str) -> String {
    format!("{LINES}{id}")
}
