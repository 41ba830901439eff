//! Notifications.

use super::entities::{GroupedNotifications, Notification};
use super::{Links, Page, Paged};
use crate::{AccountId, NotificationId, Social, SocialError};

/// Which notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// Only these kinds; none: all.
    pub types: Vec<String>,
    /// Not these kinds.
    pub exclude_types: Vec<String>,
    /// Only caused by this account.
    pub account_id: Option<AccountId>,
}

impl Social {
    /// `viewer`'s notifications, newest first, without those of whom it blocks or mutes.
    ///
    /// # Errors
    /// The store failed.
    pub async fn notifications(
        &self,
        viewer: AccountId,
        filter: &NotificationFilter,
        page: &Page,
    ) -> Result<Paged<Notification>, SocialError> {
        todo!()
    }
    /// [`Social::notifications`] in the grouped form; each group holds one notification.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grouped_notifications(
        &self,
        viewer: AccountId,
        filter: &NotificationFilter,
        page: &Page,
    ) -> Result<(GroupedNotifications, Links), SocialError> {
        todo!()
    }
    /// One notification of `viewer`.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn notification(
        &self,
        viewer: AccountId,
        id: NotificationId,
    ) -> Result<Notification, SocialError> {
        todo!()
    }
    /// How many notifications are newer than `viewer`'s reading position, at most `limit` (default 100, most 1,000).
    ///
    /// # Errors
    /// The store failed.
    pub async fn unread_notifications(
        &self,
        viewer: AccountId,
        filter: &NotificationFilter,
        limit: Option<u32>,
    ) -> Result<i64, SocialError> {
        todo!()
    }
    /// Throws all of `viewer`'s notifications away.
    ///
    /// # Errors
    /// The store failed.
    pub async fn clear_notifications(&self, viewer: AccountId) -> Result<(), SocialError> {
        todo!()
    }
    /// Throws one notification of `viewer` away.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn dismiss_notification(
        &self,
        viewer: AccountId,
        id: NotificationId,
    ) -> Result<(), SocialError> {
        todo!()
    }
}
