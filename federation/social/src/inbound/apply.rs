//! Applying activities: many in one transaction, in the order in which they came.

use std::collections::HashSet;
use std::sync::Arc;

use activitypub::vocabulary::{ActivityKind, parse_url};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use spine::{BatchJob, Cause, Claimed, JobError, JobOptions, Lane, Tx};
use url::Url;

use super::apply_remotely::ApplyRemotely;
use super::envelope::{kind_name, parse_activity, sealed_under};
use super::incoming::Incoming;
use super::leftovers::Leftovers;
use super::needs::needs;
use super::{
    accept, add, announce, block, create, delete, flag, follow, like, move_, reject, remove, undo,
    update,
};
use crate::remote::hosts::BlockList;
use crate::remote::known::{Known, Names};
use crate::remote::refresh;
use crate::store::inbound_activities;
use crate::{Social, SocialError};

/// Applies an activity that an inbox took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplyActivity {
    /// Its id.
    pub activity: String,
    /// The local actor whose own inbox it came to.
    pub delivered_to: Option<String>,
    /// The body as it was signed, JSON text.
    pub body: String,
    /// Whether it is another one for each inbox that it comes to: it publishes a post that is not for
    /// everyone and does not name this receiver, who may see it because it came to him.
    #[serde(default)]
    pub for_receiver: bool,
    /// For one that may recur: what tells the request that brought it from all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// What an activity is remembered by once it is taken and applied: its id, and where the same id may
/// stand for several, what tells them apart. No URL has a space in it.
pub(super) fn key(activity: &str, receiver: Option<&str>, request: Option<&str>) -> String {
    match request.or(receiver) {
        Some(which) => format!("{activity} {which}"),
        None => activity.to_owned(),
    }
}

impl ApplyActivity {
    /// See [`key`].
    pub(super) fn key(&self) -> String {
        let receiver = self.delivered_to.as_deref().filter(|_| self.for_receiver);
        key(&self.activity, receiver, self.request.as_deref())
    }

    /// Reads the body again. It was read before it was taken, so that failing here means that this
    /// program has become stricter since.
    pub(super) fn read(&self, cause: &Cause) -> Result<Incoming, super::InboxRefusal> {
        Ok(Incoming {
            activity: parse_activity(self.body.as_bytes())?,
            delivered_to: self.delivered_to.as_deref().and_then(parse_url),
            cause: cause.clone(),
            came_before: false,
        })
    }
}

#[async_trait]
impl BatchJob for ApplyActivity {
    type Context = Social;
    const KIND: &'static str = "social.apply_activity";
    const LANE: Lane = Lane::Interactive;
    const BATCH: usize = 100;

    async fn run(
        social: &Social,
        items: &[Claimed<Self>],
        tx: &mut Tx,
    ) -> Result<Vec<Result<(), JobError>>, JobError> {
        let mut outcomes = Vec::with_capacity(items.len());
        let mut incoming = Vec::with_capacity(items.len());
        for item in items {
            match item.job.read(&item.cause) {
                Ok(activity) => {
                    incoming.push((&item.job, activity));
                    outcomes.push(Ok(()));
                }
                Err(refusal) => outcomes.push(Err(JobError::give_up(refusal))),
            }
        }
        apply_all(social, tx, incoming).await?;
        Ok(outcomes)
    }
}

/// What became of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It changed something, or what it says was so already.
    Applied,
    /// It changed nothing, for this reason.
    Ignored(&'static str),
}

/// What activities are applied with.
pub(super) struct Applying<'a> {
    pub(super) social: &'a Social,
    pub(super) tx: &'a mut Tx,
    pub(super) known: Known,
    pub(super) blocked: Arc<BlockList>,
    pub(super) now: DateTime<Utc>,
    /// Posts stored in this transaction that `known` has not seen.
    stale: Vec<String>,
    leftovers: Leftovers,
}

impl<'a> Applying<'a> {
    /// Loads what these activities name, once no other transaction applies one about the same thing:
    /// a Create and its Delete, an answer and its parent see each other, however close they come.
    pub(super) async fn load<'i>(
        social: &'a Social,
        tx: &'a mut Tx,
        activities: impl IntoIterator<Item = &'i Incoming>,
    ) -> Result<Self, SocialError> {
        let mut names = Names::default();
        let mut turns = Vec::new();
        for activity in activities {
            turns.extend(activity.turns().map(String::from));
            names.add_document(&activity.raw);
            names.add(&sealed_under(activity, &social.0.settings.origin));
            if let Some(receiver) = &activity.delivered_to {
                names.add(receiver);
            }
        }
        inbound_activities::take_turns(tx.conn(), &turns).await?;
        let mut known = Known::load(tx.conn(), names).await?;
        known.load_followed(tx.conn()).await?;
        let blocked = social.0.remote.blocked.load(social.0.spine.pool()).await?;
        let now = social.0.spine.clock().now();
        let (stale, leftovers) = (Vec::new(), Leftovers::default());
        Ok(Self { social, tx, known, blocked, now, stale, leftovers })
    }

    /// Notes that a post is stored now.
    pub(super) fn stored(&mut self, uri: String) {
        self.is_there(&uri);
        self.stale.push(uri);
    }

    /// Notes that a post is stored, from before.
    pub(super) fn is_there(&mut self, uri: &str) {
        self.leftovers.stored(uri);
    }

    /// Notes that a post is gone.
    pub(super) fn gone(&mut self, uri: &Url) {
        self.leftovers.gone(uri.as_str());
        self.known.forget_post(uri);
    }

    /// Notes that an activity deletes or undoes something that is not here, which is to stay away
    /// for a while.
    pub(super) fn bury(&mut self, id: &Url, activity: &Incoming, for_how_long: Duration) {
        self.leftovers.bury(id, activity, self.now + for_how_long);
        self.known.bury(id, &activity.actor);
    }

    /// Has what was received about this erased.
    pub(super) fn erase(&mut self, subject: &Url, activity: &Incoming) {
        self.leftovers.erase(subject, &activity.cause);
    }

    /// Says what became of an activity, and has its body erased where nothing was kept of it.
    pub(super) fn settle(&mut self, activity: &Incoming, outcome: Outcome) {
        report(activity, outcome);
        self.see_to_body(activity, outcome);
    }

    fn see_to_body(&mut self, activity: &Incoming, outcome: Outcome) {
        self.leftovers.settle(activity, outcome, &self.known, &self.social.0.settings.origin);
    }

    /// Writes what is left to do once all are applied.
    pub(super) async fn finish(self) -> Result<(), SocialError> {
        self.leftovers.write(self.tx, self.now).await
    }

    /// Has the actor read again in the background, where what we know of it is old.
    fn refresh_if_stale(&mut self, activity: &Incoming) -> Result<(), SocialError> {
        match self.known.account(&activity.actor) {
            Some(actor) => refresh::schedule(self.social, self.tx, actor, self.now),
            None => Ok(()),
        }
    }

    async fn catch_up(&mut self) -> Result<(), SocialError> {
        if !self.stale.is_empty() {
            let stale = std::mem::take(&mut self.stale);
            self.known.refresh(self.tx.conn(), stale).await?;
        }
        Ok(())
    }

    /// Whoever acts, if it still takes part.
    fn actor_may_act(&self, activity: &Incoming) -> bool {
        let actor = self.known.active_account(&activity.actor);
        let domain = actor.and_then(|actor| actor.domain.as_deref());
        // One of our own, who has no domain, acts from here.
        domain.is_some_and(|domain| !self.blocked.blocks_domain(domain))
            && !self.blocked.blocks(&activity.actor)
    }
}

/// Applies those of these activities that nobody applied before. Of one that may recur the bare id
/// is remembered too, so that it is known whether it does.
pub(super) async fn apply_all(
    social: &Social,
    tx: &mut Tx,
    items: Vec<(&ApplyActivity, Incoming)>,
) -> Result<(), SocialError> {
    let now = social.0.spine.clock().now();
    let mut keys = Vec::with_capacity(items.len());
    for (job, _) in &items {
        keys.push(job.key());
        if job.request.is_some() {
            keys.push(job.activity.clone());
        }
    }
    let mut claimed: HashSet<String> =
        inbound_activities::claim(tx.conn(), &keys, now).await?.into_iter().collect();
    let mut looked_at = Vec::with_capacity(items.len());
    for (job, mut activity) in items {
        let is_fresh = claimed.remove(&job.key());
        activity.came_before = is_fresh && job.request.is_some() && !claimed.remove(&job.activity);
        looked_at.push((job, activity, is_fresh));
    }
    let mut applying =
        Applying::load(social, tx, looked_at.iter().map(|(_, activity, _)| activity)).await?;
    let mut creates: Vec<&Incoming> = Vec::new();
    for (job, activity, is_fresh) in &looked_at {
        if !is_fresh {
            // Two processes may both have put it on disk.
            applying.see_to_body(activity, Outcome::Ignored("it was applied before"));
            continue;
        }
        if !applying.actor_may_act(activity) {
            applying.settle(activity, Outcome::Ignored("its actor does not take part"));
            continue;
        }
        applying.refresh_if_stale(activity)?;
        if create::is_post(activity) {
            creates.push(activity);
            continue;
        }
        flush(&mut applying, &mut creates).await?;
        applying.catch_up().await?;
        if needs(activity, &applying.known, &applying.blocked).is_empty() {
            let outcome = apply_one(&mut applying, activity).await?;
            applying.settle(activity, outcome);
        } else {
            // Claimed here, so that this job is the only one.
            applying.tx.set_cause(activity.cause.clone());
            let remote = ApplyRemotely::new(job, &activity.actor, now);
            let options = JobOptions::default()
                .part(job.key())
                .about(sealed_under(activity, &social.0.settings.origin));
            applying.tx.schedule_with(&remote, options)?;
        }
    }
    flush(&mut applying, &mut creates).await?;
    applying.finish().await
}

async fn flush(
    applying: &mut Applying<'_>,
    creates: &mut Vec<&Incoming>,
) -> Result<(), SocialError> {
    if creates.is_empty() {
        return Ok(());
    }
    let outcomes = create::apply_posts(applying, creates).await?;
    for (activity, outcome) in creates.drain(..).zip(outcomes) {
        applying.settle(activity, outcome);
    }
    Ok(())
}

/// Applies an activity whose needs are met, as far as they can be.
pub(super) async fn apply_one(
    applying: &mut Applying<'_>,
    activity: &Incoming,
) -> Result<Outcome, SocialError> {
    if !applying.actor_may_act(activity) {
        return Ok(Outcome::Ignored("its actor does not take part"));
    }
    applying.tx.set_cause(activity.cause.clone());
    match &activity.kind {
        ActivityKind::Follow => follow::apply(applying, activity).await,
        ActivityKind::Accept => accept::apply(applying, activity).await,
        ActivityKind::Reject => reject::apply(applying, activity).await,
        ActivityKind::Undo => undo::apply(applying, activity).await,
        ActivityKind::Create => create::apply(applying, activity).await,
        ActivityKind::Update => update::apply(applying, activity).await,
        ActivityKind::Delete => delete::apply(applying, activity).await,
        ActivityKind::Like => like::apply(applying, activity).await,
        ActivityKind::Announce => announce::apply(applying, activity).await,
        ActivityKind::Block => block::apply(applying, activity).await,
        ActivityKind::Move => move_::apply(applying, activity).await,
        ActivityKind::Flag => flag::apply(applying, activity).await,
        ActivityKind::Add => add::apply(applying, activity).await,
        ActivityKind::Remove => remove::apply(applying, activity).await,
        ActivityKind::Other(_) => Ok(Outcome::Ignored("nothing is known of this type")),
    }
}

/// One line about an activity that changed nothing, for the person who wonders why.
fn report(activity: &Incoming, outcome: Outcome) {
    if let Outcome::Ignored(reason) = outcome {
        tracing::info!(
            activity.id = activity.id.as_str(),
            activity.kind = kind_name(&activity.kind),
            reason,
            "activity ignored"
        );
    }
}
