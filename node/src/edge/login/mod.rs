//! Logging in: OAuth 2 for apps, sign-in and first set-up for people with a browser.
//!
//! Every page works without JavaScript. A form is accepted from this node's own pages only
//! ([`session::same_site`]), and what changes something for a signed-in person carries a token of
//! the session besides.

mod abilities;
mod apps;
mod authorize;
mod front;
mod metadata;
pub mod register;
pub mod session;
mod setup;
mod sign_in;
mod token;

use axum::Router;
use axum::routing::{get, post};

use crate::services::Services;

/// The routes.
pub fn routes() -> Router<Services> {
    Router::new()
        .route("/", get(front::front))
        .route("/welcome", get(front::welcome))
        .route("/setup", post(setup::setup))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/static/{file}", get(front::static_file))
        .route("/api/v1/apps", post(apps::register))
        .route("/api/v1/apps/verify_credentials", get(apps::verify_credentials))
        .route("/oauth/authorize", get(authorize::ask).post(authorize::answer))
        .route("/oauth/token", post(token::issue))
        .route("/oauth/revoke", post(token::revoke))
        .route("/oauth/userinfo", get(metadata::user_info).post(metadata::user_info))
        .route("/.well-known/oauth-authorization-server", get(metadata::authorization_server))
}
