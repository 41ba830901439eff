//! Votes in polls, and the end of polls.

use chrono::{DateTime, Utc};
use spine::{Cause, Tx};

use crate::events::PostReacted;
use crate::outbound::FederatePoll;
use crate::store::write_votes::{self as store, Vote};
use crate::write::notifications::{self, Wanted};
use crate::write::record;
use crate::{AccountId, PostId, Social, SocialError};

/// One choice of one person in a post's poll.
#[derive(Clone, Debug)]
pub struct NewVote {
    /// Who votes.
    pub account: AccountId,
    /// The post with the poll.
    pub post: PostId,
    /// What he chose.
    pub choice: Choice,
    /// The vote's ActivityPub id.
    pub uri: Option<String>,
    /// Why: carried by its event.
    pub cause: Cause,
}

/// An option of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// By its place, from 0.
    Position(i16),
    /// By its text, as votes arrive from elsewhere.
    Title(String),
}

/// Stores votes; whether each one counted. A vote does not count where the post has no poll, the
/// poll has ended, the option does not exist, it was given before, or the poll asks for one choice
/// and another was made.
///
/// # Errors
/// The store failed.
pub async fn vote(
    social: &Social,
    tx: &mut Tx,
    votes: &[NewVote],
) -> Result<Vec<bool>, SocialError> {
    let now = social.spine().clock().now();
    let posts: Vec<i64> = votes.iter().map(|vote| vote.post.number()).collect();
    let polls = store::lock(tx.conn(), &posts).await?;
    if polls.is_empty() {
        return Ok(vec![false; votes.len()]);
    }
    let ids: Vec<i64> = polls.iter().map(|poll| poll.id).collect();
    let accounts: Vec<i64> = votes.iter().map(|vote| vote.account.number()).collect();
    let mut known = store::find_votes(tx.conn(), &ids, &accounts).await?;
    // Several choices of one call belong together; a single-choice poll takes only its first.
    let mut counted = vec![false; votes.len()];
    let mut new = Vec::new();
    let mut uris = Vec::new();
    let mut first = Vec::new();
    let before = tx.cause().clone();
    for (index, vote) in votes.iter().enumerate() {
        let Some(poll) = polls.iter().find(|poll| poll.post_id == vote.post.number()) else {
            continue;
        };
        let over = poll.closed_at.is_some() || poll.ends_at.is_some_and(|end| end <= now);
        let position = match &vote.choice {
            Choice::Position(position) => Some(*position),
            Choice::Title(title) => poll
                .titles
                .iter()
                .position(|known| known == title)
                .and_then(|position| i16::try_from(position).ok()),
        };
        let position = position.filter(|position| {
            usize::try_from(*position).is_ok_and(|position| position < poll.titles.len())
        });
        let Some(position) = position.filter(|_| !over) else { continue };
        let item = Vote { poll_id: poll.id, account_id: vote.account.number(), position };
        let is_first = !known
            .iter()
            .any(|known| known.poll_id == item.poll_id && known.account_id == item.account_id);
        if known.contains(&item) || (!poll.multiple && !is_first) {
            continue;
        }
        known.push(item);
        counted[index] = true;
        new.push(item);
        uris.push(vote.uri.as_deref());
        first.push(is_first);
        if is_first {
            tx.set_cause(vote.cause.clone());
            let event = PostReacted {
                post: vote.post,
                uri: poll.post_uri.clone(),
                account: vote.account,
                reaction: "vote".to_owned(),
            };
            record(social, tx, &event)?;
        }
    }
    tx.set_cause(before);
    if new.is_empty() {
        return Ok(counted);
    }
    store::insert(tx.conn(), &new, &uris, &first, now).await?;
    for poll in polls.iter().filter(|poll| new.iter().any(|vote| vote.poll_id == poll.id)) {
        let post = PostId::from_number(poll.post_id);
        if poll.local {
            FederatePoll { post }.schedule(social, tx).await?;
        }
    }
    Ok(counted)
}

/// Takes over the counts of a remote poll from its own server.
///
/// # Errors
/// The store failed.
pub async fn set_totals(
    social: &Social,
    tx: &mut Tx,
    post: PostId,
    counts: &[i64],
    voters: i64,
) -> Result<(), SocialError> {
    let now = social.spine().clock().now();
    Ok(store::set_totals(tx.conn(), post.number(), counts, voters, now).await?)
}

/// What [`close`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// No poll, or one that was ended before or never ends.
    Nothing,
    /// It ends later.
    NotYet(DateTime<Utc>),
    /// It ended now.
    Closed {
        /// Whether the poll is ours.
        local: bool,
    },
}

/// Ends a post's poll if its time is over, and tells its author and its local voters.
///
/// # Errors
/// The store failed.
pub async fn close(social: &Social, tx: &mut Tx, post: PostId) -> Result<Closing, SocialError> {
    let now = social.spine().clock().now();
    let polls = store::lock(tx.conn(), &[post.number()]).await?;
    let Some(poll) = polls.into_iter().next() else { return Ok(Closing::Nothing) };
    match poll.ends_at {
        Some(_) if poll.closed_at.is_some() => return Ok(Closing::Nothing),
        None => return Ok(Closing::Nothing),
        Some(ends_at) if ends_at > now => return Ok(Closing::NotYet(ends_at)),
        Some(_) => {}
    }
    store::close(tx.conn(), poll.id, now).await?;
    let mut people = store::local_voters(tx.conn(), poll.id).await?;
    if !people.contains(&poll.author_id) {
        people.push(poll.author_id);
    }
    let wanted: Vec<Wanted> = people
        .into_iter()
        .map(|account| Wanted {
            account: AccountId::from_number(account),
            kind: "poll",
            from: AccountId::from_number(poll.author_id),
            post: Some(post),
            cause: tx.cause().clone(),
        })
        .collect();
    notifications::make(social, tx, &wanted).await?;
    Ok(Closing::Closed { local: poll.local })
}
