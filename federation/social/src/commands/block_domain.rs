//! Hiding a whole host from oneself.

use super::transaction::transaction;
use crate::write::blocks;
use crate::{AccountId, Social, SocialError};

impl Social {
    /// Hides a host, with its subdomains, from the actor: follows with its people end both ways.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where it is no host, or ours; or the store failed.
    pub async fn block_domain(&self, actor: AccountId, domain: &str) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let domain = self.other_host(domain)?;
        transaction!(self, &me.uri, tx => {
            blocks::block_domain(self, tx, actor, &domain).await?;
            Ok(())
        });
        // Whoever was followed or followed is somebody else now, too.
        self.forget_cached();
        Ok(())
    }

    /// Shows a host to the actor again; where it is not hidden changes nothing.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where it is no host, or ours; or the store failed.
    pub async fn unblock_domain(&self, actor: AccountId, domain: &str) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let domain = self.other_host(domain)?;
        transaction!(self, &me.uri, tx => {
            blocks::unblock_domain(tx, actor, &domain).await?;
            Ok(())
        });
        self.forget_cached();
        Ok(())
    }
}
