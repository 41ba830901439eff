//! Filters on words. None are kept yet: reading answers empty, and making one is refused in plain
//! words instead of pretending.

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use spine::Problem;

use super::super::call::Call;
use super::super::reply::{Reply, empty_list};
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::person("filter.read", "read:filters");
const WRITE: Action = Action::person("filter.write", "write:filters");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/filters", get(list).post(refuse))
        .route("/api/v1/filters/{id}", get(absent).put(absent_to_change).delete(absent_to_change))
        .route("/api/v2/filters", get(list).post(refuse))
        .route("/api/v2/filters/{id}", get(absent).put(absent_to_change).delete(absent_to_change))
        .route("/api/v2/filters/{id}/keywords", get(absent).post(absent_to_change))
        .route("/api/v2/filters/{id}/statuses", get(absent).post(absent_to_change))
        .route(
            "/api/v2/filters/keywords/{id}",
            get(absent).put(absent_to_change).delete(absent_to_change),
        )
        .route("/api/v2/filters/statuses/{id}", get(absent).delete(absent_to_change))
}

async fn list(call: Call) -> Reply {
    call.person(&READ, "filters")?;
    Ok(empty_list())
}

async fn refuse(call: Call) -> Reply {
    call.person(&WRITE, "filters")?;
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "no-filters",
        "This node does not keep filters yet",
    ))
}

async fn absent(call: Call) -> Reply {
    call.person(&READ, "filters")?;
    Err(Problem::not_found())
}

async fn absent_to_change(call: Call) -> Reply {
    call.person(&WRITE, "filters")?;
    Err(Problem::not_found())
}
