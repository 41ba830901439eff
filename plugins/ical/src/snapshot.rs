//! What a calendar had: the id of each event with its revision.
//!
//! A small one is part of the cursor. A large one lies in the plugin's state, in parts, and the cursor
//! names its generation. The state is not written in one transaction with the records; but a
//! generation counts only once the cursor that names it is stored, and that happens together with the
//! records. What no cursor names is removed at the beginning of the next pass.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sovereign_plugin::{Host, PluginError};

/// The most bytes of one in a cursor, which may hold two: the node takes cursors of 64 KiB.
const MOST_BYTES_IN_CURSOR: usize = 24 << 10;
/// The most events in a part of the state.
const MOST_IN_PART: usize = 500;
const PREFIX: &str = "known/";
/// How many keys are listed at once.
const LISTED: u32 = 200;

/// Ids and revisions.
pub type Known = BTreeMap<String, String>;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Snapshot {
    /// All of it.
    Here(Known),
    /// Where it is.
    Stored { generation: u64, parts: u32 },
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::Here(Known::new())
    }
}

impl Snapshot {
    /// Reads it.
    pub fn load<H: Host>(&self, host: &H) -> Result<Known, PluginError> {
        let (generation, parts) = match self {
            Self::Here(known) => return Ok(known.clone()),
            Self::Stored { generation, parts } => (*generation, *parts),
        };
        let mut known = Known::new();
        for part in 0..parts {
            // Without it nobody knows what was sent: the calendar is read anew.
            let bytes = host.state(&key(generation, part))?.ok_or(PluginError::CursorExpired)?;
            let part: Known =
                serde_json::from_slice(&bytes).map_err(|_| PluginError::CursorExpired)?;
            known.extend(part);
        }
        Ok(known)
    }

    /// Writes one that follows another, and removes what no cursor names any more.
    pub fn store<H: Host>(host: &H, known: Known, before: &Self) -> Result<Self, PluginError> {
        let kept = match before {
            Self::Here(_) => None,
            Self::Stored { generation, .. } => Some(*generation),
        };
        remove_others(host, kept)?;
        let unwritable = |error| PluginError::failed(format!("what is known: {error}"));
        if serde_json::to_vec(&known).map_err(unwritable)?.len() <= MOST_BYTES_IN_CURSOR {
            return Ok(Self::Here(known));
        }
        let generation = kept.map_or(0, |generation| generation + 1);
        let entries: Vec<(&String, &String)> = known.iter().collect();
        let mut parts = 0;
        for entries in entries.chunks(MOST_IN_PART) {
            let part: BTreeMap<&String, &String> = entries.iter().copied().collect();
            let bytes = serde_json::to_vec(&part).map_err(unwritable)?;
            host.set_state(&key(generation, parts), &bytes)?;
            parts += 1;
        }
        Ok(Self::Stored { generation, parts })
    }
}

fn remove_others<H: Host>(host: &H, kept: Option<u64>) -> Result<(), PluginError> {
    let kept = kept.map(|generation| format!("{PREFIX}{generation}/"));
    let mut after: Option<String> = None;
    loop {
        let keys = host.state_keys(PREFIX, after.as_deref(), LISTED)?;
        let Some(last) = keys.last() else { return Ok(()) };
        after = Some(last.clone());
        for key in &keys {
            if kept.as_ref().is_none_or(|kept| !key.starts_with(kept.as_str())) {
                host.delete_state(key)?;
            }
        }
    }
}

fn key(generation: u64, part: u32) -> String {
    format!("{PREFIX}{generation}/{part}")
}
