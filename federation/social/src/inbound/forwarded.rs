//! What one server forwards of another: the owner of a thread passes the answers in it on to his
//! followers (ActivityPub, 7.1.2), and signs as himself. His signature says nothing about what
//! another did, so the body is only a hint: what it names is read from its own id.

use std::net::IpAddr;
use std::time::Duration;

use activitypub::origin::same_origin;
use activitypub::signature::ParsedSignature;
use activitypub::vocabulary::{Activity, ActivityKind, Post, parse_url};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spine::{Cause, Concurrency, Job, JobError, JobRun, Lane};
use url::Url;

use super::{InboxRefusal, Receipt};
use crate::remote::hosts::{BlockList, site_of};
use crate::remote::known::{Known, Names};
use crate::remote::posts::Wanted;
use crate::remote::{RemoteError, patience};
use crate::{Social, SocialError};

/// What is said to have become of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// It is there, and we do not have it.
    Published,
    /// What we have of it is old.
    Changed,
    /// It is gone, and we have it.
    Deleted,
}

/// Reads from its own id what somebody forwarded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadForwarded {
    /// The post.
    pub post: Url,
    /// What is said to have become of it.
    pub hint: Hint,
    /// When that came.
    pub since: DateTime<Utc>,
}

/// What an activity says of a post of its actor's host, before anything of it is believed.
#[derive(Debug)]
pub(super) struct Rumour {
    kind: ActivityKind,
    actor: Url,
    post: Url,
    /// What the post is said to answer.
    parent: Option<Url>,
}

impl Rumour {
    /// What this activity says, if it is of the kinds that are forwarded.
    pub(super) fn of(activity: &Activity) -> Option<Self> {
        if !matches!(
            activity.kind,
            ActivityKind::Create | ActivityKind::Update | ActivityKind::Delete
        ) {
            return None;
        }
        let post = activity.object.id()?;
        if !same_origin(&post, &activity.actor) || post == activity.actor {
            return None;
        }
        let parent = activity.object.embedded().and_then(Post::answered);
        Some(Self { kind: activity.kind.clone(), actor: activity.actor.clone(), post, parent })
    }
}

impl Social {
    /// Takes an activity that another than its actor signed: 202, whatever is made of it. Forwards
    /// come from people whom somebody here follows; nothing is read for others, nor for what
    /// concerns nobody here.
    pub(super) async fn receive_forwarded(
        &self,
        parsed: &ParsedSignature,
        rumour: Option<Rumour>,
        blocked: &BlockList,
        client: Option<IpAddr>,
    ) -> Result<Receipt, InboxRefusal> {
        let pool = self.0.spine.pool();
        let owner = self.0.remote.keys.owner(pool, parsed.key_id().as_str()).await?;
        let Some(signer) = owner.as_deref().and_then(parse_url) else {
            return Ok(Receipt::Ignored);
        };
        let keys = self.check_signer(parsed, &signer, blocked, client).await?;
        self.0.hosts.wrote(&self.0.spine, &keys.inbox_host).await?;
        let Some(rumour) = rumour else { return Ok(Receipt::Ignored) };
        let Some(hint) = self.hint(&signer, &rumour).await? else {
            return Ok(Receipt::Ignored);
        };
        let since = self.0.spine.clock().now();
        let read = ReadForwarded { post: rumour.post, hint, since };
        let schedule = async {
            let mut tx = self.0.spine.begin(Cause::by(signer.as_str())).await?;
            tx.schedule(&read)?;
            tx.commit().await
        };
        schedule.await.map_err(SocialError::from)?;
        Ok(Receipt::Accepted)
    }

    /// What to make of it, if that concerns anybody here.
    async fn hint(&self, signer: &Url, rumour: &Rumour) -> Result<Option<Hint>, SocialError> {
        let mut names = Names::default();
        for id in [signer, &rumour.actor, &rumour.post].into_iter().chain(&rumour.parent) {
            names.add(id);
        }
        let mut conn = self.0.spine.pool().acquire().await?;
        let mut known = Known::load(&mut conn, names).await?;
        known.load_followed(&mut conn).await?;
        let is_followed =
            |id: &Url| known.active_account(id).is_some_and(|of| known.is_followed_here(of));
        if !is_followed(signer) {
            return Ok(None);
        }
        let is_wanted = is_followed(&rumour.actor)
            || rumour.parent.as_ref().is_some_and(|id| known.post(id).is_some());
        Ok(match (&rumour.kind, known.post(&rumour.post)) {
            (ActivityKind::Create | ActivityKind::Update, None) if is_wanted => {
                Some(Hint::Published)
            }
            (ActivityKind::Update, Some(stored)) if !stored.local => Some(Hint::Changed),
            (ActivityKind::Delete, Some(stored)) if !stored.local => Some(Hint::Deleted),
            _ => None,
        })
    }
}

#[async_trait]
impl Job for ReadForwarded {
    type Context = Social;
    const KIND: &'static str = "social.read_forwarded";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = patience::ATTEMPTS;

    /// Nobody has us ask another site for more than a few things at a time.
    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: format!("forwarded:{}", site_of(&self.post)?), limit: 2 })
    }

    fn backoff(attempt: u16) -> Duration {
        patience::backoff(attempt)
    }

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let cause = run.cause().clone();
        let result = match self.hint {
            Hint::Published => {
                social.remote_post(&self.post, Wanted::NEWS, cause).await.map(|_| ())
            }
            Hint::Changed => social.reread_post(&self.post, cause).await,
            Hint::Deleted => social.drop_if_gone(&self.post, cause).await,
        };
        match result {
            Ok(()) => Ok(()),
            Err(RemoteError::Social(error)) => Err(error.into()),
            Err(error) => {
                if let Some(later) = patience::later(&error, run, Some(self.since)) {
                    return Err(later);
                }
                tracing::debug!(%error, post = %self.post, "a forwarded post could not be read");
                Ok(())
            }
        }
    }
}
