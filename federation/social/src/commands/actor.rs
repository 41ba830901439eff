//! Who acts: a local account, known for a moment.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::store::write_commands::{self as store, ActorRow, TargetRow};
use crate::{AccountId, Social, SocialError};

/// Accounts kept.
const CAPACITY: u64 = 10_000;
/// How long a suspension by another process may stay unknown here.
const LIFE: Duration = Duration::from_secs(10);

/// The local accounts that act, of one process.
pub(crate) struct Actors(Cache<AccountId, Arc<ActorRow>>);

impl Actors {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build())
    }
}

impl Social {
    /// The local account that acts.
    ///
    /// # Errors
    /// [`SocialError::Forbidden`] where it is suspended or deleted, or none of ours.
    pub(super) async fn actor(&self, account: AccountId) -> Result<Arc<ActorRow>, SocialError> {
        if let Some(actor) = self.0.actors.0.get(&account).await {
            return Ok(actor);
        }
        let row = store::actor(self.spine().pool(), account.number()).await?;
        let Some(actor) = row.filter(|actor| !actor.is_gone) else {
            return Err(SocialError::Forbidden("this account is not active"));
        };
        let actor = Arc::new(actor);
        self.0.actors.0.insert(account, actor.clone()).await;
        Ok(actor)
    }

    /// Forgets a local account: it changed.
    pub(super) async fn forget_actor(&self, account: AccountId) {
        self.0.actors.0.invalidate(&account).await;
    }

    /// Another account, as `actor` stands to it.
    ///
    /// # Errors
    /// [`SocialError::NotFound`] where it does not exist or is gone.
    pub(super) async fn target(
        &self,
        actor: AccountId,
        target: AccountId,
    ) -> Result<TargetRow, SocialError> {
        let mut connection = self.spine().pool().acquire().await?;
        store::target(&mut connection, actor.number(), target.number())
            .await?
            .filter(|target| !target.is_gone)
            .ok_or(SocialError::NotFound)
    }

    /// [`Self::target`], of somebody else than the actor.
    ///
    /// # Errors
    /// See there; [`SocialError::Invalid`] where it is the actor.
    pub(super) async fn other(
        &self,
        actor: AccountId,
        target: AccountId,
    ) -> Result<TargetRow, SocialError> {
        if actor == target {
            return Err(SocialError::Invalid("This cannot be done to oneself".to_owned()));
        }
        self.target(actor, target).await
    }
}
