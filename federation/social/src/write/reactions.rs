//! Favourites, bookmarks and muted conversations. Boosts are posts: `write::posts`.

use spine::{Cause, Tx};

use crate::events::PostReacted;
use crate::store::write_posts::{CountChanges, Counted, change_counts};
use crate::store::write_reactions::{self as store, FavouriteColumns};
use crate::write::notifications::{self, Wanted};
use crate::write::record;
use crate::{AccountId, PostId, Social, SocialError};

/// A favourite.
#[derive(Clone, Debug)]
pub struct NewFavourite {
    /// Whose.
    pub account: AccountId,
    /// Of which post.
    pub post: PostId,
    /// The Like's ActivityPub id.
    pub uri: String,
    /// Why: carried by its event.
    pub cause: Cause,
}

/// Stores favourites, counts them, tells local authors. Whether each was new; `false` too where
/// the post is not stored.
///
/// # Errors
/// The store failed.
pub async fn favourite(
    social: &Social,
    tx: &mut Tx,
    favourites: &[NewFavourite],
) -> Result<Vec<bool>, SocialError> {
    let mut columns = FavouriteColumns::default();
    for favourite in favourites {
        columns.id.push(social.spine().snowflakes().next().0);
        columns.account_id.push(favourite.account.number());
        columns.post_id.push(favourite.post.number());
        columns.uri.push(&favourite.uri);
    }
    let now = social.spine().clock().now();
    let new = store::insert_favourites(tx.conn(), &columns, now).await?;
    let counted = count(tx, new.iter().map(|(_, post)| *post), 1).await?;
    let is_new =
        |account: AccountId, post: PostId| new.contains(&(account.number(), post.number()));
    let mut wanted = Vec::new();
    let mut outcomes = Vec::with_capacity(favourites.len());
    let before = tx.cause().clone();
    for (index, favourite) in favourites.iter().enumerate() {
        let repeated = favourites[..index]
            .iter()
            .any(|other| other.account == favourite.account && other.post == favourite.post);
        let is_new = !repeated && is_new(favourite.account, favourite.post);
        outcomes.push(is_new);
        let post = counted.iter().find(|post| post.id == favourite.post.number());
        let Some(post) = post.filter(|_| is_new) else { continue };
        tx.set_cause(favourite.cause.clone());
        record(social, tx, &reacted(favourite.account, post, "favourite"))?;
        wanted.push(Wanted {
            account: AccountId::from_number(post.author_id),
            kind: "favourite",
            from: favourite.account,
            post: Some(favourite.post),
            cause: favourite.cause.clone(),
        });
    }
    tx.set_cause(before);
    notifications::make(social, tx, &wanted).await?;
    Ok(outcomes)
}

/// Takes favourites back: (account, post, cause) each. The Likes' ActivityPub ids of those that were
/// there.
///
/// # Errors
/// The store failed.
pub async fn unfavourite(
    social: &Social,
    tx: &mut Tx,
    favourites: &[(AccountId, PostId, Cause)],
) -> Result<Vec<String>, SocialError> {
    let (accounts, posts): (Vec<i64>, Vec<i64>) =
        favourites.iter().map(|(account, post, _)| (account.number(), post.number())).unzip();
    let gone = store::delete_favourites(tx.conn(), &accounts, &posts).await?;
    let counted = count(tx, gone.iter().map(|row| row.post_id), -1).await?;
    let before = tx.cause().clone();
    let mut unwanted = Vec::new();
    let mut ended = Vec::with_capacity(gone.len());
    for row in gone {
        let account = AccountId::from_number(row.account_id);
        let post = PostId::from_number(row.post_id);
        let cause = favourites
            .iter()
            .find(|(a, p, _)| *a == account && *p == post)
            .map_or_else(|| before.clone(), |(.., cause)| cause.clone());
        if let Some(counted) = counted.iter().find(|counted| counted.id == row.post_id) {
            tx.set_cause(cause.clone());
            record(social, tx, &reacted(account, counted, "unfavourite"))?;
            unwanted.push(Wanted {
                account: AccountId::from_number(counted.author_id),
                kind: "favourite",
                from: account,
                post: Some(post),
                cause,
            });
        }
        ended.push(row.uri);
    }
    tx.set_cause(before);
    notifications::withdraw(tx, &unwanted).await?;
    Ok(ended)
}

/// A local person's private relation to a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Private {
    /// Keeps it at hand.
    Bookmark,
    /// Takes that back.
    Unbookmark,
    /// Wants no notifications about its conversation.
    Mute,
    /// Takes that back.
    Unmute,
}

/// Bookmarks a post or mutes its conversation, or takes that back; whether that changed anything.
///
/// # Errors
/// The store failed.
pub async fn relate(
    social: &Social,
    tx: &mut Tx,
    account: AccountId,
    post: &PostRow,
    how: Private,
) -> Result<bool, SocialError> {
    let (person, number) = (account.number(), post.post.number());
    let (changed, reaction) = match how {
        Private::Bookmark => {
            let id = social.spine().snowflakes().next().0;
            let now = social.spine().clock().now();
            (store::insert_bookmark(tx.conn(), id, person, number, now).await?, "bookmark")
        }
        Private::Unbookmark => {
            (store::delete_bookmark(tx.conn(), person, number).await?, "unbookmark")
        }
        Private::Mute => {
            (store::insert_conversation_mute(tx.conn(), person, post.conversation).await?, "mute")
        }
        Private::Unmute => {
            (store::delete_conversation_mute(tx.conn(), person, post.conversation).await?, "unmute")
        }
    };
    if changed {
        let event = PostReacted {
            post: post.post,
            uri: post.uri.clone(),
            account,
            reaction: reaction.to_owned(),
        };
        record(social, tx, &event)?;
    }
    Ok(changed)
}

/// What [`relate`] needs to know of a post.
#[derive(Clone, Debug)]
pub struct PostRow {
    /// Its id.
    pub post: PostId,
    /// Its ActivityPub id.
    pub uri: String,
    /// Its conversation.
    pub conversation: i64,
}

async fn count(
    tx: &mut Tx,
    posts: impl Iterator<Item = i64>,
    by: i64,
) -> Result<Vec<Counted>, SocialError> {
    let mut changes = CountChanges::default();
    for post in posts {
        changes.add(post, 0, 0, by);
    }
    Ok(change_counts(tx.conn(), &changes).await?)
}

fn reacted(account: AccountId, post: &Counted, reaction: &str) -> PostReacted {
    PostReacted {
        post: PostId::from_number(post.id),
        uri: post.uri.clone(),
        account,
        reaction: reaction.to_owned(),
    }
}
