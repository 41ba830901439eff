//! Notifications.

use std::collections::{HashMap, HashSet};

use super::ask::NOTIFICATIONS;
use super::assemble::{Shown, Wanted};
use super::entities::{
    Account, GroupedNotifications, Notification, NotificationGroup, Report, Shared, Timestamp,
};
use super::page::Rows;
use super::{Links, Page, Paged};
use crate::store::read_notifications::{self, NotificationRow};
use crate::{AccountId, NotificationId, PostId, Social, SocialError};

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

/// Unread notifications are counted so far, by default and at most.
const COUNTED: u32 = 100;
const COUNTED_AT_MOST: u32 = 1_000;

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
        let window = NOTIFICATIONS.window(page);
        let asker = self.asker(Some(viewer));
        let pool = self.spine().pool();
        let rows = read_notifications::page(pool, asker, viewer.number(), filter, window).await?;
        let rows = Rows::cut(page, window.size, rows, |row| row.id);
        let notifications = self.notification_views(&rows.rows).await?;
        Ok(rows.paged(notifications))
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
        let paged = self.notifications(viewer, filter, page).await?;
        let links = paged.links();
        let mut accounts: Vec<Shared<Account>> = Vec::new();
        let mut statuses = Vec::new();
        let mut groups = Vec::with_capacity(paged.items.len());
        let (mut seen_accounts, mut seen_posts) = (HashSet::new(), HashSet::new());
        for notification in paged.items {
            if seen_accounts.insert(notification.account.id) {
                accounts.push(notification.account.clone());
            }
            let status_id = notification.status.as_ref().map(|status| status.id());
            groups.push(NotificationGroup {
                group_key: notification.group_key,
                notifications_count: 1,
                kind: notification.kind,
                most_recent_notification_id: notification.id.number(),
                page_min_id: notification.id,
                page_max_id: notification.id,
                latest_page_notification_at: notification.created_at,
                sample_account_ids: vec![notification.account.id],
                status_id,
                report: notification.report,
            });
            if let Some(status) = notification.status
                && seen_posts.insert(status.id())
            {
                statuses.push(status);
            }
        }
        Ok((GroupedNotifications { accounts, statuses, notification_groups: groups }, links))
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
        let asker = self.asker(Some(viewer));
        let pool = self.spine().pool();
        let row = read_notifications::of_viewer(pool, asker, viewer.number(), id.number()).await?;
        let rows: Vec<NotificationRow> = row.into_iter().collect();
        self.notification_views(&rows).await?.pop().ok_or(SocialError::NotFound)
    }

    /// How many notifications are newer than `viewer`'s reading position, at most `limit` (default
    /// 100, most 1,000).
    ///
    /// # Errors
    /// The store failed.
    pub async fn unread_notifications(
        &self,
        viewer: AccountId,
        filter: &NotificationFilter,
        limit: Option<u32>,
    ) -> Result<i64, SocialError> {
        let pool = self.spine().pool();
        let above = read_notifications::last_read(pool, viewer.number()).await?;
        let most = limit.unwrap_or(COUNTED).clamp(1, COUNTED_AT_MOST).into();
        let asker = self.asker(Some(viewer));
        let count =
            read_notifications::count_above(pool, asker, viewer.number(), filter, above, most);
        Ok(count.await?)
    }

    /// Throws all of `viewer`'s notifications away.
    ///
    /// # Errors
    /// The store failed.
    pub async fn clear_notifications(&self, viewer: AccountId) -> Result<(), SocialError> {
        Ok(read_notifications::clear(self.spine().pool(), viewer.number()).await?)
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
        let pool = self.spine().pool();
        if read_notifications::dismiss(pool, viewer.number(), id.number()).await? {
            Ok(())
        } else {
            Err(SocialError::NotFound)
        }
    }

    /// The notifications of these rows, each as its own receiver sees it. One whose post cannot be
    /// shown is left out: clients fail on a mention without its post.
    async fn notification_views(
        &self,
        rows: &[NotificationRow],
    ) -> Result<Vec<Notification>, SocialError> {
        let wanted: Vec<Wanted> = rows.iter().filter_map(wanted_post).collect();
        let posts = self.assemble_each(&wanted).await?;
        let from = rows.iter().map(|row| AccountId::from_number(row.from_id)).collect();
        let accounts = self.account_views(from).await?;
        let reports: Vec<i64> = rows.iter().filter_map(|row| row.report_id).collect();
        let reports = self.reports(&reports, None).await?;
        Ok(rows.iter().filter_map(|row| view(row, &accounts, &posts, &reports)).collect())
    }
}

fn wanted_post(row: &NotificationRow) -> Option<Wanted> {
    let viewer = Some(AccountId::from_number(row.account_id));
    row.post_id.map(|post| Wanted { viewer, post: PostId::from_number(post) })
}

/// Whether notifications of this kind are about a post, without which clients fail.
fn is_about_a_post(kind: &str) -> bool {
    matches!(kind, "mention" | "status" | "reblog" | "favourite" | "poll" | "update")
}

fn view(
    row: &NotificationRow,
    accounts: &HashMap<AccountId, Shared<Account>>,
    posts: &HashMap<Wanted, Shown>,
    reports: &HashMap<i64, Report>,
) -> Option<Notification> {
    let status = wanted_post(row)
        .and_then(|wanted| posts.get(&wanted))
        .map(|shown| shown.status.clone())
        .filter(|_| is_about_a_post(&row.kind));
    if status.is_none() && is_about_a_post(&row.kind) {
        tracing::debug!(notification.id = row.id, "a notification is left out: no post to show");
        return None;
    }
    let report = row.report_id.and_then(|report| reports.get(&report)).cloned();
    if report.is_none() && row.kind == "admin.report" {
        return None;
    }
    Some(Notification {
        id: NotificationId::from_number(row.id),
        kind: row.kind.clone(),
        created_at: Timestamp(row.created_at),
        group_key: format!("ungrouped-{}", row.id),
        account: accounts.get(&AccountId::from_number(row.from_id))?.clone(),
        status,
        report,
    })
}
