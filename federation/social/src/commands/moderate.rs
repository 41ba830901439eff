//! What those who keep the node decide about accounts and hosts. Whether the actor may is the
//! caller's to check.

use spine::Cause;

use super::transaction::transaction;
use crate::events::AccountChanged;
use crate::remote::hosts::normalize_domain;
use crate::store::write_relations as store;
use crate::write::accounts;
use crate::{AccountId, Social, SocialError};

/// Longest reason, in characters.
const LONGEST_REASON: usize = 500;

impl Social {
    /// Suspends an account, ours or another's: nothing of it is shown or taken in, and it can do
    /// nothing.
    ///
    /// # Errors
    /// Not found (or suspended already), or the store failed.
    pub async fn suspend_account(
        &self,
        moderator: AccountId,
        account: AccountId,
    ) -> Result<(), SocialError> {
        let me = self.actor(moderator).await?;
        let row = self.other(moderator, account).await?;
        transaction!(self, &me.uri, tx => {
            accounts::suspend(self, tx, account).await?;
            Ok(())
        });
        self.saw_moderation(account, row.uri, row.is_local, "suspended").await;
        Ok(())
    }

    /// Ends a suspension; where there is none changes nothing.
    ///
    /// # Errors
    /// The store failed.
    pub async fn unsuspend_account(
        &self,
        moderator: AccountId,
        account: AccountId,
    ) -> Result<(), SocialError> {
        let me = self.actor(moderator).await?;
        transaction!(self, &me.uri, tx => {
            accounts::unsuspend(tx, account).await?;
            Ok(())
        });
        self.saw_moderation(account, String::new(), true, "updated").await;
        Ok(())
    }

    /// Blocks a host, with its subdomains, for the whole node: nothing comes from there, nothing
    /// goes there, nothing of it is shown.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where it is no host, or ours; or the store failed.
    pub async fn block_host(&self, domain: &str, reason: &str) -> Result<(), SocialError> {
        let domain = self.other_host(domain)?;
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        let spine = self.spine();
        let mut tx = spine.begin(Cause::system()).await?;
        let (id, now) = (spine.snowflakes().next().0, spine.clock().now());
        store::insert_domain_block(tx.conn(), id, None, &domain, &reason, now).await?;
        tx.commit().await?;
        self.saw_host_block();
        Ok(())
    }

    /// Ends the block of a host for the whole node; where there is none changes nothing.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where it is no host, or ours; or the store failed.
    pub async fn unblock_host(&self, domain: &str) -> Result<(), SocialError> {
        let domain = self.other_host(domain)?;
        let mut tx = self.spine().begin(Cause::system()).await?;
        store::delete_domain_block(tx.conn(), None, &domain).await?;
        tx.commit().await?;
        self.saw_host_block();
        Ok(())
    }

    /// A host as it is stored, if it is not ours.
    pub(super) fn other_host(&self, typed: &str) -> Result<String, SocialError> {
        normalize_domain(typed)
            .filter(|domain| *domain != self.settings().domain())
            .ok_or_else(|| SocialError::Invalid("Domain is not a valid domain name".to_owned()))
    }

    /// Lets this process see a changed block list at once; others see it within seconds.
    fn saw_host_block(&self) {
        self.0.remote.blocked.forget();
        self.forget_cached();
    }

    async fn saw_moderation(&self, account: AccountId, uri: String, local: bool, change: &str) {
        let change = change.to_owned();
        self.saw_account_change(&AccountChanged { account, uri, local, change }).await;
    }
}
