//! The state of now: where somebody is, whether they are there, who calls, how a device is; made from
//! events, forgotten when it is old.
//!
//! The durable handler `present.follow` turns reports of devices and calls into [`State`]s, one a subject
//! and facet, and names places by those of the graph. Every reading updates the state; only what matters
//! (somebody arrives or leaves, comes or goes, a call begins or ends) is announced by
//! `present.StateChanged.v1`, decided against `present.announced` in the transaction of the events that it
//! follows from. States and windows of readings are kept by one of two adapters of one port ([`states`]):
//! `embedded` in Postgres, where every process reads the same, or `redis`.

mod api;
mod call;
mod error;
mod flow;
mod handler;
mod jobs;
mod place;
mod report;
mod service;
mod state;
mod states;
mod store;

pub use api::routes;
pub use error::PresentError;
pub use service::{Present, PresentSettings, register};
pub use state::{Expiry, Key, Measure, Span, State};

/// The service's schema.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/present");
