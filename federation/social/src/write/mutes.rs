//! Mutes of people and of conversations.

use chrono::{DateTime, Utc};
use spine::Tx;

use crate::events::RelationshipChanged;
use crate::store::{write_home, write_notifications, write_relations as store};
use crate::{AccountId, Social, SocialError};

/// A mute of one account by another, both as the person asked for it.
#[derive(Clone, Copy, Debug)]
pub struct NewMute {
    /// Who mutes.
    pub account: AccountId,
    /// Whom.
    pub target: AccountId,
    /// Whether notifications stop too.
    pub notifications: bool,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Mutes, or changes a mute: the muted person's posts leave the home timeline, and his
/// notifications too where asked.
///
/// # Errors
/// The store failed.
pub async fn mute(social: &Social, tx: &mut Tx, mute: &NewMute) -> Result<(), SocialError> {
    let (account, target) = (mute.account.number(), mute.target.number());
    let is_new = store::upsert_mute(
        tx.conn(),
        social.spine().snowflakes().next().0,
        account,
        target,
        mute.notifications,
        mute.expires_at,
        social.spine().clock().now(),
    )
    .await?;
    write_home::clear(tx.conn(), &[account], &[target], true).await?;
    if mute.notifications {
        write_notifications::clear_from(tx.conn(), &[account], &[target]).await?;
    }
    if is_new {
        record(tx, mute.account, mute.target, "muted")?;
    }
    Ok(())
}

/// Ends a mute; whether there was one.
///
/// # Errors
/// The store failed.
pub async fn unmute(
    tx: &mut Tx,
    account: AccountId,
    target: AccountId,
) -> Result<bool, SocialError> {
    let was = store::delete_mute(tx.conn(), account.number(), target.number()).await?;
    if was {
        record(tx, account, target, "unmuted")?;
    }
    Ok(was)
}

fn record(
    tx: &mut Tx,
    account: AccountId,
    target: AccountId,
    change: &str,
) -> Result<(), SocialError> {
    tx.record(&RelationshipChanged { account, target, change: change.to_owned() })?;
    Ok(())
}
