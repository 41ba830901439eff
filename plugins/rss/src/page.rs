//! Which entries go with this call.

use sovereign_plugin::connector::RawRecord;
use sovereign_plugin::{PluginError, fingerprint};

use crate::cursor::Cursor;
use crate::document::{Entry, Feed};
use crate::{ENTRY_KIND, SOURCE_KIND};

/// The most entries of a call.
pub const PAGE: usize = 100;
/// The most bytes of payload of a call, but for its first record.
const PAGE_BYTES: usize = 4 << 20;

/// Records of a call.
pub struct Page {
    pub records: Vec<RawRecord>,
    /// Others are to come.
    pub more: bool,
}

/// The next page, remembered in the cursor.
pub fn next(cursor: &mut Cursor, feed: &Feed) -> Result<Page, PluginError> {
    let mut records: Vec<RawRecord> = source(cursor, feed)?.into_iter().collect();
    let (mut sent, mut bytes, mut more) = (0, 0, false);
    for entry in &feed.entries {
        let record = record(entry)?;
        let revision = record.revision.as_deref().unwrap_or_default();
        if cursor.knows(&entry.id, revision) {
            continue;
        }
        if sent == PAGE || (sent > 0 && bytes + record.payload.len() > PAGE_BYTES) {
            more = true;
            break;
        }
        sent += 1;
        bytes += record.payload.len();
        cursor.sent(&entry.id, revision);
        records.push(record);
    }
    if !more {
        cursor.end_pass(feed.entries.iter().map(|entry| entry.id.as_str()));
    }
    Ok(Page { records, more })
}

/// The feed's own record, where it changed.
fn source(cursor: &mut Cursor, feed: &Feed) -> Result<Option<RawRecord>, PluginError> {
    // Many servers set this time anew at each request.
    let mut timeless = feed.source.clone();
    timeless.updated = None;
    let revision = RawRecord::json(SOURCE_KIND, "", &timeless)?;
    let revision = fingerprint(&revision.payload);
    if cursor.source.as_ref() == Some(&revision) {
        return Ok(None);
    }
    let record = RawRecord::json(SOURCE_KIND, &feed.source.id, &feed.source)?
        .revision(revision.clone())
        .at(feed.source.updated.map(|time| time.milliseconds()));
    cursor.source = Some(revision);
    Ok(Some(record))
}

fn record(entry: &Entry) -> Result<RawRecord, PluginError> {
    let record = RawRecord::json(ENTRY_KIND, &entry.id, entry)?;
    let revision = fingerprint(&record.payload);
    let time = entry.updated.or(entry.published);
    Ok(record.revision(revision).at(time.map(|time| time.milliseconds())))
}
