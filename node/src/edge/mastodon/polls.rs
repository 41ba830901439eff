//! Polls.

use axum::Router;
use axum::routing::{get, post};
use serde::Deserialize;
use social::PollId;

use super::super::call::Call;
use super::super::path::PathId;
use super::super::reply::{Reply, json};
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::anyone("poll.read", "read:statuses");
const VOTE: Action = Action::person("poll.vote", "write:statuses");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/polls/{id}", get(show))
        .route("/api/v1/polls/{id}/votes", post(vote))
}

#[derive(Debug, Deserialize)]
struct Vote {
    choices: Vec<i16>,
}

async fn show(PathId(id): PathId<PollId>, call: Call) -> Reply {
    let viewer = call.may(&READ, id)?;
    json(&call.social().poll(viewer, id).await?)
}

async fn vote(PathId(id): PathId<PollId>, call: Call) -> Reply {
    let me = call.person(&VOTE, id)?;
    let Vote { choices } = call.typed()?;
    call.social().vote(me, id, &choices).await?;
    json(&call.social().poll(Some(me), id).await?)
}
