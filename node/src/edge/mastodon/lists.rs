//! Lists of accounts, each with a timeline of its own.

use axum::Router;
use axum::routing::get;
use serde::Deserialize;
use social::commands::ListChange;
use social::{AccountId, ListId};
use spine::Problem;

use super::super::call::Call;
use super::super::path::PathId;
use super::super::reply::{Reply, empty_object, json};
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::person("list.read", "read:lists");
const WRITE: Action = Action::person("list.write", "write:lists");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/lists", get(all).post(create))
        .route("/api/v1/lists/{id}", get(show).put(update).delete(remove))
        .route("/api/v1/lists/{id}/accounts", get(members).post(add).delete(take_out))
}

/// A list as a client writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    title: Option<String>,
    replies_policy: Option<String>,
    exclusive: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Members {
    account_ids: Vec<AccountId>,
}

async fn all(call: Call) -> Reply {
    let me = call.person(&READ, "lists")?;
    json(&call.social().lists(me).await?)
}

async fn show(PathId(id): PathId<ListId>, call: Call) -> Reply {
    let me = call.person(&READ, id)?;
    json(&call.social().list(me, id).await?)
}

async fn members(PathId(id): PathId<ListId>, call: Call) -> Reply {
    let me = call.person(&READ, id)?;
    call.paged(&call.social().list_accounts(me, id, &call.page()?).await?)
}

async fn create(call: Call) -> Reply {
    let me = call.person(&WRITE, "lists")?;
    let id = call.social().create_list(me, change(&call)?).await?;
    json(&call.social().list(me, id).await?)
}

async fn update(PathId(id): PathId<ListId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    call.social().update_list(me, id, change(&call)?).await?;
    json(&call.social().list(me, id).await?)
}

async fn remove(PathId(id): PathId<ListId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    call.social().delete_list(me, id).await?;
    Ok(empty_object())
}

async fn add(PathId(id): PathId<ListId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let Members { account_ids } = call.typed()?;
    call.social().add_to_list(me, id, &account_ids).await?;
    Ok(empty_object())
}

async fn take_out(PathId(id): PathId<ListId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let Members { account_ids } = call.typed()?;
    call.social().remove_from_list(me, id, &account_ids).await?;
    Ok(empty_object())
}

fn change(call: &Call) -> Result<ListChange, Problem> {
    let Parameters { title, replies_policy, exclusive } = call.typed()?;
    Ok(ListChange { title, replies_policy, exclusive })
}
