//! The client API, as Mastodon's clients speak it: a file a resource.
//!
//! Every handler asks the policy first, then calls the social service once.

mod accounts;
mod blocks;
mod conversations;
mod filters;
mod follow_requests;
mod instance;
mod lists;
mod markers;
mod media;
mod notifications;
mod polls;
mod profile;
mod push;
mod registration;
mod relations;
mod reports;
mod search;
mod statuses;
mod stubs;
mod tags;
mod timelines;

use axum::Router;

use crate::services::Services;

/// The program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The routes of the client API, except apps and OAuth, which are login's, and streams.
pub fn routes() -> Router<Services> {
    Router::new()
        .merge(accounts::routes())
        .merge(blocks::routes())
        .merge(conversations::routes())
        .merge(filters::routes())
        .merge(follow_requests::routes())
        .merge(instance::routes())
        .merge(lists::routes())
        .merge(markers::routes())
        .merge(media::routes())
        .merge(notifications::routes())
        .merge(polls::routes())
        .merge(profile::routes())
        .merge(push::routes())
        .merge(registration::routes())
        .merge(relations::routes())
        .merge(reports::routes())
        .merge(search::routes())
        .merge(statuses::routes())
        .merge(stubs::routes())
        .merge(tags::routes())
        .merge(timelines::routes())
}
