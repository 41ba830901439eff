//! Posts that an account shows first on its page.

use std::collections::HashSet;

use spine::Tx;

use crate::events::PostReacted;
use crate::store::write_reactions as store;
use crate::write::record;
use crate::{AccountId, PostId, Social, SocialError};

/// Most posts that one account has pinned here: what a remote account pins beyond that is left out.
pub const MOST_PINS: i64 = 20;

/// Pins posts of the account's own; those that were not pinned before.
///
/// # Errors
/// The store failed.
pub async fn pin(
    social: &Social,
    tx: &mut Tx,
    account: AccountId,
    posts: &[PostId],
) -> Result<Vec<PostId>, SocialError> {
    let ids: Vec<i64> = posts.iter().map(|_| social.spine().snowflakes().next().0).collect();
    let numbers: Vec<i64> = posts.iter().map(|post| post.number()).collect();
    let now = social.spine().clock().now();
    let new =
        store::insert_pins(tx.conn(), &ids, account.number(), &numbers, MOST_PINS, now).await?;
    tell(social, tx, account, &new, "pin").await
}

/// Unpins posts; those that were pinned.
///
/// # Errors
/// The store failed.
pub async fn unpin(
    social: &Social,
    tx: &mut Tx,
    account: AccountId,
    posts: &[PostId],
) -> Result<Vec<PostId>, SocialError> {
    let numbers: Vec<i64> = posts.iter().map(|post| post.number()).collect();
    let gone = store::delete_pins(tx.conn(), account.number(), &numbers).await?;
    tell(social, tx, account, &gone, "unpin").await
}

/// Makes the pinned posts of a remote account exactly these, as its `featured` collection says.
///
/// # Errors
/// The store failed.
pub async fn set(
    social: &Social,
    tx: &mut Tx,
    account: AccountId,
    posts: &[PostId],
) -> Result<(), SocialError> {
    let wanted: HashSet<i64> = posts.iter().map(|post| post.number()).collect();
    let known: HashSet<i64> =
        store::pins_of(tx.conn(), account.number()).await?.into_iter().collect();
    let ids = |numbers: Vec<i64>| numbers.into_iter().map(PostId::from_number).collect::<Vec<_>>();
    let old = ids(known.difference(&wanted).copied().collect());
    let new = ids(wanted.difference(&known).copied().collect());
    unpin(social, tx, account, &old).await?;
    pin(social, tx, account, &new).await?;
    Ok(())
}

async fn tell(
    social: &Social,
    tx: &mut Tx,
    account: AccountId,
    changed: &[i64],
    reaction: &str,
) -> Result<Vec<PostId>, SocialError> {
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let mut posts = Vec::with_capacity(changed.len());
    for (id, uri) in store::uris(tx.conn(), changed).await? {
        let post = PostId::from_number(id);
        let event = PostReacted { post, uri, account, reaction: reaction.to_owned() };
        record(social, tx, &event)?;
        posts.push(post);
    }
    Ok(posts)
}
