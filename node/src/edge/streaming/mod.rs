//! Live streams: what happens, as it happens, over WebSocket and server-sent events.
//!
//! The hub learns of every event from the spine's tail, asks the social service whom it concerns
//! and what each is told, and hands it to the open connections. Each connection has a bounded
//! queue: a reader that is too slow is cut off and, as every client does, reads the timeline again.

mod events;
mod hub;
mod socket;
mod stream;

use axum::Router;
use axum::routing::get;

pub use hub::Hub;

use crate::services::Services;

/// The routes of streaming.
pub fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/streaming", get(socket::open))
        .route("/api/v1/streaming/health", get(|| async { "OK" }))
        .route("/api/v1/streaming/user", get(events::user))
        .route("/api/v1/streaming/user/notification", get(events::user_notification))
        .route("/api/v1/streaming/public", get(events::public))
        .route("/api/v1/streaming/public/local", get(events::public_local))
        .route("/api/v1/streaming/public/remote", get(events::public_remote))
        .route("/api/v1/streaming/hashtag", get(events::hashtag))
        .route("/api/v1/streaming/hashtag/local", get(events::hashtag_local))
        .route("/api/v1/streaming/list", get(events::list))
        .route("/api/v1/streaming/direct", get(events::direct))
}
