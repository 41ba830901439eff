//! The knowledge graph: entities and edges with both times, provenance and aliases.
//!
//! What comes in from outside arrives as [`contracts::jobs::WriteEntities`]; people and apps write through the
//! API; posts of the fediverse land by their events. All of it goes one way ([`mod@write`]): each source's
//! word is kept by itself, an entity is what its sources say together, and a change is a new version and
//! an event. Merges and their undoing, erasure, and the search for who is who are here too.

mod api;
mod erase;
mod error;
mod graph;
mod jobs;
mod merge;
mod posts;
mod resolution;
mod service;
mod store;
mod write;

pub use api::routes;
pub use error::DataError;
pub use service::Data;

use std::sync::Arc;

/// The schema `data`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/data");

/// Adds the service's jobs and event handlers.
pub fn register(runtime: spine::Runtime, service: &Data) -> spine::Runtime {
    let context = Arc::new(service.clone());
    runtime
        .job::<jobs::Write>(Arc::clone(&context))
        .job::<jobs::Erase>(Arc::clone(&context))
        .job::<posts::LandPost>(Arc::clone(&context))
        .job::<posts::DropPost>(Arc::clone(&context))
        .job::<erase::Forget>(Arc::clone(&context))
        .job::<resolution::ResolveIdentities>(context)
        .handler(posts::PostsHandler)
        .handler(erase::ErasedHandler)
}
