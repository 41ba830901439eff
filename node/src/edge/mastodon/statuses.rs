//! Posts: reading and writing them, reacting to them.

mod react;
mod write;

use axum::Router;
use axum::routing::{get, post};
use social::PostId;
use spine::Problem;

use super::super::call::Call;
use super::super::path::{PathId, PathPair};
use super::super::reply::{Reply, empty_list, json};
use super::accounts::Ids;
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::anyone("status.read", "read:statuses");
const READ_OWN: Action = Action::person("status.source", "read:statuses");
const READ_ACCOUNTS: Action = Action::anyone("status.accounts", "read:accounts");
const WRITE: Action = Action::person("status.write", "write:statuses");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/statuses", get(several).post(write::create))
        .route("/api/v1/statuses/{id}", get(show).put(write::edit).delete(write::delete))
        .route("/api/v1/statuses/{id}/context", get(context))
        .route("/api/v1/statuses/{id}/history", get(history))
        .route("/api/v1/statuses/{id}/source", get(source))
        .route("/api/v1/statuses/{id}/card", get(card))
        .route("/api/v1/statuses/{id}/favourited_by", get(favourited_by))
        .route("/api/v1/statuses/{id}/reblogged_by", get(reblogged_by))
        .route("/api/v1/statuses/{id}/quotes", get(quotes))
        .route("/api/v1/statuses/{id}/quotes/{quote}/revoke", post(revoke_quote))
        .route("/api/v1/statuses/{id}/favourite", post(react::favourite))
        .route("/api/v1/statuses/{id}/unfavourite", post(react::unfavourite))
        .route("/api/v1/statuses/{id}/reblog", post(react::reblog))
        .route("/api/v1/statuses/{id}/unreblog", post(react::unreblog))
        .route("/api/v1/statuses/{id}/bookmark", post(react::bookmark))
        .route("/api/v1/statuses/{id}/unbookmark", post(react::unbookmark))
        .route("/api/v1/statuses/{id}/pin", post(react::pin))
        .route("/api/v1/statuses/{id}/unpin", post(react::unpin))
        .route("/api/v1/statuses/{id}/mute", post(react::mute))
        .route("/api/v1/statuses/{id}/unmute", post(react::unmute))
        .route("/api/v1/statuses/{id}/translate", post(translate))
        .route("/api/v1/statuses/{id}/interaction_policy", axum::routing::put(interaction_policy))
        .route("/api/v1/favourites", get(react::favourites))
        .route("/api/v1/bookmarks", get(react::bookmarks))
}

async fn several(call: Call) -> Reply {
    let viewer = call.may(&READ, "several")?;
    let ids: Vec<PostId> = call.typed::<Ids>()?.known();
    json(&call.social().statuses(viewer, &ids).await?)
}

async fn show(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let viewer = call.may(&READ, id)?;
    json(&call.social().status(viewer, id).await?)
}

async fn context(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let viewer = call.may(&READ, id)?;
    let context = json(&call.social().context(viewer, id).await?)?;
    // Strangers cannot make us ask other servers.
    if viewer.is_some()
        && let Err(error) = call.social().complete_thread(id).await
    {
        tracing::warn!(post.id = %id, %error, "a thread is not completed");
    }
    Ok(context)
}

async fn history(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let viewer = call.may(&READ, id)?;
    json(&call.social().status_history(viewer, id).await?)
}

async fn source(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let me = call.person(&READ_OWN, id)?;
    json(&call.social().status_source(me, id).await?)
}

/// Old clients ask for the preview card alone.
async fn card(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let viewer = call.may(&READ, id)?;
    let status = call.social().status(viewer, id).await?;
    match &status.body.card {
        Some(card) => json(card),
        None => json(&serde_json::json!({})),
    }
}

async fn favourited_by(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let viewer = call.may(&READ_ACCOUNTS, id)?;
    call.paged(&call.social().favourited_by(viewer, id, &call.page()?).await?)
}

async fn reblogged_by(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let viewer = call.may(&READ_ACCOUNTS, id)?;
    call.paged(&call.social().reblogged_by(viewer, id, &call.page()?).await?)
}

/// Quotes are not collected yet.
async fn quotes(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let viewer = call.may(&READ, id)?;
    call.social().status(viewer, id).await?;
    Ok(empty_list())
}

async fn revoke_quote(PathPair(id, _): PathPair, call: Call) -> Reply {
    call.person(&WRITE, id)?;
    Err(Problem::not_found())
}

async fn translate(PathId(id): PathId<PostId>, call: Call) -> Reply {
    call.may(&READ, id)?;
    Err(Problem::not_found())
}

/// Who may quote is not kept yet: the post is answered as it is.
async fn interaction_policy(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    call.social().status_source(me, id).await?;
    json(&call.social().status(Some(me), id).await?)
}
