//! Notifications.

use serde::Serialize;

use super::{Account, Report, Shared, Status, Timestamp};
use crate::{AccountId, NotificationId, PostId};

/// Something that happened and concerns someone.
#[derive(Clone, Debug, Serialize)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// Mastodon's name for what happened, such as `mention`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub created_at: Timestamp,
    /// What it would be grouped with; here each stands alone.
    pub group_key: String,
    /// Who caused it.
    pub account: Shared<Account>,
    /// The post it is about. Absent where its kind has none, present where it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The report it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// Notifications by groups (`/api/v2/notifications`); each group holds one.
#[derive(Clone, Debug, Serialize)]
pub struct GroupedNotifications {
    /// Every account that the groups name.
    pub accounts: Vec<Shared<Account>>,
    /// Every post that the groups name.
    pub statuses: Vec<Status>,
    /// The groups, newest first.
    pub notification_groups: Vec<NotificationGroup>,
}

/// A group of notifications.
#[derive(Clone, Debug, Serialize)]
pub struct NotificationGroup {
    /// Names the group.
    pub group_key: String,
    /// How many it holds.
    pub notifications_count: i64,
    /// Mastodon's name for what happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its newest notification: a number here, in contrast to every other id.
    pub most_recent_notification_id: i64,
    /// Its oldest notification on this page.
    pub page_min_id: NotificationId,
    /// Its newest notification on this page.
    pub page_max_id: NotificationId,
    /// When the newest of this page happened.
    pub latest_page_notification_at: Timestamp,
    /// Who caused it.
    pub sample_account_ids: Vec<AccountId>,
    /// The post it is about. Absent where its kind has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_id: Option<PostId>,
    /// The report it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// Whose notifications are accepted: everyone's.
#[derive(Clone, Debug, Serialize)]
pub struct NotificationPolicy {
    /// Of accounts that are not followed.
    pub for_not_following: &'static str,
    /// Of accounts that do not follow.
    pub for_not_followers: &'static str,
    /// Of new accounts.
    pub for_new_accounts: &'static str,
    /// Of private mentions.
    pub for_private_mentions: &'static str,
    /// Of limited accounts.
    pub for_limited_accounts: &'static str,
    /// What waits.
    pub summary: NotificationPolicySummary,
}

/// Filtered notifications that wait: none.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NotificationPolicySummary {
    /// Accounts.
    pub pending_requests_count: i64,
    /// Notifications.
    pub pending_notifications_count: i64,
}

impl Default for NotificationPolicy {
    fn default() -> Self {
        Self {
            for_not_following: "accept",
            for_not_followers: "accept",
            for_new_accounts: "accept",
            for_private_mentions: "accept",
            for_limited_accounts: "accept",
            summary: NotificationPolicySummary::default(),
        }
    }
}
