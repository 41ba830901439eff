//! Deleting posts and taking back boosts.

use std::collections::{HashMap, HashSet};

use spine::{Cause, Spine, Tx};

use crate::events::{PostDeleted, PostReacted};
use crate::outbound;
use crate::store::write_edits::{self as store, Leaving};
use crate::store::write_posts::{CountChanges, change_counts};
use crate::write::notifications::{self, Wanted};
use crate::write::record;
use crate::{AccountId, PostId, Social, SocialError};

/// A post to delete, or a boost to take back.
#[derive(Clone, Debug)]
pub struct DeletedPost {
    /// Which.
    pub post: PostId,
    /// Why: carried by its events.
    pub cause: Cause,
}

/// Deletes posts, and the boosts of them: rows, counters, home entries and notifications go; a
/// tombstone keeps each from coming back; what the ledger holds under their URIs becomes
/// unreadable; what is on its way to other servers about them is withdrawn; uploads become free for
/// another post. A boost that is taken back leaves no tombstone (it may be boosted again). The posts
/// that were there, in no particular order.
///
/// # Errors
/// The store failed.
pub async fn delete(
    social: &Social,
    tx: &mut Tx,
    posts: &[DeletedPost],
) -> Result<Vec<PostId>, SocialError> {
    if posts.is_empty() {
        return Ok(Vec::new());
    }
    let now = social.spine().clock().now();
    let wanted: Vec<i64> = posts.iter().map(|item| item.post.number()).collect();
    let leaving = store::find_leaving(tx.conn(), &wanted).await?;
    if leaving.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = leaving.iter().map(|post| post.id).collect();
    store::detach_media(tx.conn(), &ids, &[], now).await?;
    let gone: HashSet<i64> = store::delete(tx.conn(), &ids).await?.into_iter().collect();
    let gone: Vec<&Leaving> = leaving.iter().filter(|post| gone.contains(&post.id)).collect();

    uncount(tx, &gone).await?;
    let counted = change_counts(tx.conn(), &count_changes(&gone)).await?;
    let tombs: Vec<&&Leaving> = gone.iter().filter(|post| post.boost_of_id.is_none()).collect();
    let uris: Vec<&str> = tombs.iter().map(|post| post.uri.as_str()).collect();
    let actors: Vec<&str> = tombs.iter().map(|post| post.author_uri.as_str()).collect();
    if !uris.is_empty() {
        store::insert_tombstones(tx.conn(), &uris, &actors, now).await?;
    }
    let about: Vec<&str> = gone.iter().map(|post| post.uri.as_str()).collect();
    outbound::withdraw(social, tx, &about).await?;

    let before = tx.cause().clone();
    let mut unwanted = Vec::new();
    let mut erased = Vec::with_capacity(gone.len());
    for post in &gone {
        let asked = posts.iter().find(|item| {
            let number = item.post.number();
            number == post.id || Some(number) == post.boost_of_id
        });
        tx.set_cause(asked.map_or_else(|| before.clone(), |item| item.cause.clone()));
        erased.push((post.uri.clone(), tx.cause().clone()));
        record(
            social,
            tx,
            &PostDeleted {
                post: PostId::from_number(post.id),
                uri: post.uri.clone(),
                author: AccountId::from_number(post.author_id),
                local: post.local,
                boost_of: post.boost_of_id.map(PostId::from_number),
                in_reply_to: post.in_reply_to_id.map(PostId::from_number),
            },
        )?;
        let boosted = counted.iter().find(|counted| Some(counted.id) == post.boost_of_id);
        if let Some(boosted) = boosted {
            record(
                social,
                tx,
                &PostReacted {
                    post: PostId::from_number(boosted.id),
                    uri: boosted.uri.clone(),
                    account: AccountId::from_number(post.author_id),
                    reaction: "unboost".to_owned(),
                },
            )?;
            unwanted.push(Wanted {
                account: AccountId::from_number(boosted.author_id),
                kind: "reblog",
                from: AccountId::from_number(post.author_id),
                post: Some(PostId::from_number(boosted.id)),
                cause: Cause::system(),
            });
        }
    }
    tx.set_cause(before);
    notifications::withdraw(tx, &unwanted).await?;
    Spine::erase_all(tx, &erased).await?;
    Ok(gone.iter().map(|post| PostId::from_number(post.id)).collect())
}

/// Takes posts off their authors' counters.
async fn uncount(tx: &mut Tx, gone: &[&Leaving]) -> Result<(), SocialError> {
    let mut posts: HashMap<i64, i64> = HashMap::new();
    for post in gone.iter().filter(|post| post.visibility != 3) {
        *posts.entry(post.author_id).or_default() += 1;
    }
    let (authors, posts): (Vec<i64>, Vec<i64>) = posts.into_iter().unzip();
    store::uncount_authors(tx.conn(), &authors, &posts).await?;
    Ok(())
}

fn count_changes(gone: &[&Leaving]) -> CountChanges {
    let mut changes = CountChanges::default();
    for post in gone {
        if let Some(parent) = post.in_reply_to_id.filter(|_| post.visibility <= 1) {
            changes.add(parent, -1, 0, 0);
        }
        if let Some(boosted) = post.boost_of_id {
            changes.add(boosted, 0, -1, 0);
        }
    }
    changes
}
