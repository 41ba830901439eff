//! Reading known actors again.

use activitypub::vocabulary::parse_url;
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobOptions, JobRun, Lane, Tx};

use super::RemoteError;
use super::hosts::site_of;
use crate::store::inbound_accounts::AccountRow;
use crate::{Social, SocialError};

/// How old a document may be before it is read again, in the background, when it is used.
const STALE: Duration = Duration::days(1);

/// Reads an actor again because what we have of it is old.
#[derive(Debug, Serialize, Deserialize)]
pub struct RefreshActor {
    /// Its id.
    pub actor: String,
    /// When this was wanted: a younger document serves.
    pub since: DateTime<Utc>,
}

/// Whether an account is remote and its document old.
pub(super) fn is_wanted(account: &AccountRow, now: DateTime<Utc>) -> bool {
    let is_stale = account.fetched_at.is_none_or(|fetched| now - fetched > STALE);
    is_stale && !account.is_local() && !account.deleted
}

/// Schedules it where the account is remote and its document old, unless this process did so a
/// while ago.
pub(crate) fn schedule(
    social: &Social,
    tx: &mut Tx,
    account: &AccountRow,
    now: DateTime<Utc>,
) -> Result<(), SocialError> {
    if !is_wanted(account, now) || !social.0.remote.failures.may_refresh(&account.uri) {
        return Ok(());
    }
    let refresh = RefreshActor { actor: account.uri.clone(), since: now };
    tx.schedule_with(&refresh, JobOptions::default().part(account.uri.clone()))?;
    Ok(())
}

/// Schedules it for actors whose documents are not younger than `since`, as far as this process did
/// not do so a moment ago.
pub(crate) fn schedule_all(
    social: &Social,
    tx: &mut Tx,
    actors: Vec<String>,
    since: DateTime<Utc>,
) -> Result<(), SocialError> {
    for actor in actors {
        if social.0.remote.failures.may_refresh(&actor) {
            let options = JobOptions::default().part(actor.clone());
            tx.schedule_with(&RefreshActor { actor, since }, options)?;
        }
    }
    Ok(())
}

#[async_trait]
impl Job for RefreshActor {
    type Context = Social;
    const KIND: &'static str = "social.refresh_actor";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = 3;

    fn concurrency(&self) -> Option<Concurrency> {
        let site = parse_url(&self.actor).as_ref().and_then(site_of)?;
        Some(Concurrency { key: format!("read:{site}"), limit: 4 })
    }

    async fn run(&self, social: &Social, _run: &mut JobRun) -> Result<(), JobError> {
        let Some(id) = parse_url(&self.actor) else { return Ok(()) };
        match social.read_actor(&id, self.since).await {
            Ok(_) => Ok(()),
            Err(RemoteError::Social(error)) => Err(error.into()),
            // It is asked when it is used again.
            Err(error) => {
                tracing::debug!(%error, actor = self.actor, "an actor could not be read again");
                Ok(())
            }
        }
    }
}
