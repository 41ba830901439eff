//! Move: somebody has another account now.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane, Tx};

use super::apply::{Applying, Outcome};
use super::incoming::Incoming;
use crate::outbound;
use crate::store::inbound_relations::{self, LocalFollower};
use crate::store::write_commands;
use crate::write::accounts;
use crate::write::follows::{self, End, FollowPair, NewFollow};
use crate::{AccountId, Social, SocialError};

/// Followers of one transaction.
const PIECE: i64 = 100;

/// The target was read again for this, and must name the old account among its aliases: else
/// anybody could take another's followers.
pub(super) async fn apply(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    let known = &applying.known;
    let Some(old) = known.active_account(&activity.actor) else {
        return Ok(Outcome::Ignored("its actor is not known"));
    };
    if activity.object.id().as_ref() != Some(&activity.actor) {
        return Ok(Outcome::Ignored("it moves another"));
    }
    let target = activity.target.as_ref().and_then(activitypub::vocabulary::Reference::id);
    let Some(new) = target.and_then(|id| known.active_account(&id)) else {
        return Ok(Outcome::Ignored("its target is not known"));
    };
    if new.id == old.id || !new.also_known_as.contains(&old.uri) {
        return Ok(Outcome::Ignored("its target does not know the old account"));
    }
    let (old, new) = (old.id, new.id);
    if accounts::set_moved(applying.tx, old, new).await? {
        applying.tx.schedule(&MoveFollowers { old, new })?;
    }
    Ok(Outcome::Applied)
}

/// Lets our followers of an account that moved follow the new one instead, some at a time.
#[derive(Debug, Serialize, Deserialize)]
pub struct MoveFollowers {
    /// Where they followed.
    pub old: AccountId,
    /// Whom they follow now.
    pub new: AccountId,
}

#[async_trait]
impl Job for MoveFollowers {
    type Context = Social;
    const KIND: &'static str = "social.move_followers";
    const LANE: Lane = Lane::Background;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        while self.move_some(social, run).await? {}
        Ok(())
    }
}

impl MoveFollowers {
    /// Whether there may be more.
    async fn move_some(&self, social: &Social, run: &JobRun) -> Result<bool, SocialError> {
        let spine = social.spine();
        let cause = run.cause().clone();
        let mut tx = spine.begin(cause.clone()).await?;
        let followers = inbound_relations::local_followers(tx.conn(), self.old, PIECE).await?;
        if followers.is_empty() {
            return Ok(false);
        }
        let mut ended = Vec::with_capacity(followers.len());
        for follower in followers {
            let id = follower.id;
            ended.push(FollowPair { follower: id, target: self.old, cause: cause.clone() });
            self.follow_new(social, &mut tx, follower).await?;
        }
        // Tells the old account's server too.
        follows::end(&mut tx, &ended, End::Unfollowed).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lets a follower follow the new account, unless either does not want that.
    async fn follow_new(
        &self,
        social: &Social,
        tx: &mut Tx,
        follower: LocalFollower,
    ) -> Result<(), SocialError> {
        let (id, new) = (follower.id, self.new);
        let pool = social.spine().worker_pool();
        let actor = write_commands::actor(pool, id.number()).await?;
        let target = write_commands::target(tx.conn(), id.number(), new.number()).await?;
        let (Some(actor), Some(target)) = (actor, target) else { return Ok(()) };
        if id == new
            || target.is_gone
            || target.follow_accepted.is_some()
            || inbound_relations::is_turned_away(tx.conn(), id, new).await?
            || inbound_relations::is_turned_away(tx.conn(), new, id).await?
        {
            return Ok(());
        }
        let uri = format!("{}#follows/{}", follower.uri, social.spine().snowflakes().next());
        let follow = NewFollow {
            show_boosts: follower.show_boosts,
            notify: follower.notify,
            languages: follower.languages,
            cause: tx.cause().clone(),
            ..NewFollow::new(id, new, uri.clone(), target.is_local && !target.locked)
        };
        follows::request(social, tx, &[follow]).await?;
        if !target.is_local {
            outbound::follow(social, tx, &actor, &target, &uri).await?;
        }
        Ok(())
    }
}
