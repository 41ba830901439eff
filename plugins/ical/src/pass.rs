//! Which events go with this call.
//!
//! A pass leads from what is known to what the calendar has when the pass begins. Its changes are
//! sorted by id, and go in pages. A calendar that changes between two pages harms nothing: what is
//! sent is what it has now, and what differs from the pass's aim is found by the next pass.

use std::collections::BTreeMap;
use std::ops::Bound;

use chrono::NaiveDate;
use sovereign_plugin::connector::RawRecord;
use sovereign_plugin::{Host, PluginError, fingerprint};

use crate::EVENT_KIND;
use crate::calendar::{Calendar, Event};
use crate::cursor::{Cursor, Pass};
use crate::snapshot::{Known, Snapshot};

/// The most records of a call.
pub const PAGE: usize = 100;
/// The most bytes of payload of a call, but for its first record.
const PAGE_BYTES: usize = 4 << 20;
/// How many digits of a revision are remembered.
const DIGITS: usize = 16;

/// Records of a call.
pub struct Page {
    pub records: Vec<RawRecord>,
    /// Others are to come.
    pub more: bool,
}

/// The next page, remembered in the cursor.
pub fn next<H: Host>(
    host: &H,
    cursor: &mut Cursor,
    calendar: &Calendar,
    oldest: Option<NaiveDate>,
) -> Result<Page, PluginError> {
    let current = current(calendar)?;
    let known = cursor.known.load(host)?;
    let (target, after) = match &cursor.pass {
        Some(pass) => (pass.target.load(host)?, Some(pass.after.clone())),
        None => (aim(calendar, &current, &known, oldest), None),
    };
    let changes = changes(&known, &target);
    if changes.is_empty() && cursor.pass.is_none() {
        return Ok(Page { records: Vec::new(), more: false });
    }
    let begin = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let (mut records, mut bytes, mut last) = (Vec::new(), 0, None);
    let mut more = false;
    for (id, is_gone) in changes.range::<str, _>((begin, Bound::Unbounded)) {
        let record = match (is_gone, current.get(*id)) {
            (true, _) => Some(RawRecord::deleted(EVENT_KIND, *id)),
            (false, Some(record)) => Some(record.clone()),
            // It vanished since the pass began; the next one says so.
            (false, None) => None,
        };
        if let Some(record) = record {
            let is_full = records.len() == PAGE
                || (!records.is_empty() && bytes + record.payload.len() > PAGE_BYTES);
            if is_full {
                more = true;
                break;
            }
            bytes += record.payload.len();
            records.push(record);
        }
        last = Some((*id).to_owned());
    }
    if !more {
        cursor.known = match cursor.pass.take() {
            Some(pass) => pass.target,
            None => Snapshot::store(host, target, &cursor.known)?,
        };
        return Ok(Page { records, more });
    }
    let after = last.unwrap_or_default();
    match &mut cursor.pass {
        Some(pass) => pass.after = after,
        None => {
            let target = Snapshot::store(host, target, &cursor.known)?;
            cursor.pass = Some(Pass { target, after });
        }
    }
    Ok(Page { records, more })
}

/// The calendar's records by their ids.
fn current(calendar: &Calendar) -> Result<BTreeMap<&str, RawRecord>, PluginError> {
    calendar.events.iter().map(|(id, event)| Ok((id.as_str(), record(id, event)?))).collect()
}

fn record(id: &str, event: &Event) -> Result<RawRecord, PluginError> {
    let record = RawRecord::json(EVENT_KIND, id, event)?;
    // Many servers count neither SEQUENCE nor LAST-MODIFIED on; both are part of the payload.
    let revision = fingerprint(&record.payload);
    Ok(record.revision(revision).at(event.changed_at()))
}

/// What is to be known at the end of a pass.
fn aim(
    calendar: &Calendar,
    current: &BTreeMap<&str, RawRecord>,
    known: &Known,
    oldest: Option<NaiveDate>,
) -> Known {
    let is_wanted = |id: &str, event: &Event| {
        // An event that grows old stays: only what is new here must be young enough.
        known.contains_key(id) || oldest.is_none_or(|oldest| event.reaches(oldest))
    };
    let mut aim: Known = calendar
        .events
        .iter()
        .filter(|(id, event)| is_wanted(id, event))
        .filter_map(|(id, _)| Some((id.clone(), short(current.get(id.as_str())?))))
        .collect();
    if calendar.is_cut_off {
        for (id, revision) in known {
            aim.entry(id.clone()).or_insert_with(|| revision.clone());
        }
    }
    aim
}

fn short(record: &RawRecord) -> String {
    record.revision.as_deref().unwrap_or_default().chars().take(DIGITS).collect()
}

/// Ids that differ, and whether they are gone.
fn changes<'a>(known: &'a Known, target: &'a Known) -> BTreeMap<&'a str, bool> {
    let gone = known.keys().filter(|id| !target.contains_key(*id)).map(|id| (id.as_str(), true));
    let changed = target
        .iter()
        .filter(|(id, revision)| known.get(*id) != Some(*revision))
        .map(|(id, _)| (id.as_str(), false));
    gone.chain(changed).collect()
}
