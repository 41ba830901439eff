//! Decisions, in memory: no I/O, no waiting.
//!
//! A [`Snapshot`] holds all that decisions rest on (policies, people, circles, devices, consents) as of
//! one revision of the database. It is replaced as a whole, never changed; what was decided with it is
//! remembered in it and goes with it.

mod analysis;
mod consent;
mod judge;
mod nesting;
mod permitted;
mod policies;
mod question;
mod schema;
mod slices;
mod snapshot;
mod vocabulary;

pub(crate) use consent::{Consent, is_special};
pub(crate) use judge::Judgement;
pub(crate) use permitted::Seen;
pub(crate) use policies::{BuiltIn, OwnPolicy, Policies, built_in_texts};
pub(crate) use schema::is_read;
pub(crate) use snapshot::{Circle, Device, Snapshot, SnapshotParts};
pub(crate) use snapshot::{PersonState, Role};
pub(crate) use vocabulary::Vocabulary;
