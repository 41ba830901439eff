//! Notifications: who is told of what, unless he asked not to be.

use spine::{Cause, Tx};

use crate::events::NotificationMade;
use crate::store::write_notifications::{self as store, NotificationColumns};
use crate::{AccountId, NotificationId, PostId, Social, SocialError};

/// A notification that someone should get, unless he blocks, mutes or already has it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose it is; ignored where the account is not local.
    pub account: AccountId,
    /// Mastodon's type name.
    pub kind: &'static str,
    /// Who caused it.
    pub from: AccountId,
    /// The post it is about.
    pub post: Option<PostId>,
    /// Why: carried by its event.
    pub cause: Cause,
}

/// Makes notifications and records their events. One statement.
///
/// # Errors
/// The store failed.
pub async fn make(social: &Social, tx: &mut Tx, wanted: &[Wanted]) -> Result<(), SocialError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let now = social.spine().clock().now();
    let mut columns = NotificationColumns::default();
    for item in wanted {
        columns.id.push(social.spine().snowflakes().next().0);
        columns.account_id.push(item.account.number());
        columns.kind.push(item.kind);
        columns.from_id.push(item.from.number());
        columns.post_id.push(item.post.map(PostId::number));
        columns.report_id.push(None);
    }
    let made = store::insert(tx.conn(), &columns, now).await?;
    let before = tx.cause().clone();
    for notification in made {
        let index = columns.id.iter().position(|id| *id == notification.id);
        if let Some(item) = index.and_then(|index| wanted.get(index)) {
            tx.set_cause(item.cause.clone());
        }
        tx.record(&NotificationMade {
            notification: NotificationId::from_number(notification.id),
            account: AccountId::from_number(notification.account_id),
            kind: notification.kind,
            from: AccountId::from_number(notification.from_id),
            post: notification.post_id.map(PostId::from_number),
        })?;
    }
    tx.set_cause(before);
    Ok(())
}

/// Takes notifications back: their reason is undone. One statement.
///
/// # Errors
/// The store failed.
pub async fn withdraw(tx: &mut Tx, unwanted: &[Wanted]) -> Result<(), SocialError> {
    if unwanted.is_empty() {
        return Ok(());
    }
    let accounts: Vec<_> = unwanted.iter().map(|item| item.account.number()).collect();
    let kinds: Vec<_> = unwanted.iter().map(|item| item.kind).collect();
    let senders: Vec<_> = unwanted.iter().map(|item| item.from.number()).collect();
    let posts: Vec<_> = unwanted.iter().map(|item| item.post.map(PostId::number)).collect();
    store::delete(tx.conn(), &accounts, &kinds, &senders, &posts).await?;
    Ok(())
}
