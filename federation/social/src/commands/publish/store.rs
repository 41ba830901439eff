//! Storing publications, several in one transaction.

use std::collections::HashMap;

use chrono::Duration;
use spine::{Cause, JobOptions, Tx};

use crate::commands::transaction::{ATTEMPTS, is_conflict};
use crate::outbound::{ClosePoll, FederatePost};
use crate::store::{write_commands, write_outbound};
use crate::write::posts::{self, Outcome, ReplyTo, StoredPost};
use crate::{AccountId, PostId, Social, SocialError, Visibility};

/// Mastodon's memory of an Idempotency-Key.
const KEY_LIFE: Duration = Duration::hours(1);

/// A post that is ready to be stored.
#[derive(Clone, Debug)]
pub(super) struct Publication {
    pub(super) post: StoredPost,
    /// The key under which it is published once.
    pub(super) key: Option<String>,
}

impl Publication {
    fn key(&self) -> Option<(i64, &str)> {
        Some((self.post.author.number(), self.key.as_deref()?))
    }
}

/// The post that a key of this account made within the hour.
///
/// # Errors
/// The store failed.
pub(super) async fn made_by(
    social: &Social,
    account: AccountId,
    key: &str,
) -> Result<Option<PostId>, SocialError> {
    let since = social.spine().clock().now() - KEY_LIFE;
    let pool = social.spine().pool();
    let made = write_commands::made_by_key(pool, account.number(), key, since).await?;
    Ok(made.map(PostId::from_number))
}

/// Stores publications in one transaction: the id of each, in order. All or none: a publication
/// that is refused takes the others down, so that the caller stores them one by one.
///
/// # Errors
/// What [`posts::insert`] says, or the store failed.
pub(super) async fn store(
    social: &Social,
    publications: &[Publication],
) -> Result<Vec<PostId>, SocialError> {
    let mut attempt = 1;
    loop {
        let mut tx = social.spine().begin(Cause::system()).await?;
        let error = match store_in(social, &mut tx, publications).await {
            Ok(ids) => match tx.commit().await {
                Ok(()) => return Ok(ids),
                Err(error) => error.into(),
            },
            Err(error) => {
                tx.rollback().await?;
                error
            }
        };
        if attempt == ATTEMPTS || !is_conflict(&error) {
            return Err(error);
        }
        attempt += 1;
    }
}

async fn store_in(
    social: &Social,
    tx: &mut Tx,
    publications: &[Publication],
) -> Result<Vec<PostId>, SocialError> {
    let made = remembered(social, tx, publications).await?;
    let new: Vec<StoredPost> = publications
        .iter()
        .filter(|item| made.get(&item.post.id).is_none_or(|earlier| *earlier == item.post.id))
        .map(|item| item.post.clone())
        .collect();
    let inserted = posts::insert(social, tx, &new).await?;
    if inserted.iter().any(|item| item.outcome != Outcome::New) {
        return Err(SocialError::Forbidden("this account is not active"));
    }
    federate(tx, &new).await?;
    Ok(publications
        .iter()
        .map(|item| made.get(&item.post.id).copied().unwrap_or(item.post.id))
        .collect())
}

/// For publications with a key: the post that the key made, which is their own where the key is
/// new.
async fn remembered(
    social: &Social,
    tx: &mut Tx,
    publications: &[Publication],
) -> Result<HashMap<PostId, PostId>, SocialError> {
    let mut first: HashMap<(i64, &str), PostId> = HashMap::new();
    for item in publications {
        if let Some(key) = item.key() {
            first.entry(key).or_insert(item.post.id);
        }
    }
    if first.is_empty() {
        return Ok(HashMap::new());
    }
    let accounts: Vec<i64> = first.keys().map(|(account, _)| *account).collect();
    let keys: Vec<&str> = first.keys().map(|(_, key)| *key).collect();
    let posts: Vec<i64> = first.values().map(|post| post.number()).collect();
    let now = social.spine().clock().now();
    let known =
        write_commands::remember_keys(tx.conn(), &accounts, &keys, &posts, now, now - KEY_LIFE)
            .await?;
    let known: HashMap<(i64, &str), PostId> = known
        .iter()
        .map(|(account, key, post)| ((*account, key.as_str()), PostId::from_number(*post)))
        .collect();
    Ok(publications
        .iter()
        .filter_map(|item| Some((item.post.id, *known.get(&item.key()?)?)))
        .collect())
}

/// Schedules what follows from new posts: telling other servers, where anybody there may have them,
/// and ending their polls.
async fn federate(tx: &mut Tx, new: &[StoredPost]) -> Result<(), SocialError> {
    let mut authors: Vec<i64> = new
        .iter()
        .filter(|post| post.visibility != Visibility::Direct)
        .map(|post| post.author.number())
        .collect();
    authors.sort_unstable();
    authors.dedup();
    let followed = write_outbound::followed_elsewhere(tx.conn(), &authors).await?;
    let before = tx.cause().clone();
    for post in new {
        tx.set_cause(post.cause.clone());
        // Whom it names or answers may be elsewhere: the job finds out.
        let may_go_out = followed.contains(&post.author.number())
            || !post.mentions.is_empty()
            || post.reply_to != ReplyTo::Nothing;
        if may_go_out {
            tx.schedule_item(&FederatePost { post: post.id }, JobOptions::default())?;
        }
        if let Some(ends_at) = post.poll.as_ref().and_then(|poll| poll.ends_at) {
            tx.schedule_with(&ClosePoll { post: post.id }, JobOptions::default().at(ends_at))?;
        }
    }
    tx.set_cause(before);
    Ok(())
}
