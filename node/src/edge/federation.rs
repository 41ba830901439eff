//! What other servers ask and tell: discovery, documents, inboxes. People with a browser who follow
//! the same addresses get pages.

mod actor;
mod answer;
mod discovery;
mod inbox;
mod page;
mod post;
mod tag;

use axum::Router;
use axum::routing::{get, post as on_post};

use crate::policy::Action;
use crate::services::Services;

/// Reading what everyone may read; the service decides what the signer may read beyond that.
const READ: Action = Action::anyone("document.read", "");
/// Handing over an activity; the service checks the signature.
const DELIVER: Action = Action::anyone("inbox.deliver", "");

/// The routes of federation.
pub fn routes() -> Router<Services> {
    Router::new()
        .route("/.well-known/webfinger", get(discovery::webfinger))
        .route("/.well-known/host-meta", get(discovery::host_meta))
        .route("/.well-known/nodeinfo", get(discovery::nodeinfo_links))
        .route("/nodeinfo/{version}", get(discovery::nodeinfo))
        .route("/actor", get(actor::instance))
        .route("/actor/inbox", on_post(inbox::shared))
        .route("/inbox", on_post(inbox::shared))
        .route("/users/{name}", get(actor::show))
        .route("/users/{name}/inbox", on_post(inbox::personal))
        .route("/users/{name}/outbox", get(actor::outbox))
        .route("/users/{name}/followers", get(actor::followers))
        .route("/users/{name}/following", get(actor::following))
        .route("/users/{name}/collections/featured", get(actor::featured))
        .route("/users/{name}/statuses/{id}", get(post::show))
        .route("/users/{name}/statuses/{id}/activity", get(post::activity))
        .route("/users/{name}/statuses/{id}/replies", get(post::replies))
        .route("/tags/{name}", get(tag::show))
        .route("/{handle}", get(actor::by_handle))
        .route("/{handle}/{id}", get(post::by_handle))
        .route("/authorize_interaction", get(discovery::authorize_interaction))
}
