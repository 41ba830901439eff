//! Blocks of people and of hosts.

use spine::{Cause, Tx};

use crate::events::RelationshipChanged;
use crate::store::write_relations::{self as store, BlockColumns};
use crate::store::{write_follows, write_home, write_notifications};
use crate::write::follows::{self, End, FollowPair};
use crate::{AccountId, Social, SocialError};

/// A block of one account by another.
#[derive(Clone, Debug)]
pub struct NewBlock {
    /// Who blocks.
    pub account: AccountId,
    /// Whom.
    pub target: AccountId,
    /// The Block's ActivityPub id.
    pub uri: String,
    /// Why: carried by its event.
    pub cause: Cause,
}

/// Stores blocks. Follows between the two end, either way; the blocked person's posts, boosts of
/// them and notifications leave what the blocker sees; each leaves the other's lists. (account,
/// target) of those that were new.
///
/// # Errors
/// The store failed.
pub async fn block(
    social: &Social,
    tx: &mut Tx,
    blocks: &[NewBlock],
) -> Result<Vec<(AccountId, AccountId)>, SocialError> {
    let now = social.spine().clock().now();
    let mut columns = BlockColumns::default();
    for block in blocks {
        columns.id.push(social.spine().snowflakes().next().0);
        columns.account_id.push(block.account.number());
        columns.target_id.push(block.target.number());
        columns.uri.push(&block.uri);
    }
    let new = store::insert_blocks(tx.conn(), &columns, now).await?;
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let find = |(account, target): (i64, i64)| {
        blocks
            .iter()
            .find(move |block| block.account.number() == account && block.target.number() == target)
    };
    let mut by_blocker = Vec::new();
    let mut by_blocked = Vec::new();
    for block in new.iter().copied().filter_map(find) {
        let cause = block.cause.clone();
        by_blocker.push(FollowPair {
            follower: block.account,
            target: block.target,
            cause: cause.clone(),
        });
        by_blocked.push(FollowPair { follower: block.target, target: block.account, cause });
    }
    follows::end(tx, &by_blocker, End::Unfollowed).await?;
    follows::end(tx, &by_blocked, End::Rejected).await?;

    let (accounts, targets): (Vec<i64>, Vec<i64>) = new.iter().copied().unzip();
    write_home::clear(tx.conn(), &accounts, &targets, true).await?;
    write_notifications::clear_from(tx.conn(), &accounts, &targets).await?;
    store::unlist(tx.conn(), &accounts, &targets).await?;
    store::unlist(tx.conn(), &targets, &accounts).await?;

    let before = tx.cause().clone();
    for block in new.iter().copied().filter_map(find) {
        tx.set_cause(block.cause.clone());
        record(tx, block.account, block.target, "blocked")?;
    }
    tx.set_cause(before);
    Ok(new
        .into_iter()
        .map(|(account, target)| (AccountId::from_number(account), AccountId::from_number(target)))
        .collect())
}

/// A block that ended.
#[derive(Clone, Debug)]
pub struct Unblocked {
    /// Who blocked.
    pub account: AccountId,
    /// Whom.
    pub target: AccountId,
    /// The Block's ActivityPub id.
    pub uri: String,
}

/// Ends blocks: (account, target, cause) each. Those that were there.
///
/// # Errors
/// The store failed.
pub async fn unblock(
    tx: &mut Tx,
    blocks: &[(AccountId, AccountId, Cause)],
) -> Result<Vec<Unblocked>, SocialError> {
    let (accounts, targets): (Vec<i64>, Vec<i64>) =
        blocks.iter().map(|(account, target, _)| (account.number(), target.number())).unzip();
    let ended: Vec<Unblocked> = store::delete_blocks(tx.conn(), &accounts, &targets)
        .await?
        .into_iter()
        .map(|row| Unblocked {
            account: AccountId::from_number(row.account_id),
            target: AccountId::from_number(row.target_id),
            uri: row.uri,
        })
        .collect();
    let before = tx.cause().clone();
    for block in &ended {
        let cause = blocks
            .iter()
            .find(|(account, target, _)| *account == block.account && *target == block.target)
            .map_or_else(|| before.clone(), |(.., cause)| cause.clone());
        tx.set_cause(cause);
        record(tx, block.account, block.target, "unblocked")?;
    }
    tx.set_cause(before);
    Ok(ended)
}

/// Hides a host, with its subdomains, from one account: follows either way end, and what the
/// account sees of its people goes. Whether that is new.
///
/// # Errors
/// The store failed.
pub async fn block_domain(
    social: &Social,
    tx: &mut Tx,
    account: AccountId,
    domain: &str,
) -> Result<bool, SocialError> {
    let now = social.spine().clock().now();
    let id = social.spine().snowflakes().next().0;
    let number = account.number();
    if !store::insert_domain_block(tx.conn(), id, number, domain, now).await? {
        return Ok(false);
    }
    let (mut out, mut into) = (Vec::new(), Vec::new());
    for (follower, target) in write_follows::with_domain(tx.conn(), number, domain).await? {
        let pair = FollowPair {
            follower: AccountId::from_number(follower),
            target: AccountId::from_number(target),
            cause: tx.cause().clone(),
        };
        if follower == number { out.push(pair) } else { into.push(pair) }
    }
    follows::end(tx, &out, End::Unfollowed).await?;
    follows::end(tx, &into, End::Rejected).await?;
    store::clear_domain(tx.conn(), number, domain).await?;
    record(tx, account, account, "domain_blocked")?;
    Ok(true)
}

/// Shows a host to an account again; whether it was hidden.
///
/// # Errors
/// The store failed.
pub async fn unblock_domain(
    tx: &mut Tx,
    account: AccountId,
    domain: &str,
) -> Result<bool, SocialError> {
    let was = store::delete_domain_block(tx.conn(), account.number(), domain).await?;
    if was {
        record(tx, account, account, "domain_unblocked")?;
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
