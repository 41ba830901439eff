//! Deleting one's own account.

use spine::Tx;

use super::transaction::transaction;
use crate::events::AccountChanged;
use crate::write::accounts;
use crate::{AccountId, Social, SocialError, outbound};

impl Social {
    /// Deletes a local account in the caller's transaction: nothing of it is shown from the commit
    /// on, what is personal in the ledger becomes unreadable, the rest is removed in the
    /// background; every server that knows it is told. The user name stays taken.
    ///
    /// # Errors
    /// [`SocialError::NotFound`] where it is none of ours or gone already, or the store failed.
    pub async fn delete_local_account_in(
        &self,
        tx: &mut Tx,
        account: AccountId,
    ) -> Result<(), SocialError> {
        let me = self.actor(account).await.map_err(|error| match error {
            SocialError::Forbidden(_) => SocialError::NotFound,
            other => other,
        })?;
        outbound::delete_account(self, tx, &me).await?;
        if !accounts::delete(self, tx, account).await? {
            return Err(SocialError::NotFound);
        }
        let social = self.clone();
        let event = AccountChanged {
            account,
            uri: me.uri.clone(),
            local: true,
            change: "deleted".to_owned(),
        };
        tx.on_commit(move || {
            social.0.documents.forget_all();
            social.invalidate(&event);
        });
        Ok(())
    }

    /// [`Social::delete_local_account_in`] in a transaction of its own.
    ///
    /// # Errors
    /// See there.
    pub async fn delete_local_account(&self, account: AccountId) -> Result<(), SocialError> {
        let me = self.actor(account).await?;
        transaction!(self, &me.uri, tx => {
            self.delete_local_account_in(tx, account).await?;
            Ok(())
        });
        self.forget_actor(account).await;
        Ok(())
    }
}
