//! Routes that apps call and the node has nothing for yet: valid, empty, never 404.

use axum::Router;
use axum::routing::{delete, get, post, put};
use spine::Problem;

use super::super::call::Call;
use super::super::path::PathText;
use super::super::reply::{Reply, empty_list, empty_object, json};
use crate::policy::Action;
use crate::services::Services;

const PUBLIC: Action = Action::anyone("public.read", "");
const READ: Action = Action::person("account.read", "read:accounts");
const READ_STATUSES: Action = Action::person("status.read", "read:statuses");
const WRITE: Action = Action::person("account.write", "write:accounts");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/announcements", get(own_list))
        .route("/api/v1/announcements/{id}/dismiss", post(accepted))
        .route("/api/v1/announcements/{id}/reactions/{name}", put(absent).delete(absent))
        .route("/api/v1/trends", get(public_list))
        .route("/api/v1/trends/tags", get(public_list))
        .route("/api/v1/trends/statuses", get(public_list))
        .route("/api/v1/trends/links", get(public_list))
        .route("/api/v1/suggestions", get(suggestions_v1))
        .route("/api/v2/suggestions", get(suggestions))
        .route("/api/v1/suggestions/{id}", delete(accepted))
        .route("/api/v1/directory", get(public_list))
        .route("/api/v1/endorsements", get(own_list))
        .route("/api/v1/scheduled_statuses", get(scheduled))
        .route("/api/v1/scheduled_statuses/{id}", get(absent).put(absent).delete(absent))
        .route("/api/v1/annual_reports", get(annual_reports))
        .route("/api/v1/emails/confirmations", post(accepted_bare))
        .route("/api/v1/accounts/{id}/collections", get(collections))
        .route("/api/v1/accounts/{id}/in_collections", get(collections))
        .route("/api/oembed", get(absent_publicly))
}

async fn public_list(call: Call) -> Reply {
    call.may(&PUBLIC, "list")?;
    Ok(empty_list())
}

async fn own_list(call: Call) -> Reply {
    call.person(&READ, "list")?;
    Ok(empty_list())
}

async fn scheduled(call: Call) -> Reply {
    call.person(&READ_STATUSES, "scheduled_statuses")?;
    Ok(empty_list())
}

async fn suggestions(call: Call) -> Reply {
    let me = call.person(&READ, "suggestions")?;
    json(&call.social().suggestions(me, call.page()?.limit).await?)
}

async fn suggestions_v1(call: Call) -> Reply {
    let me = call.person(&READ, "suggestions")?;
    let suggestions = call.social().suggestions(me, call.page()?.limit).await?;
    let accounts: Vec<_> = suggestions.into_iter().map(|suggestion| suggestion.account).collect();
    json(&accounts)
}

async fn annual_reports(call: Call) -> Reply {
    call.person(&READ, "annual_reports")?;
    json(&serde_json::json!({ "annual_reports": [], "accounts": [], "statuses": [] }))
}

async fn collections(PathText(id): PathText, call: Call) -> Reply {
    call.may(&PUBLIC, id)?;
    json(&serde_json::json!({ "collections": [] }))
}

async fn accepted(PathText(id): PathText, call: Call) -> Reply {
    call.person(&WRITE, id)?;
    Ok(empty_object())
}

async fn accepted_bare(call: Call) -> Reply {
    call.may(&PUBLIC, "email")?;
    Ok(empty_object())
}

async fn absent(call: Call) -> Reply {
    call.person(&READ, "one")?;
    Err(Problem::not_found())
}

async fn absent_publicly(call: Call) -> Reply {
    call.may(&PUBLIC, "one")?;
    Err(Problem::not_found())
}
