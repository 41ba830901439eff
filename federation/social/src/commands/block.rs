//! Blocking people.

use super::transaction::transaction;
use crate::outbound;
use crate::write::blocks::{self, NewBlock};
use crate::{AccountId, Social, SocialError};

impl Social {
    /// Blocks an account: neither sees the other any more, and follows end both ways.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn block(&self, actor: AccountId, target: AccountId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let row = self.other(actor, target).await?;
        let uri = format!("{}#blocks/{}", me.uri, self.spine().snowflakes().next());
        transaction!(self, &me.uri, tx => {
            let block = NewBlock {
                account: actor,
                target,
                uri: uri.clone(),
                cause: tx.cause().clone(),
            };
            let blocked = blocks::block(self, tx, &[block]).await?;
            if !blocked.is_empty() && !row.is_local {
                outbound::block(self, tx, &me, &row, &uri).await?;
            }
            Ok(())
        });
        self.saw_relation(actor, target);
        Ok(())
    }

    /// Ends a block; where there is none changes nothing.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn unblock(&self, actor: AccountId, target: AccountId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let row = self.other(actor, target).await?;
        transaction!(self, &me.uri, tx => {
            let one = (actor, target, tx.cause().clone());
            for ended in blocks::unblock(tx, &[one]).await? {
                if !row.is_local {
                    outbound::undo_block(self, tx, &me, &row, &ended.uri).await?;
                }
            }
            Ok(())
        });
        self.saw_relation(actor, target);
        Ok(())
    }
}
