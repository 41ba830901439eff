//! Applying an activity for which something must first be read from another server.

use std::time::Duration;

use activitypub::vocabulary::parse_url;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spine::{Cause, Concurrency, Job, JobError, JobRun, Lane};
use url::Url;

use super::apply::{ApplyActivity, Applying, apply_one};
use super::incoming::Incoming;
use super::needs::{Need, needs};
use crate::Social;
use crate::remote::RemoteError;
use crate::remote::hosts::site_of;
use crate::remote::known::{Known, Names};
use crate::remote::patience;
use crate::remote::posts::Wanted;

/// Reads what an activity needs from where it is, then applies the activity.
///
/// The batch that met it claimed its id and left it to this job, so that it is applied once. Its
/// sender was told 202 and will not come again: what cannot be read now is asked for again, for
/// about a day, and only then the activity is applied as far as it can be without.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplyRemotely {
    /// The activity.
    pub activity: ApplyActivity,
    /// Whose it is.
    pub actor: String,
    /// When it was found to need something. Jobs of before this was noted have none.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
}

impl ApplyRemotely {
    pub(super) fn new(activity: &ApplyActivity, actor: &Url, now: DateTime<Utc>) -> Self {
        Self { activity: activity.clone(), actor: actor.as_str().to_owned(), since: Some(now) }
    }
}

#[async_trait]
impl Job for ApplyRemotely {
    type Context = Social;
    const KIND: &'static str = "social.apply_remotely";
    // Other people's slow servers decide how long it takes: it must not hold up what is ours.
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = patience::ATTEMPTS;

    /// One chatty site never takes all workers, under however many names.
    fn concurrency(&self) -> Option<Concurrency> {
        let site = parse_url(&self.actor).as_ref().and_then(site_of)?;
        Some(Concurrency { key: format!("inbound:{site}"), limit: 4 })
    }

    fn backoff(attempt: u16) -> Duration {
        patience::backoff(attempt)
    }

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let activity = self.activity.read(run.cause()).map_err(JobError::give_up)?;
        for need in self.find_needs(social, &activity).await? {
            match meet(social, &need, run.cause().clone()).await {
                Ok(()) => {}
                Err(RemoteError::Social(error)) => return Err(error.into()),
                Err(error) => {
                    if let Some(later) = patience::later(&error, run, self.since) {
                        return Err(later);
                    }
                    tracing::info!(
                        %error,
                        activity.id = activity.id.as_str(),
                        "what an activity needs could not be read"
                    );
                }
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
