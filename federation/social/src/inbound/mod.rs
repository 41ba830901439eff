//! What other servers tell us: the inbox, then one file an activity.
//!
//! The path of an activity: [`Social::receive`](crate::Social::receive) checks who says it and puts
//! it on disk; the batch job [`apply::ApplyActivity`] applies it with others in one transaction;
//! what must first be read from elsewhere goes through [`apply_remotely::ApplyRemotely`], so that a
//! slow host holds up nobody. Each activity is applied once, because it is claimed by its id in the
//! transaction that applies it (or hands it on). What may be done again under one id is claimed by
//! its request too, so that only the very same request is a repeat ([`envelope::Envelope::may_recur`]).
//!
//! Nothing here trusts a document because it is inside another: the signer must be the actor, and
//! what another forwards is a hint at most, to be read from its own id ([`forwarded`]); an object counts as said by its owner only where it comes with the owner's own activity under an
//! id of the owner's host. Everything else is read from its own id.

mod accept;
mod add;
mod announce;
pub(crate) mod apply;
mod apply_remotely;
mod block;
mod create;
mod delete;
mod envelope;
mod flag;
mod follow;
mod forwarded;
mod inbox;
mod incoming;
mod intake;
mod leftovers;
mod like;
mod move_;
mod needs;
mod prune;
mod refusal;
mod reject;
mod remove;
mod undo;
mod update;
mod welcome;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use spine::Runtime;

pub use inbox::{InboxRequest, InboxTarget, MAX_BODY};
pub(crate) use move_::MoveFollowers;
pub use refusal::InboxRefusal;
pub(crate) use update::store_edit;

use crate::store::inbound_accounts::{self, AccountRow};
use crate::{Social, SocialError, remote, threads};

/// What became of a request that an inbox took. All of them are answered 202.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is on disk and will be applied.
    Accepted,
    /// It was taken before; nothing changed.
    Duplicate,
    /// There was nothing to keep of it.
    Ignored,
}

/// The inbox of one process.
pub(crate) struct Inbound {
    pub(super) intake: intake::Intake,
    /// The actor of each user name that has an inbox here; a stranger asks for one name again and
    /// again.
    names: Cache<String, Option<Arc<str>>>,
}

impl Inbound {
    pub(crate) fn new() -> Self {
        Self {
            intake: intake::Intake::new(),
            names: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(Duration::from_secs(10))
                .build(),
        }
    }

    /// The id of the actor whose own inbox goes by this user name.
    async fn owner_of_inbox(
        &self,
        social: &Social,
        name: &str,
    ) -> Result<Option<Arc<str>>, SocialError> {
        let key = name.to_lowercase();
        if let Some(known) = self.names.get(&key).await {
            return Ok(known);
        }
        let account = inbound_accounts::by_handle(social.0.spine.pool(), name, None).await?;
        let owner =
            account.filter(AccountRow::is_active).map(|account| Arc::<str>::from(account.uri));
        self.names.insert(key, owner.clone()).await;
        Ok(owner)
    }
}

/// Adds what the inbound side does: its jobs, its handlers, its schedules.
pub fn register(runtime: Runtime, social: &Social) -> Runtime {
    let context = Arc::new(social.clone());
    let runtime = runtime
        .batch_job::<apply::ApplyActivity>(context.clone())
        .job::<apply_remotely::ApplyRemotely>(context.clone())
        .job::<forwarded::ReadForwarded>(context.clone())
        .job::<move_::MoveFollowers>(context.clone())
        .job::<prune::PruneApplied>(context.clone())
        .job::<prune::PruneTombstones>(context.clone())
        .cron("social.prune_applied", "17 3 * * *", prune::PruneApplied {})
        .cron("social.prune_tombstones", "7 * * * *", prune::PruneTombstones {});
    threads::register(remote::register(runtime, &context), &context)
}
