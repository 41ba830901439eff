//! From raw records to the unified model.
//!
//! What connectors bring is kept as it came: once for each content, compressed and sealed. Mappings, which
//! are data ([`mod@mapping`]), make drafts of entities of it, normalised, and the data service writes them. Since
//! the records stay, a mapping that was mended is run again over the history. A record that cannot be mapped
//! is refused with a reason, kept, and shown.

mod api;
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
