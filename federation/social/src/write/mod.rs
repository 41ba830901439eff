//! Changes of rows, each with its events and jobs, inside the caller's transaction: shared by local
//! commands and applied activities.
//!
//! Every function takes many items at once and needs the same small number of statements for one as
//! for two hundred. Everything is idempotent: what is already so changes no counter, makes no event
//! and no notification, and says so in its answer.
//!
//! Locks are taken in one order: rows of `account` by id, then rows of `post` by id. Where two
//! transactions still wait for each other, PostgreSQL ends one of them, and its job or command runs
//! again.

pub mod accounts;
pub mod blocks;
pub mod filters;
pub mod follows;
pub mod mutes;
pub mod notifications;
pub mod pins;
pub mod posts;
mod purge;
pub mod reactions;
pub mod reports;
pub mod votes;

pub use purge::PurgeAccount;

use std::sync::Arc;

use spine::{EventData, Runtime, SpineError, Tx};

use crate::Social;
use crate::read::cache::Invalidation;

/// Records an event and lets this process read what it says right after the commit.
fn record<E>(social: &Social, tx: &mut Tx, event: &E) -> Result<(), SpineError>
where
    E: EventData,
    for<'e> Invalidation: From<&'e E>,
{
    tx.record(event)?;
    let (social, change) = (social.clone(), Invalidation::from(event));
    tx.on_commit(move || social.invalidate(change));
    Ok(())
}

/// Adds the jobs that changes leave behind.
pub(crate) fn register(runtime: Runtime, social: &Social) -> Runtime {
    runtime.job::<PurgeAccount>(Arc::new(social.clone()))
}
