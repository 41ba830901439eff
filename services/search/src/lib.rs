//! Search over the graph: typing errors, prefixes, phrases, filters, facets and marked matches, and never
//! anything that the asker may not see.
//!
//! The handler `search.index` turns each version of an entity into a [`Document`] and keeps it in the
//! table `search.document`, guarded by its version. A [generation](store::generations) of these documents
//! is searched by one of two adapters of one port ([`index`]): `postgres`, which searches that table
//! itself, and `meilisearch`, to which a job brings what changed. A rebuild makes a second generation from
//! the ledger while the first one answers, and switches in one commit.

mod api;
mod changes;
mod document;
mod error;
mod handler;
mod highlight;
mod index;
mod jobs;
mod question;
mod service;
mod store;
mod text;

pub use api::routes;
pub use document::Document;
pub use error::SearchError;
pub use highlight::{Highlight, Part};
pub use index::{FacetValue, Facets, Found, Hit};
pub use question::{FacetKind, Filters, Place, Question, TextQuery};
pub use service::{MeilisearchSettings, RebuildProgress, Search, SearchSettings, Status, register};

/// The service's schema.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/search");
