//! Notifications, in the plain and in the grouped form.

use axum::Router;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use social::read::entities::NotificationPolicy;
use social::read::{Cursor, NotificationFilter, Page};
use social::{AccountId, NotificationId};
use spine::Problem;

use super::super::call::Call;
use super::super::path::{PathId, PathText};
use super::super::permissive::absent_if_empty;
use super::super::reply::{Reply, empty_list, empty_object, json};
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::person("notification.read", "read:notifications");
const WRITE: Action = Action::person("notification.write", "write:notifications");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/notifications", get(list))
        .route("/api/v1/notifications/{id}", get(show))
        .route("/api/v1/notifications/{id}/dismiss", post(dismiss))
        .route("/api/v1/notifications/dismiss", post(dismiss_by_parameter))
        .route("/api/v1/notifications/clear", post(clear))
        .route("/api/v1/notifications/unread_count", get(unread))
        .route("/api/v2/notifications", get(grouped))
        .route("/api/v2/notifications/unread_count", get(unread))
        .route("/api/v2/notifications/policy", get(policy).patch(keep_policy).put(keep_policy))
        .route("/api/v1/notifications/policy", get(policy_v1).put(keep_policy_v1))
        .route("/api/v2/notifications/{group}", get(group))
        .route("/api/v2/notifications/{group}/accounts", get(group_accounts))
        .route("/api/v2/notifications/{group}/dismiss", post(dismiss_group))
        .route("/api/v1/notifications/requests", get(requests))
        .route("/api/v1/notifications/requests/{id}", get(no_request))
        .route("/api/v1/notifications/requests/{id}/accept", post(answer_request))
        .route("/api/v1/notifications/requests/{id}/dismiss", post(answer_request))
        .route("/api/v1/notifications/requests/accept", post(answer_requests))
        .route("/api/v1/notifications/requests/dismiss", post(answer_requests))
        .route("/api/v1/notifications/requests/merged", get(merged))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    types: Vec<String>,
    exclude_types: Vec<String>,
    #[serde(deserialize_with = "absent_if_empty")]
    account_id: Option<AccountId>,
    #[serde(deserialize_with = "absent_if_empty")]
    limit: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct One {
    id: NotificationId,
}

fn filter(call: &Call) -> Result<(NotificationFilter, Option<u32>), Problem> {
    let Wanted { types, exclude_types, account_id, limit } = call.typed()?;
    Ok((NotificationFilter { types, exclude_types, account_id }, limit))
}

async fn list(call: Call) -> Reply {
    let me = call.person(&READ, "notifications")?;
    let (filter, _) = filter(&call)?;
    call.paged(&call.social().notifications(me, &filter, &call.page()?).await?)
}

async fn grouped(call: Call) -> Reply {
    let me = call.person(&READ, "notifications")?;
    let (filter, _) = filter(&call)?;
    let (groups, links) = call.social().grouped_notifications(me, &filter, &call.page()?).await?;
    Ok(call.linked(json(&groups)?, links))
}

async fn show(PathId(id): PathId<NotificationId>, call: Call) -> Reply {
    let me = call.person(&READ, id)?;
    json(&call.social().notification(me, id).await?)
}

async fn dismiss(PathId(id): PathId<NotificationId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    call.social().dismiss_notification(me, id).await?;
    Ok(empty_object())
}

async fn dismiss_by_parameter(call: Call) -> Reply {
    let One { id } = call.typed()?;
    let me = call.person(&WRITE, id)?;
    call.social().dismiss_notification(me, id).await?;
    Ok(empty_object())
}

async fn clear(call: Call) -> Reply {
    let me = call.person(&WRITE, "notifications")?;
    call.social().clear_notifications(me).await?;
    Ok(empty_object())
}

async fn unread(call: Call) -> Reply {
    let me = call.person(&READ, "notifications")?;
    let (filter, limit) = filter(&call)?;
    let count = call.social().unread_notifications(me, &filter, limit).await?;
    json(&json!({ "count": count }))
}

/// A group's key holds its one notification's id at its end.
fn id_of_group(key: &str) -> Result<NotificationId, Problem> {
    key.rsplit('-').next().and_then(|id| id.parse().ok()).ok_or_else(Problem::not_found)
}

async fn group(PathText(key): PathText, call: Call) -> Reply {
    let me = call.person(&READ, &key)?;
    let id = id_of_group(&key)?.number();
    let just_this = Page {
        max_id: Some(Cursor::at(id.saturating_add(1))),
        since_id: Some(Cursor::at(id.saturating_sub(1))),
        ..Page::default()
    };
    let filter = NotificationFilter::default();
    let (groups, _) = call.social().grouped_notifications(me, &filter, &just_this).await?;
    if groups.notification_groups.is_empty() {
        return Err(Problem::not_found());
    }
    json(&groups)
}

async fn group_accounts(PathText(key): PathText, call: Call) -> Reply {
    let me = call.person(&READ, &key)?;
    let notification = call.social().notification(me, id_of_group(&key)?).await?;
    json(&[notification.account])
}

async fn dismiss_group(PathText(key): PathText, call: Call) -> Reply {
    let me = call.person(&WRITE, &key)?;
    call.social().dismiss_notification(me, id_of_group(&key)?).await?;
    Ok(empty_object())
}

/// Everyone's notifications are accepted; another choice is not kept yet, and the answer shows it.
async fn policy(call: Call) -> Reply {
    call.person(&READ, "policy")?;
    json(&NotificationPolicy::default())
}

async fn keep_policy(call: Call) -> Reply {
    call.person(&WRITE, "policy")?;
    json(&NotificationPolicy::default())
}

async fn policy_v1(call: Call) -> Reply {
    call.person(&READ, "policy")?;
    old_policy()
}

async fn keep_policy_v1(call: Call) -> Reply {
    call.person(&WRITE, "policy")?;
    old_policy()
}

fn old_policy() -> Reply {
    json(&json!({
        "filter_not_following": false,
        "filter_not_followers": false,
        "filter_new_accounts": false,
        "filter_private_mentions": false,
        "summary": { "pending_requests_count": 0, "pending_notifications_count": 0 },
    }))
}

async fn requests(call: Call) -> Reply {
    call.person(&READ, "requests")?;
    Ok(empty_list())
}

async fn no_request(PathText(id): PathText, call: Call) -> Reply {
    call.person(&READ, id)?;
    Err(Problem::not_found())
}

async fn answer_request(PathText(id): PathText, call: Call) -> Reply {
    call.person(&WRITE, id)?;
    Err(Problem::not_found())
}

async fn answer_requests(call: Call) -> Reply {
    call.person(&WRITE, "requests")?;
    Ok(empty_object())
}

async fn merged(call: Call) -> Reply {
    call.person(&READ, "requests")?;
    json(&json!({ "merged": true }))
}
