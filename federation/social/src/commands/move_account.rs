//! Moving to another account.

use spine::JobOptions;

use super::transaction::transaction;
use crate::events::AccountChanged;
use crate::inbound::MoveFollowers;
use crate::outbound::{self, FederateActor};
use crate::write::accounts;
use crate::{AccountId, Social, SocialError};

impl Social {
    /// Moves the actor to another account, which must name the actor among its aliases: followers,
    /// here and elsewhere, are asked to follow it instead.
    ///
    /// # Errors
    /// Not found, [`SocialError::Invalid`] where the target does not name the actor or has moved
    /// itself, or the store failed.
    pub async fn move_account(&self, actor: AccountId, to: AccountId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let target = self.other(actor, to).await?;
        if !target.also_known_as.contains(&me.uri) {
            return Err(SocialError::Invalid(
                "The other account does not name this one as its alias".to_owned(),
            ));
        }
        if target.moved_to.is_some() {
            return Err(SocialError::Invalid("The other account has moved itself".to_owned()));
        }
        let event = AccountChanged {
            account: actor,
            uri: me.uri.clone(),
            local: true,
            change: "moved".to_owned(),
        };
        transaction!(self, &me.uri, tx => {
            if accounts::set_moved(tx, actor, to).await? {
                outbound::move_account(self, tx, &me, &target).await?;
                tx.schedule_with(&FederateActor { account: actor }, JobOptions::default())?;
                tx.schedule_with(&MoveFollowers { old: actor, new: to }, JobOptions::default())?;
            }
            Ok(())
        });
        self.saw_account_change(&event).await;
        Ok(())
    }
}
