//! Making, changing, switching, stopping and removing rules. Each is one transaction: the rows, the number of the change, the
//! event.

use contracts::access::{Caller, SpaceId};
use contracts::events::rules::RuleChanged;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use spine::{Cause, Snowflake, Tx};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use crate::document::{MediaType, RuleDocument};
use crate::engine::limits::RULES_PER_TYPE;
use crate::engine::{Identity, Rule};
use crate::store::changes::{Change, Locked, NewRule, NewVersion};
use crate::store::rules::StoredRule;
use crate::{Rules, RulesError, examples, store};

/// How many rules one owner may have.
const RULES: i64 = 1_000;

/// A document as somebody sent it, read.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) media_type: MediaType,
    pub(crate) source: String,
    pub(crate) document: RuleDocument,
}

/// Whose a new rule is.
#[derive(Clone, Debug)]
pub(crate) struct Belongs {
    pub(crate) owner: Snowflake,
    pub(crate) space: SpaceId,
}

impl Rules {
    /// Makes a rule, or finds the one that an earlier call with the same id made.
    ///
    /// # Errors
    /// The rule is refused; there are too many; the store failed.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        id: Uuid,
        belongs: Belongs,
        sent: Sent,
    ) -> Result<StoredRule, RulesError> {
        let now = self.0.spine.clock().now();
        let identity = Identity {
            rule: id,
            version: 1,
            owner: belongs.owner,
            space: belongs.space,
            since: now,
        };
        let (rule, document) = self.checked(identity, sent.document).await?;
        let mut tx = self.0.spine.begin(caller.cause()).await?;
        let generation = store::changes::next_generation(tx.conn()).await?;
        let new = NewRule {
            id,
            owner: rule.identity.owner,
            space: rule.identity.space.as_str(),
            name: &document.name,
            enabled: document.enabled,
            generation,
            now,
        };
        if !store::changes::insert(tx.conn(), &new).await? {
            tx.rollback().await?;
            return store::rules::find(self.0.spine.pool(), id).await?.ok_or(RulesError::Absent);
        }
        let source =
            Source { media_type: sent.media_type, source: &sent.source, document: &document };
        self.store_version(&mut tx, &rule, &source, caller).await?;
        if store::changes::count_of_owner(tx.conn(), rule.identity.owner).await? > RULES {
            return Err(RulesError::TooMany(format!("one owner may have {RULES} rules")));
        }
        self.commit_change(tx, &rule.identity, "made").await
    }

    /// Replaces a rule's document: a new version.
    ///
    /// # Errors
    /// The rule is refused; it changed since `seen`, where that is told; the store failed.
    pub(crate) async fn replace(
        &self,
        caller: &Caller,
        before: &StoredRule,
        seen: impl Fn(i64) -> bool,
        sent: Sent,
    ) -> Result<StoredRule, RulesError> {
        let now = self.0.spine.clock().now();
        let space = before.space()?;
        let identity = Identity {
            rule: before.id,
            version: before.version + 1,
            owner: before.owner(),
            space,
            since: now,
        };
        let (rule, document) = self.checked(identity, sent.document).await?;
        let (mut tx, generation, locked) = self.begin_change(caller.cause(), before.id).await?;
        if !seen(locked.generation) || locked.version != before.version {
            return Err(RulesError::Changed);
        }
        let change = Change {
            rule: before.id,
            version: rule.identity.version,
            name: Some(&document.name),
            enabled: document.enabled,
            // Somebody looked at it: it gets another chance.
            stopped: None,
            generation,
            now,
        };
        store::changes::update(tx.conn(), &change).await?;
        store::waiting::end_all(tx.conn(), &[before.id], None, "the rule was changed meanwhile")
            .await?;
        let source =
            Source { media_type: sent.media_type, source: &sent.source, document: &document };
        self.store_version(&mut tx, &rule, &source, caller).await?;
        self.commit_change(tx, &rule.identity, "changed").await
    }

    /// Switches a rule on or off. On also lets one run again that was stopped.
    ///
    /// # Errors
    /// It changed since `seen`; the store failed.
    pub(crate) async fn switch(
        &self,
        caller: &Caller,
        before: &StoredRule,
        seen: impl Fn(i64) -> bool,
        enabled: bool,
    ) -> Result<StoredRule, RulesError> {
        let (tx, generation, locked) = self.begin_change(caller.cause(), before.id).await?;
        if !seen(locked.generation) {
            return Err(RulesError::Changed);
        }
        if locked.enabled == enabled && locked.stopped.is_none() {
            tx.rollback().await?;
            return store::rules::find(self.0.spine.pool(), before.id)
                .await?
                .ok_or(RulesError::Absent);
        }
        self.set_running(tx, before, locked, generation, enabled, None).await
    }

    /// Stops a rule that went beyond its limits, until somebody changes it or switches it on again.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn stop(&self, rule: Uuid, why: &str) -> Result<(), RulesError> {
        let Some(before) = store::rules::find(self.0.spine.worker_pool(), rule).await? else {
            return Ok(());
        };
        if before.stopped.is_some() {
            return Ok(());
        }
        tracing::warn!(rule.id = %rule, why, "a rule is stopped");
        let cause = Cause::by("service:rules");
        let (tx, generation, locked) = match self.begin_change(cause, rule).await {
            Err(RulesError::Absent) => return Ok(()),
            begun => begun?,
        };
        let enabled = locked.enabled;
        self.set_running(tx, &before, locked, generation, enabled, Some(why)).await?;
        Ok(())
    }

    async fn set_running(
        &self,
        mut tx: Tx,
        before: &StoredRule,
        locked: Locked,
        generation: i64,
        enabled: bool,
        stopped: Option<&str>,
    ) -> Result<StoredRule, RulesError> {
        let now = self.0.spine.clock().now();
        let change = Change {
            rule: before.id,
            version: locked.version,
            name: None,
            enabled,
            stopped,
            generation,
            now,
        };
        store::changes::update(tx.conn(), &change).await?;
        let word = match (enabled, stopped) {
            (_, Some(_)) => "stopped",
            (true, None) => "enabled",
            (false, None) => "disabled",
        };
        if word != "enabled" {
            let why = format!("the rule was {word} meanwhile");
            store::waiting::end_all(tx.conn(), &[before.id], None, &why).await?;
        }
        let stored = store::rules::version(tx.conn(), before.id, locked.version)
            .await?
            .ok_or(RulesError::Absent)?;
        let document: RuleDocument = serde_json::from_value(stored.document)?;
        let next = document
            .schedule
            .filter(|_| word == "enabled")
            .and_then(|schedule| schedule.next_after(now).ok());
        store::schedules::set(tx.conn(), before.id, next).await?;
        let identity = Identity {
            rule: before.id,
            version: locked.version,
            owner: before.owner(),
            space: before.space()?,
            since: now,
        };
        self.commit_change(tx, &identity, word).await
    }

    /// Removes a rule, with its versions and traces.
    ///
    /// # Errors
    /// It changed since `seen`; the store failed.
    pub(crate) async fn remove(
        &self,
        caller: &Caller,
        before: &StoredRule,
        seen: impl Fn(i64) -> bool,
    ) -> Result<(), RulesError> {
        let (mut tx, generation, locked) = self.begin_change(caller.cause(), before.id).await?;
        if !seen(locked.generation) {
            return Err(RulesError::Changed);
        }
        store::changes::remove(tx.conn(), before.id, generation, self.0.spine.clock().now())
            .await?;
        tx.record(&RuleChanged {
            rule: before.id,
            version: u32::try_from(locked.version).unwrap_or_default(),
            owner: before.owner(),
            change: "removed".to_owned(),
        })?;
        tx.commit().await?;
        self.current().await?;
        Ok(())
    }

    /// Compiles a document and runs its examples, on a thread that their depth fits on.
    pub(crate) async fn checked(
        &self,
        identity: Identity,
        document: RuleDocument,
    ) -> Result<(Arc<Rule>, RuleDocument), RulesError> {
        let now = self.0.spine.clock().now();
        let (rule, document, failing) = self
            .0
            .trials
            .run(Duration::from_secs(30), move |_| {
                let rule = Arc::new(Rule::compile(identity, &document)?);
                let failing = examples::first_failing(&rule, &document.tests, now);
                Ok::<_, RulesError>((rule, document, failing))
            })
            .await??;
        match failing {
            Some((index, why)) => Err(RulesError::Test { index, why }),
            None => Ok((rule, document)),
        }
    }

    /// Begins to change a rule. In this order whatever is locked: the number of the change, the rule, its tally.
    async fn begin_change(
        &self,
        cause: Cause,
        rule: Uuid,
    ) -> Result<(Tx, i64, Locked), RulesError> {
        let mut tx = self.0.spine.begin(cause).await?;
        let generation = store::changes::next_generation(tx.conn()).await?;
        let locked = store::changes::lock(tx.conn(), rule).await?.ok_or(RulesError::Absent)?;
        store::outcomes::hold(tx.conn(), &[rule]).await?;
        Ok((tx, generation, locked))
    }

    /// Stores the version that a rule now has, what triggers it and when its schedule comes.
    async fn store_version(
        &self,
        tx: &mut Tx,
        rule: &Rule,
        source: &Source<'_>,
        caller: &Caller,
    ) -> Result<(), RulesError> {
        let identity = &rule.identity;
        let document: Json = serde_json::to_value(source.document)?;
        let version = NewVersion {
            rule: identity.rule,
            version: identity.version,
            media_type: source.media_type.name(),
            source: source.source,
            document: &document,
            hash: &Sha256::digest(source.source.as_bytes()),
            made_by: &caller.principal.to_string(),
            now: identity.since,
        };
        store::changes::insert_version(tx.conn(), &version).await?;
        let types: Vec<String> =
            source.document.on.iter().map(|trigger| trigger.r#type.clone()).collect();
        store::changes::set_triggers(tx.conn(), identity.rule, identity.owner, &types).await?;
        let most = RULES_PER_TYPE as i64;
        if let Some(kind) =
            store::changes::crowded_type(tx.conn(), identity.owner, &types, most).await?
        {
            return Err(RulesError::TooMany(format!(
                "{kind} triggers {RULES_PER_TYPE} rules of this owner already"
            )));
        }
        let next = match &rule.schedule {
            Some(schedule) if source.document.enabled => schedule.next_after(identity.since).ok(),
            _ => None,
        };
        store::schedules::set(tx.conn(), identity.rule, next).await?;
        Ok(())
    }

    /// Commits a change with its event; this process knows it when this returns.
    async fn commit_change(
        &self,
        mut tx: Tx,
        identity: &Identity,
        change: &str,
    ) -> Result<StoredRule, RulesError> {
        tx.record(&RuleChanged {
            rule: identity.rule,
            version: u32::try_from(identity.version).unwrap_or_default(),
            owner: identity.owner,
            change: change.to_owned(),
        })?;
        tx.commit().await?;
        self.current().await?;
        store::rules::find(self.0.spine.pool(), identity.rule).await?.ok_or(RulesError::Absent)
    }
}

/// What a version is made of.
struct Source<'a> {
    media_type: MediaType,
    source: &'a str,
    document: &'a RuleDocument,
}
