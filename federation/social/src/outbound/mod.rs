//! What we tell other servers: activities made from local changes, delivered a job an inbox.
//!
//! Whoever changes something schedules its telling in the same transaction; nothing is sent from
//! here before that is committed. An activity's body is written once ([`send`]), whatever the
//! number of its recipients, and every delivery signs it for its host. What is on its way about a
//! post that is deleted meanwhile is withdrawn ([`withdraw`]), and so is what a deleted account was
//! about to say ([`withdraw_all_of`]). Deliveries that wait for their host come in any order, so of
//! what is said and taken back (a Follow, a Like, a Block and their Undos) only the last word stays on
//! its way ([`send_instead`]).

mod activities;
mod answer_follow;
mod bodies;
mod deliver;
mod distribute;
mod federate_actor;
mod federate_poll;
mod federate_post;
pub(crate) mod hosts;
mod inboxes;
mod prune;
mod undo_follow;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::{JobOptions, Runtime, Tx};
use url::Url;

pub(crate) use activities::{
    Boost, block, delete_account, delete_post, featured, flag, follow, like, move_account,
    take_back_boost, undo_block, undo_like, vote,
};
pub(crate) use answer_follow::AnswerFollow;
pub(crate) use bodies::Bodies;
pub use deliver::{Deliver, DeliverSoon};
pub(crate) use distribute::Distribute;
pub(crate) use federate_actor::FederateActor;
pub(crate) use federate_poll::{ClosePoll, FederatePoll};
pub(crate) use federate_post::{FederateEdit, FederatePost};
pub(crate) use undo_follow::UndoFollow;

use crate::store::write_outbound as store;
use crate::{AccountId, Social, SocialError};
use deliver::Delivery;
use inboxes::inboxes_of;

/// Adds the jobs of the outbound side.
pub(crate) fn register(runtime: Runtime, social: &Social) -> Runtime {
    let context = Arc::new(social.clone());
    runtime
        .batch_job::<FederatePost>(context.clone())
        .job::<FederateEdit>(context.clone())
        .job::<FederateActor>(context.clone())
        .job::<FederatePoll>(context.clone())
        .job::<ClosePoll>(context.clone())
        .job::<AnswerFollow>(context.clone())
        .job::<UndoFollow>(context.clone())
        .job::<Distribute>(context.clone())
        .job::<Deliver>(context.clone())
        .job::<DeliverSoon>(context.clone())
        .job::<prune::PruneOutgoing>(context)
        .cron("social.prune_outgoing", "41 4 * * *", prune::PruneOutgoing {})
}

/// Who gets an activity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Audience {
    /// Everyone elsewhere who follows this account.
    pub(crate) followers_of: Option<AccountId>,
    /// These accounts, as far as they are elsewhere.
    pub(crate) accounts: Vec<AccountId>,
}

impl Audience {
    /// One account.
    pub(crate) fn one(account: AccountId) -> Self {
        Self { followers_of: None, accounts: vec![account] }
    }

    /// Everyone elsewhere who follows `account`, and these accounts.
    pub(crate) fn followers(account: AccountId, accounts: Vec<AccountId>) -> Self {
        Self { followers_of: Some(account), accounts }
    }
}

/// An activity to send.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// Which local account signs it.
    pub(crate) sender: AccountId,
    /// The post or actor that it shows: when that is deleted, what is not delivered yet is dropped.
    /// Or a [`relation`], of which only the last word is delivered.
    pub(crate) about: String,
    /// The activity.
    pub(crate) body: Value,
    /// Who gets it.
    pub(crate) audience: Audience,
    /// Whether somebody waits for it: it goes before the rest.
    pub(crate) urgent: bool,
    /// Whether it takes something back, or says that it is gone: then it goes out although its sender
    /// is deleted meanwhile.
    pub(crate) takes_back: bool,
}

/// What activities are about that say how one of ours stands to somebody or something, and that he
/// no longer does.
pub(crate) fn relation(kind: &str, whose: AccountId, to: impl std::fmt::Display) -> String {
    format!("{kind}:{whose}:{to}")
}

/// Sends an activity instead of those about the same that are still on their way: they may have
/// arrived or not, and must not arrive after it.
///
/// # Errors
/// The store failed.
pub(crate) async fn send_instead(
    social: &Social,
    tx: &mut Tx,
    outgoing: Outgoing,
) -> Result<(), SocialError> {
    withdraw(social, tx, &[&outgoing.about]).await?;
    send(social, tx, &[outgoing]).await
}

/// Sends activities: finds their inboxes now and schedules a delivery to each. For workers, and for
/// activities with few recipients.
///
/// # Errors
/// The store failed.
pub(crate) async fn send(
    social: &Social,
    tx: &mut Tx,
    outgoing: &[Outgoing],
) -> Result<(), SocialError> {
    let audiences: Vec<&Audience> = outgoing.iter().map(|item| &item.audience).collect();
    let mut wanted = Vec::with_capacity(outgoing.len());
    for (item, inboxes) in outgoing.iter().zip(inboxes_of(social, tx, &audiences).await?) {
        if !inboxes.is_empty() {
            wanted.push((item, inboxes));
        }
    }
    let kept: Vec<&Outgoing> = wanted.iter().map(|(item, _)| *item).collect();
    let ids = keep(social, tx, &kept).await?;
    for ((item, inboxes), id) in wanted.into_iter().zip(ids) {
        schedule(social, tx, id, item.sender, inboxes, item.urgent)?;
    }
    Ok(())
}

/// Sends an activity to many: a job finds their inboxes. What is personal in the audience is
/// resolved then, so a deletion names those it must reach before they are gone.
///
/// # Errors
/// The store failed.
pub(crate) async fn send_later(
    social: &Social,
    tx: &mut Tx,
    outgoing: Outgoing,
) -> Result<(), SocialError> {
    let ids = keep(social, tx, &[&outgoing]).await?;
    for activity in ids {
        let job = Distribute {
            activity,
            sender: outgoing.sender,
            audience: outgoing.audience.clone(),
            urgent: outgoing.urgent,
        };
        tx.schedule_with(&job, JobOptions::default().part(activity.to_string()))?;
    }
    Ok(())
}

/// Withdraws what is still on its way about these posts, actors or relations.
///
/// # Errors
/// The store failed.
pub(crate) async fn withdraw(
    social: &Social,
    tx: &mut Tx,
    about: &[&str],
) -> Result<(), SocialError> {
    let withdrawn = store::withdraw(tx.conn(), about).await?;
    forget_bodies(social, tx, withdrawn);
    Ok(())
}

/// Withdraws everything that a local account has on its way, but for what takes something back.
///
/// # Errors
/// The store failed.
pub(crate) async fn withdraw_all_of(
    social: &Social,
    tx: &mut Tx,
    account: AccountId,
) -> Result<(), SocialError> {
    let withdrawn = store::withdraw_all_of(tx.conn(), account.number()).await?;
    forget_bodies(social, tx, withdrawn);
    Ok(())
}

fn forget_bodies(social: &Social, tx: &mut Tx, withdrawn: u64) {
    if withdrawn > 0 {
        let social = social.clone();
        tx.on_commit(move || social.0.bodies.forget());
    }
}

/// Tells a remote follower that he may not follow. For requests that were never stored.
///
/// # Errors
/// The job cannot be written.
pub(crate) fn refuse_follow(
    _social: &Social,
    tx: &mut Tx,
    target: AccountId,
    follower: AccountId,
    follow_uri: &str,
) -> Result<(), SocialError> {
    AnswerFollow { follower, target, follow: follow_uri.to_owned(), accept: false }.schedule(tx)
}

/// Keeps the bodies of activities until they are delivered.
async fn keep(
    social: &Social,
    tx: &mut Tx,
    outgoing: &[&Outgoing],
) -> Result<Vec<i64>, SocialError> {
    if outgoing.is_empty() {
        return Ok(Vec::new());
    }
    let now = social.spine().clock().now();
    let ids: Vec<i64> = outgoing.iter().map(|_| social.spine().snowflakes().next().0).collect();
    let about: Vec<&str> = outgoing.iter().map(|item| item.about.as_str()).collect();
    let bodies: Vec<String> = outgoing.iter().map(|item| item.body.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let withdrawn_with: Vec<Option<i64>> =
        outgoing.iter().map(|item| (!item.takes_back).then_some(item.sender.number())).collect();
    store::insert_activities(tx.conn(), &ids, &about, &bodies, &withdrawn_with, now).await?;
    Ok(ids)
}

/// Schedules a delivery to each inbox.
fn schedule(
    social: &Social,
    tx: &mut Tx,
    activity: i64,
    sender: AccountId,
    inboxes: BTreeSet<Url>,
    urgent: bool,
) -> Result<(), SocialError> {
    let since = social.spine().clock().now();
    for inbox in inboxes {
        let options = JobOptions::default().part(format!("{activity} {inbox}"));
        let delivery = Delivery { activity, sender, inbox, since };
        if urgent {
            tx.schedule_with(&DeliverSoon(delivery), options)?;
        } else {
            tx.schedule_with(&Deliver(delivery), options)?;
        }
    }
    Ok(())
}

/// One of our own addresses as a URL.
fn address(text: &str) -> Result<Url, SocialError> {
    Url::parse(text).map_err(|_| SocialError::Invalid(format!("{text:?} is no URL")))
}
