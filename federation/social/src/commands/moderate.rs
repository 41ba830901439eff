//! What those who keep the node decide about accounts. Whether the actor may is the
//! caller's to check.

use super::transaction::transaction;
use crate::events::AccountChanged;
use crate::write::accounts;
use crate::{AccountId, Social, SocialError};

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

    async fn saw_moderation(&self, account: AccountId, uri: String, local: bool, change: &str) {
        let change = change.to_owned();
        self.saw_account_change(&AccountChanged { account, uri, local, change }).await;
    }
}
