//! Threads of direct posts. They are computed, not stored: there is nothing to delete or to mark.

use axum::Router;
use axum::routing::{delete, get, post};
use social::read::Page;
use spine::Problem;

use super::super::call::Call;
use super::super::path::PathText;
use super::super::reply::{Reply, empty_object, json};
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::person("conversation.read", "read:statuses");
const WRITE: Action = Action::person("conversation.write", "write:conversations");
/// How far back a conversation is looked for by its id.
const RECENT: u32 = 40;

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/conversations", get(list))
        .route("/api/v1/conversations/{id}", delete(remove))
        .route("/api/v1/conversations/{id}/read", post(mark_read))
}

async fn list(call: Call) -> Reply {
    let me = call.person(&READ, "conversations")?;
    call.paged(&call.social().conversations(me, &call.page()?).await?)
}

async fn remove(PathText(id): PathText, call: Call) -> Reply {
    call.person(&WRITE, id)?;
    Ok(empty_object())
}

async fn mark_read(PathText(id): PathText, call: Call) -> Reply {
    let me = call.person(&WRITE, &id)?;
    let recent = call.social().conversations(me, &Page::first(RECENT)).await?;
    let found = recent.items.into_iter().find(|conversation| conversation.id.to_string() == id);
    json(&found.ok_or_else(Problem::not_found)?)
}
