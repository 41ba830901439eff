//! What people do with accounts.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::SpaceId;
use contracts::events::connectors::AccountChanged;
use serde_json::Value;
use spine::{Cause, JobOptions, Snowflake, Spine, SpineError, Tx};
use uuid::Uuid;

use crate::account::{self, Account};
use crate::jobs::{self, ForgetAccount};
use crate::{AccountState, Connectors, ConnectorsError, NewAccount, Trigger, store};
use contracts::input;

/// What is to be changed of an account; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// What people call it.
    pub name: Option<String>,
    /// The plugin's settings.
    pub config: Option<Value>,
    /// Where what comes from it belongs.
    pub space: Option<SpaceId>,
    /// What everything from it is labelled with.
    pub labels: Option<Vec<String>>,
    /// Seconds between syncs; `Some(None)`: by webhook and by hand only.
    pub schedule: Option<Option<u32>>,
    /// The consent that it rests on.
    pub consent: Option<Option<Uuid>>,
}

impl Connectors {
    /// Adds an account, which is read for the first time at once. Where its id is known already, the
    /// account that has it is answered, as it is.
    ///
    /// # Errors
    /// The plugin does not accept the configuration, or may not be called; the input is not acceptable; the
    /// database failed.
    pub async fn add(&self, new: NewAccount, cause: Cause) -> Result<Account, ConnectorsError> {
        let mut new = new.checked()?;
        let plugins = &self.0.plugins;
        plugins.check_config(&new.plugin, &new.config).await?;
        match new.schedule {
            None => {
                let asked = plugins.schedule(&new.plugin).await?;
                let (least, most) = account::SCHEDULES.into_inner();
                new.schedule = asked.map(|seconds| seconds.clamp(least, most));
            }
            wanted => account::polite(wanted, plugins.minimum_schedule(&new.plugin).await?)?,
        }
        let now = self.0.spine.clock().now();
        let mut tx = self.0.spine.begin(cause).await?;
        if store::accounts::insert(tx.conn(), &new, next_time(new.schedule, now), now).await? {
            tx.record(&changed(new.id, &new.plugin, new.owner, "added"))?;
            jobs::queue(&mut tx, new.id, Trigger::Added).await?;
            tx.commit().await?;
        }
        self.account(new.id).await
    }

    /// One account.
    ///
    /// # Errors
    /// There is none; the database failed.
    pub async fn account(&self, id: Uuid) -> Result<Account, ConnectorsError> {
        store::accounts::find(self.0.spine.pool(), id).await?.ok_or(ConnectorsError::NotFound)
    }

    /// Changes what people set. An account that waited for its owner is tried again where its
    /// configuration changed.
    ///
    /// # Errors
    /// It was changed meanwhile, as compared with `account`; the plugin does not accept the configuration;
    /// the input is not acceptable; the database failed.
    pub async fn change(
        &self,
        account: Account,
        change: AccountChange,
        cause: Cause,
    ) -> Result<Account, ConnectorsError> {
        let mut next = account.clone();
        if let Some(name) = &change.name {
            next.name = input::name(name)?;
        }
        if let Some(labels) = change.labels {
            next.labels = input::labels(labels)?;
        }
        if let Some(space) = change.space {
            next.space = space;
        }
        if let Some(consent) = change.consent {
            next.consent = consent;
        }
        let now = self.0.spine.clock().now();
        let mut reschedule = None;
        if let Some(schedule) = change.schedule {
            account::schedule(schedule)?;
            if schedule.is_some() && schedule != account.schedule {
                let least = self.0.plugins.minimum_schedule(&account.plugin).await?;
                account::polite(schedule, least)?;
            }
            next.schedule = schedule;
            reschedule = Some(next_time(schedule, now));
        }
        let mut mended = false;
        if let Some(config) = change.config.filter(|config| *config != account.config) {
            account::config(&config)?;
            self.0.plugins.check_config(&account.plugin, &config).await?;
            next.config = config;
            mended = account.state != AccountState::Paused;
        }
        if mended {
            next.state = AccountState::Active;
            reschedule = Some(next_time(next.schedule, now));
        }
        let change = Stored {
            was: account.state,
            reschedule,
            change: "changed",
            then: mended.then_some(Trigger::Added),
        };
        self.store(next, change, cause).await
    }

    /// Stops syncs until [`Connectors::resume`]; webhooks are told to come again later.
    ///
    /// # Errors
    /// It was changed meanwhile; the database failed.
    pub async fn pause(&self, account: Account, cause: Cause) -> Result<Account, ConnectorsError> {
        if account.state == AccountState::Paused {
            return Ok(account);
        }
        let change =
            Stored { was: account.state, reschedule: Some(None), change: "paused", then: None };
        self.store(Account { state: AccountState::Paused, ..account }, change, cause).await
    }

    /// Goes on where it stopped: after a pause, after its owner signed in again.
    ///
    /// # Errors
    /// It was changed meanwhile; the database failed.
    pub async fn resume(
        &self,
        mut account: Account,
        cause: Cause,
    ) -> Result<Account, ConnectorsError> {
        if account.state == AccountState::Active {
            return Ok(account);
        }
        let change = Stored {
            was: account.state,
            reschedule: Some(next_time(account.schedule, self.0.spine.clock().now())),
            change: "resumed",
            then: Some(Trigger::Hand),
        };
        account.state = AccountState::Active;
        self.store(account, change, cause).await
    }

    async fn store(
        &self,
        account: Account,
        change: Stored,
        cause: Cause,
    ) -> Result<Account, ConnectorsError> {
        let mut tx = self.0.spine.begin(cause).await?;
        // Who makes it active again begins as if nothing had gone wrong.
        let anew = change.then.is_some();
        let Stored { was, reschedule, .. } = change;
        if !store::accounts::update(tx.conn(), &account, was, anew, reschedule).await? {
            tx.rollback().await?;
            let there = store::accounts::find(self.0.spine.pool(), account.id).await?;
            let meanwhile = |_| ConnectorsError::ChangedMeanwhile;
            return Err(there.map_or(ConnectorsError::NotFound, meanwhile));
        }
        tx.record(&changed(account.id, &account.plugin, account.owner, change.change))?;
        if let Some(trigger) = change.then {
            jobs::queue(&mut tx, account.id, trigger).await?;
        }
        tx.commit().await?;
        self.account(account.id).await
    }

    /// Has an active account synchronised now; whether it began a run, rather than finding one that waits.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sync_now(&self, account: Uuid, cause: Cause) -> Result<bool, ConnectorsError> {
        let mut tx = self.0.spine.begin(cause).await?;
        let queued = jobs::queue(&mut tx, account, Trigger::Hand).await?;
        tx.commit().await?;
        Ok(queued)
    }

    /// Has everything of an active account read again. A run that is under way ends without effect.
    ///
    /// # Errors
    /// The database failed.
    pub async fn resync(&self, account: &Account, cause: Cause) -> Result<bool, ConnectorsError> {
        let mut tx = self.0.spine.begin(cause).await?;
        if store::sync::reset(tx.conn(), account.id, None).await?.is_none() {
            return Ok(false);
        }
        tx.record(&changed(account.id, &account.plugin, account.owner, "resync"))?;
        jobs::queue(&mut tx, account.id, Trigger::Resync).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes an account. With `erase` all that came from it becomes unreadable in the ledger, and
    /// whoever keeps copies drops them; without, that happens when its owner is erased.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove(
        &self,
        account: Uuid,
        erase: bool,
        cause: Cause,
    ) -> Result<(), ConnectorsError> {
        let mut tx = self.0.spine.begin(cause).await?;
        let records = if erase { Records::Erased } else { Records::Kept };
        remove_all(&mut tx, &[account], records).await?;
        Ok(tx.commit().await?)
    }

    /// Removes all of a person's accounts and devices, and erases what came from them, and from accounts that
    /// were removed before.
    pub(crate) async fn erase_person(
        &self,
        tx: &mut Tx,
        person: Snowflake,
    ) -> Result<(), SpineError> {
        let ids = store::accounts::of_owner(tx.conn(), person).await?;
        remove_all(tx, &ids, Records::Erased).await?;
        let removed = store::endings::forget_removed_of(tx.conn(), person).await?;
        let devices = store::devices::delete_all_of(tx.conn(), person).await?;
        let cause = tx.cause().clone();
        let accounts = removed.into_iter().map(Account::subject);
        let reports = devices.iter().map(|id| format!("device:{id}"));
        let subjects: Vec<_> =
            accounts.chain(reports).map(|subject| (subject, cause.clone())).collect();
        Spine::erase_all(tx, &subjects).await?;
        let known = Arc::clone(&self.0.devices);
        tx.on_commit(move || devices.iter().for_each(|id| known.forget(*id)));
        Ok(())
    }
}

/// How a change of an account is written down.
struct Stored {
    /// The state that it was read in.
    was: AccountState,
    /// When it is synchronised next, where that changes.
    reschedule: Option<Option<DateTime<Utc>>>,
    /// What the event calls it.
    change: &'static str,
    /// Why a run begins, where one does.
    then: Option<Trigger>,
}

/// What becomes of what an account brought, when the account goes.
#[derive(Clone, Copy)]
enum Records {
    Kept,
    Erased,
}

/// Removes accounts: their rows here, their secrets and state at the plugin manager, and, where wished,
/// what they brought.
async fn remove_all(tx: &mut Tx, ids: &[Uuid], records: Records) -> Result<(), SpineError> {
    let removed = store::accounts::delete(tx.conn(), ids).await?;
    match records {
        Records::Kept => {
            let now = tx.spine().clock().now();
            store::endings::keep_removed(tx.conn(), &removed, now).await?;
        }
        Records::Erased => {
            let cause = tx.cause().clone();
            let subjects: Vec<_> =
                removed.iter().map(|(id, ..)| (Account::subject(*id), cause.clone())).collect();
            Spine::erase_all(tx, &subjects).await?;
        }
    }
    for (account, plugin, owner) in removed {
        tx.record(&changed(account, &plugin, owner, "removed"))?;
        let options = JobOptions::default().part(account.to_string());
        tx.schedule_with(&ForgetAccount { plugin, account }, options)?;
    }
    Ok(())
}

/// The next time by a schedule.
fn next_time(schedule: Option<u32>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    schedule.map(|seconds| now + TimeDelta::seconds(i64::from(seconds)))
}

pub(crate) fn changed(
    account: Uuid,
    plugin: &str,
    owner: Snowflake,
    change: &str,
) -> AccountChanged {
    AccountChanged { account, plugin: plugin.to_owned(), owner, change: change.to_owned() }
}
