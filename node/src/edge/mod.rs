//! The HTTP edge: what every request passes, and the routes behind it.

mod about;
mod audited;
pub mod call;
pub mod caller;
mod cors;
mod federation;
mod guard;
pub mod health;
pub mod limits;
pub mod login;
mod mastodon;
mod pages;
pub mod paging;
mod path;
pub mod permissive;
mod reply;
pub mod serve;
mod slash;
pub mod sovereign;
pub mod streaming;

use axum::Router;
use axum::middleware::from_fn_with_state;
use http::{Method, StatusCode, Uri};
use spine::Problem;

use crate::services::Services;

/// Every route of the node.
pub fn router(services: Services) -> Router {
    // Whose callers the policy service decides about.
    let clients = Router::new()
        .merge(mastodon::routes())
        .merge(streaming::routes())
        .merge(login::routes())
        .layer(from_fn_with_state(services.clone(), audited::audited));
    Router::new()
        .merge(clients)
        .merge(federation::routes())
        .merge(health::routes())
        .merge(about::routes())
        .merge(sovereign::hooks::routes())
        .merge(sovereign::sign_in::routes())
        .with_state(services.clone())
        .merge(sovereign::routes(&services))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(services, guard::guard))
}

async fn unknown(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-route", "There is nothing at this address")
        .with_detail(uri.path().chars().take(200).collect::<String>())
}

async fn wrong_method(method: Method) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "This address does not answer that method",
    )
    .with_detail(method.to_string())
}
