//! Applying an activity for which something must first be read from another server.

use activitypub::vocabulary::parse_url;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Cause, Concurrency, Job, JobError, JobRun, Lane};
use url::Url;

use super::apply::{ApplyActivity, Applying, apply_one};
use super::incoming::Incoming;
use super::needs::{Need, needs};
use crate::Social;
use crate::remote::RemoteError;
use crate::remote::hosts::domain_of;
use crate::remote::known::{Known, Names};
use crate::remote::posts::Wanted;

/// Reads what an activity needs from where it is, then applies the activity.
///
/// The batch that met it claimed its id and left it to this job, so that it is applied once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplyRemotely {
    /// The activity.
    pub activity: ApplyActivity,
    /// Whose it is.
    pub actor: String,
}

impl ApplyRemotely {
    pub(super) fn new(activity: &ApplyActivity, actor: &Url) -> Self {
        Self { activity: activity.clone(), actor: actor.as_str().to_owned() }
    }
}

#[async_trait]
impl Job for ApplyRemotely {
    type Context = Social;
    const KIND: &'static str = "social.apply_remotely";
    const LANE: Lane = Lane::Interactive;
    const MAX_ATTEMPTS: u16 = 5;

    /// One chatty server never takes all workers.
    fn concurrency(&self) -> Option<Concurrency> {
        let domain = parse_url(&self.actor).as_ref().and_then(domain_of)?;
        Some(Concurrency { key: format!("inbound:{domain}"), limit: 4 })
    }

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let activity = self.activity.read(run.cause()).map_err(JobError::give_up)?;
        let last = run.attempt() >= Self::MAX_ATTEMPTS;
        for need in self.find_needs(social, &activity).await? {
            match meet(social, &need, run.cause().clone()).await {
                Ok(()) => {}
                Err(error) if error.is_passing() && !last => return Err(error.into()),
                Err(error) => tracing::debug!(
                    %error,
                    activity.id = activity.id.as_str(),
                    "what an activity needs could not be read"
                ),
            }
        }
        let mut tx = run.begin().await?;
        let mut applying = Applying::load(social, &mut tx, [&activity]).await?;
        let outcome = apply_one(&mut applying, &activity).await?;
        applying.settle(&activity, outcome);
        applying.finish().await?;
        tx.commit().await?;
        Ok(())
    }
}

impl ApplyRemotely {
    async fn find_needs(
        &self,
        social: &Social,
        activity: &Incoming,
    ) -> Result<Vec<Need>, JobError> {
        let pool = social.spine().pool();
        let blocked = social.0.remote.blocked.load(pool).await?;
        let mut names = Names::default();
        names.add_document(&activity.raw);
        let mut conn = pool.acquire().await?;
        let mut known = Known::load(&mut conn, names).await?;
        known.load_followed(&mut conn).await?;
        Ok(needs(activity, &known, &blocked))
    }
}

async fn meet(social: &Social, need: &Need, cause: Cause) -> Result<(), RemoteError> {
    match need {
        Need::Post(id) => social.remote_post(id, Wanted::CONTEXT, cause).await.map(|_| ()),
        Need::NewPost(id) => social.remote_post(id, Wanted::NEWS, cause).await.map(|_| ()),
        Need::ChangedPost(id) => social.reread_post(id, cause).await,
        Need::FreshActor(id) => {
            social.read_actor(id, social.spine().clock().now()).await.map(|_| ())
        }
    }
}
