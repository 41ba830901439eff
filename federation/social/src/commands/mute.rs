//! Muting people: a person's own business, told to nobody.

use std::time::Duration;

use super::transaction::transaction;
use crate::write::mutes::{self, NewMute};
use crate::{AccountId, Social, SocialError};

/// How somebody is muted.
#[derive(Clone, Copy, Debug)]
pub struct MuteOptions {
    /// Whether his notifications are hidden too.
    pub notifications: bool,
    /// For how long; for ever where `None`.
    pub duration: Option<Duration>,
}

impl Default for MuteOptions {
    fn default() -> Self {
        Self { notifications: true, duration: None }
    }
}

impl Social {
    /// Hides an account's posts from the actor, or changes how they are hidden.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn mute(
        &self,
        actor: AccountId,
        target: AccountId,
        options: MuteOptions,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        self.other(actor, target).await?;
        let now = self.spine().clock().now();
        let expires_at = options
            .duration
            .and_then(|duration| chrono::Duration::from_std(duration).ok())
            .and_then(|duration| now.checked_add_signed(duration));
        let mute =
            NewMute { account: actor, target, notifications: options.notifications, expires_at };
        transaction!(self, &me.uri, tx => {
            mutes::mute(self, tx, &mute).await?;
            Ok(())
        });
        self.saw_relation(actor, target);
        Ok(())
    }

    /// Shows an account's posts to the actor again; where they are not hidden changes nothing.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn unmute(&self, actor: AccountId, target: AccountId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        transaction!(self, &me.uri, tx => {
            mutes::unmute(tx, actor, target).await?;
            Ok(())
        });
        self.saw_relation(actor, target);
        Ok(())
    }
}
