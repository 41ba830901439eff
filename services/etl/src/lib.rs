//! From raw records to the unified model.
//!
//! What connectors bring is kept as it came: once for each content, compressed and sealed. Mappings, which
//! are data ([`mod@mapping`]), make drafts of entities of it, normalised, and the data service writes them. Since
//! the records stay, a mapping that was mended is run again over the history. A record that cannot be mapped
//! is refused with a reason, kept, and shown.
//!
//! What is kept for how long: the newest content of each record for ever, because a mapping reads nothing else; what
//! it replaced for 90 days, or as the settings want it, to look at how a version of an entity came about. A source
//! that changes a counter in each of its records at each visit would otherwise fill the disk. Nothing is lost with
//! them: the ledger has what came (`connector.DataReceived`). What was erased goes at once, in all its contents.
//!
//! What came last is a source's last word, whatever its own clock and revisions say: they go back and forth where
//! people restore and correct. What comes late by another way is put right with the next change.

mod api;
mod arrival;
mod error;
mod incoming;
mod jobs;
mod mapping;
mod mappings;
mod normal;
mod processing;
mod record;
mod service;
mod store;

pub use api::routes;
pub use error::EtlError;
pub use service::{Etl, EtlSettings, register};

/// The schema `etl`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/etl");
