//! Follows and requests to follow.

use std::collections::BTreeMap;

use spine::{Cause, Tx};

use crate::events::RelationshipChanged;
use crate::outbound::{AnswerFollow, UndoFollow};
use crate::store::write_follows::{self as store, Follow, FollowColumns};
use crate::store::write_home;
use crate::write::notifications::{self, Wanted};
use crate::{AccountId, Social, SocialError};

/// How many posts of someone newly followed come into the home timeline.
const MERGED_POSTS: i64 = 40;

/// A follow, or a request to follow.
#[derive(Clone, Debug)]
pub struct NewFollow {
    /// Who follows.
    pub follower: AccountId,
    /// Whom.
    pub target: AccountId,
    /// The Follow's ActivityPub id.
    pub uri: String,
    /// Whether it counts at once; otherwise it waits for [`accept`].
    pub accepted: bool,
    /// Whether the follower wants boosts too.
    pub show_boosts: bool,
    /// Whether the follower wants to be told of every post.
    pub notify: bool,
    /// The languages the follower wants; all where `None`.
    pub languages: Option<Vec<String>>,
    /// Why: carried by its event.
    pub cause: Cause,
}

impl NewFollow {
    /// A follow of everything.
    pub fn new(follower: AccountId, target: AccountId, uri: String, accepted: bool) -> Self {
        Self {
            follower,
            target,
            uri,
            accepted,
            show_boosts: true,
            notify: false,
            languages: None,
            cause: Cause::system(),
        }
    }
}

/// What became of a [`NewFollow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Whether it was not there before.
    pub is_new: bool,
    /// Whether it counts now, from before or because of this call.
    pub accepted: bool,
}

/// Two accounts, of which one follows (or asks to follow) the other.
#[derive(Clone, Debug)]
pub struct FollowPair {
    /// Who follows.
    pub follower: AccountId,
    /// Whom.
    pub target: AccountId,
    /// Why: carried by its event.
    pub cause: Cause,
}

/// How a follow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The follower unfollows, or takes his request back.
    Unfollowed,
    /// The target rejects or removes the follower.
    Rejected,
    /// One of the two is deleted: nobody is told.
    Gone,
}

/// A follow that ended: what other servers must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Who followed.
    pub follower: AccountId,
    /// Whom.
    pub target: AccountId,
    /// The Follow's ActivityPub id.
    pub uri: String,
    /// Whether it was accepted before.
    pub accepted: bool,
}

/// Stores follows and requests, or renews the id and options of those that are there. Counters,
/// home timelines, notifications and events follow what changed; a remote follower hears that he is
/// accepted. Blocks are the caller's to check.
/// An outcome an item, in order; of two items for one pair only the first counts.
///
/// # Errors
/// [`SocialError::Raced`]; the store failed. The transaction must then be dropped.
pub async fn request(
    social: &Social,
    tx: &mut Tx,
    follows: &[NewFollow],
) -> Result<Vec<Followed>, SocialError> {
    let now = social.spine().clock().now();
    let mut columns = FollowColumns::default();
    let mut pairs: BTreeMap<(i64, i64), &NewFollow> = BTreeMap::new();
    for follow in follows {
        pairs.entry((follow.follower.number(), follow.target.number())).or_insert(follow);
    }
    for ((follower, target), follow) in &pairs {
        columns.id.push(social.spine().snowflakes().next().0);
        columns.follower_id.push(*follower);
        columns.target_id.push(*target);
        columns.accepted.push(follow.accepted);
        columns.uri.push(&follow.uri);
        columns.show_boosts.push(follow.show_boosts);
        columns.notify.push(follow.notify);
        columns.languages.push(follow.languages.as_ref().map(|languages| languages.join(",")));
    }
    let before = store::lock(tx.conn(), &columns.follower_id, &columns.target_id).await?;
    let stored = store::upsert(tx.conn(), &columns, now).await?;
    let mut changes = Vec::new();
    let was_accepted = |pair: (i64, i64)| {
        let known = before.iter().find(|(follower, target, _)| (*follower, *target) == pair);
        known.map(|(.., accepted)| *accepted)
    };
    for row in &stored {
        let was_accepted = was_accepted((row.follower_id, row.target_id));
        if row.was_there && was_accepted.is_none() {
            return Err(SocialError::Raced);
        }
        let Some(follow) = pairs.get(&(row.follower_id, row.target_id)) else { continue };
        if row.accepted && row.target_is_local && !row.follower_is_local {
            // Told again where it was so before: the follower asks because he does not know.
            let cause = tx.cause().clone();
            tx.set_cause(follow.cause.clone());
            answer(follow.follower, follow.target, &follow.uri, true).schedule(tx)?;
            tx.set_cause(cause);
        }
        let change = match (row.accepted, was_accepted) {
            (true, None | Some(false)) => Change::Followed,
            (false, None) => Change::Requested,
            _ => continue,
        };
        changes.push((follow.follower, follow.target, follow.cause.clone(), change));
    }
    apply(social, tx, &changes).await?;
    Ok(follows
        .iter()
        .map(|follow| {
            let pair = (follow.follower.number(), follow.target.number());
            let row = stored.iter().find(|row| (row.follower_id, row.target_id) == pair);
            Followed {
                is_new: row.is_some() && was_accepted(pair).is_none(),
                accepted: row.is_some_and(|row| row.accepted),
            }
        })
        .collect())
}

/// Accepts requests that wait, and tells remote followers; whether each did.
///
/// # Errors
/// The store failed.
pub async fn accept(
    social: &Social,
    tx: &mut Tx,
    pairs: &[FollowPair],
) -> Result<Vec<bool>, SocialError> {
    let (followers, targets) = numbers(pairs);
    let accepted = store::accept(tx.conn(), &followers, &targets).await?;
    let mut changes = Vec::new();
    for row in &accepted {
        let Some(pair) = find(pairs, row) else { continue };
        changes.push((pair.follower, pair.target, pair.cause.clone(), Change::Followed));
        if row.target_is_local && !row.follower_is_local {
            answer(pair.follower, pair.target, &row.uri, true).schedule(tx)?;
        }
    }
    apply(social, tx, &changes).await?;
    Ok(pairs.iter().map(|pair| accepted.iter().any(|row| is_same(pair, row))).collect())
}

/// Ends follows and requests, with their home entries and notifications, and tells the other side's
/// server where it was ours that ended it. Those that were there.
///
/// # Errors
/// The store failed.
pub async fn end(tx: &mut Tx, pairs: &[FollowPair], how: End) -> Result<Vec<Ended>, SocialError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let (followers, targets) = numbers(pairs);
    let ended = store::remove(tx.conn(), &followers, &targets).await?;
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    count(tx, ended.iter().filter(|row| row.accepted).map(ids), -1).await?;
    let (followers, targets): (Vec<i64>, Vec<i64>) = ended.iter().map(ids).unzip();
    write_home::clear(tx.conn(), &followers, &targets, false).await?;

    let before = tx.cause().clone();
    let mut unwanted = Vec::new();
    for row in &ended {
        let Some(pair) = find(pairs, row) else { continue };
        tx.set_cause(pair.cause.clone());
        let change = match how {
            End::Unfollowed | End::Gone => "unfollowed",
            End::Rejected => "follow_rejected",
        };
        match how {
            End::Rejected if row.target_is_local && !row.follower_is_local => {
                answer(pair.follower, pair.target, &row.uri, false).schedule(tx)?;
            }
            End::Unfollowed if row.follower_is_local && !row.target_is_local => {
                let (follower, target) = (pair.follower, pair.target);
                UndoFollow { follower, target, follow: row.uri.clone() }.schedule(tx)?;
            }
            _ => {}
        }
        tx.record(&RelationshipChanged {
            account: pair.follower,
            target: pair.target,
            change: change.to_owned(),
        })?;
        for kind in ["follow", "follow_request"] {
            unwanted.push(wanted(pair.follower, pair.target, kind, &pair.cause));
        }
    }
    tx.set_cause(before);
    notifications::withdraw(tx, &unwanted).await?;
    Ok(ended
        .into_iter()
        .map(|row| Ended {
            follower: AccountId::from_number(row.follower_id),
            target: AccountId::from_number(row.target_id),
            uri: row.uri,
            accepted: row.accepted,
        })
        .collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Requested,
    Followed,
}

/// What follows from new follows and requests.
async fn apply(
    social: &Social,
    tx: &mut Tx,
    changes: &[(AccountId, AccountId, Cause, Change)],
) -> Result<(), SocialError> {
    let followed: Vec<(i64, i64)> = changes
        .iter()
        .filter(|(.., change)| *change == Change::Followed)
        .map(|(follower, target, ..)| (follower.number(), target.number()))
        .collect();
    if !followed.is_empty() {
        count(tx, followed.iter().copied(), 1).await?;
        let (followers, targets): (Vec<i64>, Vec<i64>) = followed.into_iter().unzip();
        write_home::merge(tx.conn(), &followers, &targets, MERGED_POSTS).await?;
    }
    let before = tx.cause().clone();
    let mut new = Vec::new();
    let mut old = Vec::new();
    for (follower, target, cause, change) in changes {
        tx.set_cause(cause.clone());
        let (name, kind) = match change {
            Change::Requested => ("follow_requested", "follow_request"),
            Change::Followed => ("followed", "follow"),
        };
        tx.record(&RelationshipChanged {
            account: *follower,
            target: *target,
            change: name.to_owned(),
        })?;
        new.push(wanted(*follower, *target, kind, cause));
        if *change == Change::Followed {
            old.push(wanted(*follower, *target, "follow_request", cause));
        }
    }
    tx.set_cause(before);
    notifications::withdraw(tx, &old).await?;
    notifications::make(social, tx, &new).await
}

fn answer(follower: AccountId, target: AccountId, follow: &str, accept: bool) -> AnswerFollow {
    AnswerFollow { follower, target, follow: follow.to_owned(), accept }
}

fn wanted(follower: AccountId, target: AccountId, kind: &'static str, cause: &Cause) -> Wanted {
    Wanted { account: target, kind, from: follower, post: None, cause: cause.clone() }
}

/// Adds `by` to the counters of both sides of each pair.
async fn count(
    tx: &mut Tx,
    pairs: impl Iterator<Item = (i64, i64)>,
    by: i64,
) -> Result<(), SocialError> {
    let mut changes: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (follower, target) in pairs {
        changes.entry(target).or_default().0 += by;
        changes.entry(follower).or_default().1 += by;
    }
    if changes.is_empty() {
        return Ok(());
    }
    let accounts: Vec<i64> = changes.keys().copied().collect();
    let (followers, following): (Vec<i64>, Vec<i64>) = changes.into_values().unzip();
    Ok(store::change_counts(tx.conn(), &accounts, &followers, &following).await?)
}

fn ids(row: &Follow) -> (i64, i64) {
    (row.follower_id, row.target_id)
}

fn numbers(pairs: &[FollowPair]) -> (Vec<i64>, Vec<i64>) {
    pairs.iter().map(|pair| (pair.follower.number(), pair.target.number())).unzip()
}

fn is_same(pair: &FollowPair, row: &Follow) -> bool {
    pair.follower.number() == row.follower_id && pair.target.number() == row.target_id
}

fn find<'a>(pairs: &'a [FollowPair], row: &Follow) -> Option<&'a FollowPair> {
    pairs.iter().find(|pair| is_same(pair, row))
}
