//! Web push: no subscriptions are kept yet, and clients are told so in the way they know.

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use spine::Problem;

use super::super::call::Call;
use super::super::reply::{Reply, empty_object};
use crate::policy::Action;
use crate::services::Services;

const PUSH: Action = Action::person("push.subscription", "push");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/push/subscription", get(absent).put(absent).post(refuse).delete(remove))
}

async fn absent(call: Call) -> Reply {
    call.person(&PUSH, "subscription")?;
    Err(Problem::not_found())
}

async fn refuse(call: Call) -> Reply {
    call.person(&PUSH, "subscription")?;
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "no-push",
        "This node does not send push messages yet",
    ))
}

async fn remove(call: Call) -> Reply {
    call.person(&PUSH, "subscription")?;
    Ok(empty_object())
}
