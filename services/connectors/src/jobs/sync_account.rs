//! One page of an account's sync.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::{Principal, Purpose, SpaceId};
use contracts::events::connectors::{AccountChanged, DataReceived};
use contracts::plugins::{ConnectorBatch, PluginError, PluginFailure};
use serde::{Deserialize, Serialize};
use spine::{Cause, Concurrency, Job, JobError, JobOptions, JobRun, Lane, SpineError, Tx};
use uuid::Uuid;

use crate::account::{Account, Standing, bounded, wished};
use crate::store::runs::Step;
use crate::store::sync::{Advance, Failure, Postponed};
use crate::{AccountState, Connectors, Trigger, records, store};
use contracts::input;

/// The largest cursor.
const LARGEST_CURSOR: usize = 1 << 20;
/// A run that never comes to its end stops after so many pages; the next one goes on.
const MOST_PAGES: u32 = 10_000;
/// For how many seconds to wait where as many calls of the plugin run as may: those
/// who wait do not come again together.
const CROWDED: std::ops::RangeInclusive<f64> = 2.0..=5.0;
/// How long to wait for a plugin that cannot be called.
const UNAVAILABLE: Duration = Duration::from_secs(600);
/// The longest error that is kept.
const LONGEST_ERROR: usize = 1_000;

/// Gets one page of an account in the background, and schedules the next.
///
/// Safe to run twice: what it writes is fenced by the cursor's version that the page was asked with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SyncAccount {
    pub(crate) account: Uuid,
    /// The run that the page belongs to.
    pub(crate) run: Uuid,
    pub(crate) trigger: Trigger,
    /// The cursor's version that the page before led to; none for the first page. Where the account is at
    /// another one, another run goes on, and this one is over.
    #[serde(default)]
    pub(crate) from: Option<i64>,
    /// How many pages the run had.
    #[serde(default)]
    pub(crate) pages: u32,
    /// When it began.
    #[serde(default)]
    pub(crate) started_at: Option<DateTime<Utc>>,
}

/// The same where somebody waits for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SyncAccountNow(pub(crate) SyncAccount);

impl SyncAccount {
    /// The first page of a new run.
    pub(crate) fn first(account: Uuid, trigger: Trigger) -> Self {
        Self { account, run: Uuid::now_v7(), trigger, from: None, pages: 0, started_at: None }
    }

    fn one_at_a_time(&self) -> Concurrency {
        Concurrency { key: format!("connector:{}", self.account), limit: 1 }
    }

    /// The page after this one. The rest of a long run is nobody's hurry.
    fn schedule_next(&self, tx: &mut Tx, next: Self) -> Result<(), SpineError> {
        let part = format!("{}:{}", self.run, next.pages);
        tx.schedule_with(&next, JobOptions::default().part(part))?;
        Ok(())
    }
}

#[async_trait]
impl Job for SyncAccount {
    type Context = Connectors;
    const KIND: &'static str = "connectors.sync_account";
    const LANE: Lane = Lane::Background;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(self.one_at_a_time())
    }

    async fn run(&self, connectors: &Connectors, run: &mut JobRun) -> Result<(), JobError> {
        sync(connectors, self, run).await
    }
}

#[async_trait]
impl Job for SyncAccountNow {
    type Context = Connectors;
    const KIND: &'static str = "connectors.sync_account_now";
    const LANE: Lane = Lane::Interactive;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(self.0.one_at_a_time())
    }

    async fn run(&self, connectors: &Connectors, run: &mut JobRun) -> Result<(), JobError> {
        sync(connectors, &self.0, run).await
    }
}

/// Schedules a run of an active account, unless one waits that will do; whether it did.
pub(crate) async fn queue(
    tx: &mut Tx,
    account: Uuid,
    trigger: Trigger,
) -> Result<bool, SpineError> {
    let now = tx.spine().clock().now();
    if !store::sync::queue(tx.conn(), account, trigger.is_urgent(), now).await? {
        return Ok(false);
    }
    let sync = SyncAccount::first(account, trigger);
    let options = JobOptions::default().part(sync.run.to_string());
    if trigger.is_urgent() {
        tx.schedule_with(&SyncAccountNow(sync), options)?;
    } else {
        tx.schedule_with(&sync, options)?;
    }
    Ok(true)
}

async fn sync(
    connectors: &Connectors,
    job: &SyncAccount,
    run: &mut JobRun,
) -> Result<(), JobError> {
    let (spine, plugins) = (&connectors.0.spine, &connectors.0.plugins);
    let now = spine.clock().now();
    if job.from.is_none() {
        store::sync::begin(spine.worker_pool(), job.account, now).await?;
    }
    let Some(account) = store::accounts::find(spine.worker_pool(), job.account).await? else {
        return Ok(()); // Removed since.
    };
    let overtaken = job.from.is_some_and(|version| version != account.cursor_version);
    if account.state != AccountState::Active || overtaken {
        let tx = run.begin().await?;
        return give_way(tx, job, now).await;
    }
    if let Some(time) = account.not_before.filter(|time| *time > now) {
        let after = (time - now).to_std().unwrap_or_default();
        let reason = account.last_error.unwrap_or_else(|| "the source asks to wait".to_owned());
        return Err(JobError::RetryAfter { after, reason });
    }
    let Some(place) = connectors.0.syncs.take(&account.plugin) else {
        let reason = format!("{} is called as often as it may be at once", account.plugin);
        let after = Duration::from_secs_f64(rand::random_range(CROWDED));
        return Err(JobError::RetryAfter { after, reason });
    };
    let answer =
        plugins.sync(&account.plugin, account.id, &account.config, account.cursor.clone()).await;
    drop(place);
    let page = Page { connectors, job, account: &account, began_at: job.started_at.unwrap_or(now) };
    match answer {
        Ok(batch) => match page.refusal(&batch) {
            None => page.take(run, batch).await,
            Some(reason) => page.failed(run, AccountState::Active, reason).await,
        },
        Err(PluginError::Guest(failure)) => page.guest_failed(run, failure).await,
        Err(PluginError::Unavailable { reason, .. }) => page.later(UNAVAILABLE, reason).await,
        Err(error @ PluginError::Resting { after, .. }) => {
            page.later(after, error.to_string()).await
        }
        // A trap may be a passing one, a broken limit too where the source answers another page.
        Err(error @ PluginError::Stopped { .. }) => {
            let wait = SyncAccount::backoff(run.attempt());
            page.note(wait, &error.to_string(), true).await?;
            if run.attempt() >= SyncAccount::MAX_ATTEMPTS {
                return page.failed(run, AccountState::Active, error.to_string()).await;
            }
            Err(JobError::retry(error))
        }
        Err(error @ PluginError::Internal(_)) => Err(JobError::retry(error)),
    }
}

/// Ends a run that may not go on: its account is not active, or another run is further.
async fn give_way(mut tx: Tx, job: &SyncAccount, now: DateTime<Utc>) -> Result<(), JobError> {
    tracing::info!(account.id = %job.account, "a run gives way: the account has moved on");
    let reason = "the account was paused, changed or read anew meanwhile";
    store::runs::give_way(tx.conn(), job.run, reason, now).await?;
    Ok(tx.commit().await?)
}

/// A page that was asked for.
struct Page<'a> {
    connectors: &'a Connectors,
    job: &'a SyncAccount,
    account: &'a Account,
    began_at: DateTime<Utc>,
}

impl Page<'_> {
    fn now(&self) -> DateTime<Utc> {
        self.connectors.0.spine.clock().now()
    }

    /// Why a page is not taken.
    fn refusal(&self, batch: &ConnectorBatch) -> Option<String> {
        if batch.next_cursor.as_ref().is_some_and(|cursor| cursor.len() > LARGEST_CURSOR) {
            return Some("the plugin gave a cursor of more than a mebibyte".to_owned());
        }
        let stands_still = batch.records.is_empty() && batch.next_cursor == self.account.cursor;
        (batch.more && stands_still)
            .then(|| "the plugin asks for another page and does not move on".to_owned())
    }

    /// The cause of what a page brings.
    fn cause(&self, tx: &Tx, space: &SpaceId) -> Cause {
        Cause {
            actor: Some(Principal::Plugin(self.account.plugin.clone()).to_string()),
            space: Some(space.to_string()),
            purpose: Some(Purpose::SYNC.to_string()),
            ..tx.cause().clone()
        }
    }

    fn step<'s>(
        &'s self,
        records: usize,
        outcome: &'static str,
        error: Option<&'s str>,
    ) -> Step<'s> {
        Step {
            run: self.job.run,
            account: self.account.id,
            trigger: self.job.trigger.name(),
            started_at: self.began_at,
            pages: i32::from(error.is_none()),
            records: i64::try_from(records).unwrap_or(i64::MAX),
            outcome,
            error,
        }
    }

    fn changed(&self, change: &str) -> AccountChanged {
        AccountChanged {
            account: self.account.id,
            plugin: self.account.plugin.clone(),
            owner: self.account.owner,
            change: change.to_owned(),
        }
    }

    /// The page after this one.
    fn next(&self, from: i64) -> SyncAccount {
        SyncAccount {
            from: Some(from),
            pages: self.job.pages + 1,
            started_at: Some(self.began_at),
            ..self.job.clone()
        }
    }

    /// The records, the cursor after them and the next page's job, in the transaction that completes this
    /// job.
    async fn take(&self, run: &mut JobRun, batch: ConnectorBatch) -> Result<(), JobError> {
        let (account, now) = (self.account, self.now());
        let more = batch.more && self.job.pages + 1 < MOST_PAGES;
        let advance = Advance {
            account: account.id,
            from: account.cursor_version,
            config: &account.config,
            cursor: batch.next_cursor.as_deref(),
            last: !more,
            wished: wished(batch.next_sync_after, now),
            jitter: rand::random::<f64>() / 10.0,
        };
        let mut tx = run.begin().await?;
        let Some(standing) = store::sync::advance(tx.conn(), &advance, now).await? else {
            return give_way(tx, self.job, now).await;
        };
        let Standing { space, labels, consent } = standing;
        tx.set_cause(self.cause(&tx, &space));
        let count = batch.records.len();
        for records in records::parts(batch.records) {
            tx.record(&DataReceived {
                account: account.id,
                plugin: account.plugin.clone(),
                plugin_version: batch.plugin_version.clone(),
                owner: account.owner,
                space: space.clone(),
                labels: labels.clone(),
                records,
                consent,
            })?;
        }
        if more {
            self.job.schedule_next(&mut tx, self.next(account.cursor_version + 1))?;
        }
        let step = self.step(count, if more { "running" } else { "done" }, None);
        store::runs::note(tx.conn(), &step, now).await?;
        Ok(tx.commit().await?)
    }

    async fn guest_failed(&self, run: &mut JobRun, failure: PluginFailure) -> Result<(), JobError> {
        match failure {
            PluginFailure::Retry { after, reason } => {
                // As a failed attempt it waits for its backoff at least, and gives up some day.
                let wait = bounded(after.unwrap_or_default());
                if run.attempt() >= SyncAccount::MAX_ATTEMPTS {
                    let ends = self.now() + TimeDelta::from_std(wait).unwrap_or_default();
                    return self.ended(run, AccountState::Active, reason, Some(ends)).await;
                }
                self.note(wait, &reason, true).await?;
                Err(JobError::RetryNotBefore { after: wait, reason })
            }
            PluginFailure::Unauthorized(reason) => {
                self.failed(run, AccountState::NeedsSignIn, reason).await
            }
            PluginFailure::BadConfig(reason) => {
                self.failed(run, AccountState::Failed, reason).await
            }
            PluginFailure::CursorExpired if self.account.cursor.is_some() => {
                self.begin_again(run).await
            }
            PluginFailure::CursorExpired => {
                let reason = "the source refuses a cursor although none was given";
                self.failed(run, AccountState::Active, reason.to_owned()).await
            }
            PluginFailure::Rejected(reason) | PluginFailure::Failed(reason) => {
                self.failed(run, AccountState::Active, reason).await
            }
        }
    }

    /// The source has forgotten where we were: everything is read again.
    async fn begin_again(&self, run: &mut JobRun) -> Result<(), JobError> {
        let (account, now) = (self.account, self.now());
        let mut tx = run.begin().await?;
        let reset = store::sync::reset(tx.conn(), account.id, Some(account.cursor_version)).await?;
        let Some(version) = reset else { return give_way(tx, self.job, now).await };
        tx.set_cause(self.cause(&tx, &account.space));
        tx.record(&self.changed("resync"))?;
        self.job.schedule_next(&mut tx, self.next(version))?;
        store::runs::note(tx.conn(), &self.step(0, "running", None), now).await?;
        Ok(tx.commit().await?)
    }

    /// The run is over. An account that stays active is tried again by its schedule, less and less often;
    /// another waits for its owner.
    async fn failed(
        &self,
        run: &mut JobRun,
        state: AccountState,
        reason: String,
    ) -> Result<(), JobError> {
        self.ended(run, state, reason, None).await
    }

    async fn ended(
        &self,
        run: &mut JobRun,
        state: AccountState,
        reason: String,
        not_before: Option<DateTime<Utc>>,
    ) -> Result<(), JobError> {
        let (account, now) = (self.account, self.now());
        let reason = input::kept(&reason, LONGEST_ERROR);
        let stays = state == AccountState::Active;
        let failure = Failure {
            account: account.id,
            from: account.cursor_version,
            state,
            error: &reason,
            next_sync_at: if stays { account.after_failure(now) } else { None },
            not_before,
        };
        let mut tx = run.begin().await?;
        if !store::sync::fail(tx.conn(), &failure).await? {
            return give_way(tx, self.job, now).await;
        }
        tx.set_cause(self.cause(&tx, &account.space));
        if !stays {
            tx.record(&self.changed(state.name()))?;
        }
        let step = self.step(0, if stays { "failed" } else { "stopped" }, Some(&reason));
        store::runs::note(tx.conn(), &step, now).await?;
        tracing::warn!(
            account.id = %account.id, plugin = account.plugin, state = state.name(), reason,
            "a sync failed"
        );
        Ok(tx.commit().await?)
    }

    /// Nothing is wrong with the run: again later, as if it had not been tried.
    async fn later(&self, after: Duration, reason: String) -> Result<(), JobError> {
        let after = bounded(after);
        self.note(after, &reason, false).await?;
        Err(JobError::RetryAfter { after, reason })
    }

    /// Keeps with the account why and how long it waits: for every run of it.
    async fn note(&self, after: Duration, reason: &str, failed: bool) -> Result<(), JobError> {
        let now = self.now();
        let postponed = Postponed {
            account: self.account.id,
            from: self.account.cursor_version,
            error: &input::kept(reason, LONGEST_ERROR),
            not_before: now + TimeDelta::from_std(after).unwrap_or_default(),
            failed,
            at_first: self.job.from.is_none(),
        };
        let pool = self.connectors.0.spine.worker_pool();
        Ok(store::sync::postpone(pool, &postponed, now).await?)
    }
}
