//! Server-sent events (WHATWG HTML, section 9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{Uri, header};
use social::read::stream::StreamEvent;
use spine::Problem;

use super::hub::{Listener, Opening};
use super::socket::place;
use super::stream::{Wanted, hears_notifications};
use crate::edge::caller::Caller;
use crate::edge::permissive::Parameters;
use crate::services::Services;

/// Proxies close what is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

macro_rules! routes {
    ($($(#[$doc:meta])* $route:ident = $name:literal;)*) => {$(
        $(#[$doc])*
        pub(super) async fn $route(
            State(services): State<Services>,
            caller: Caller,
            uri: Uri,
        ) -> Result<Response, Problem> {
            open(services, caller, $name, &uri).await
        }
    )*};
}

routes! {
    user = "user";
    user_notification = "user:notification";
    public = "public";
    public_local = "public:local";
    public_remote = "public:remote";
    hashtag = "hashtag";
    hashtag_local = "hashtag:local";
    list = "list";
    direct = "direct";
}

/// Opens the stream of this name.
pub(super) async fn open(
    services: Services,
    caller: Caller,
    name: &str,
    uri: &Uri,
) -> Result<Response, Problem> {
    let wanted: Wanted = Parameters::of_query(uri.query())?.typed()?;
    let stream = wanted.named(name).resolve(&services, &caller).await?;
    let (Some(viewer), Some(grant)) = (caller.account(), caller.grant()) else {
        return Err(Problem::unauthorized("no-token", "Missing access token"));
    };
    let place = place(&services)?;
    let opening =
        Opening { viewer, token: grant.token_id, notifications: hears_notifications(&caller) };
    let listener = services.hub.open(opening, &services.stop);
    listener.subscribe(stream);
    let first = Bytes::from_static(b":)\n\n");
    let body =
        stream::unfold((listener, place, Some(first)), |(mut listener, place, first)| async {
            let chunk = match first {
                Some(first) => first,
                None => next(&mut listener).await?,
            };
            Some((Ok::<_, Infallible>(chunk), (listener, place, None)))
        });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "private, no-store"),
        // Reverse proxies (nginx) must not hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A message as an event. One without data would be dropped by browsers: as on Mastodon, the data
/// is then `undefined`.
fn text(message: &StreamEvent) -> Bytes {
    let data = message.payload.as_deref().unwrap_or("undefined");
    Bytes::from(format!("event: {}\ndata: {data}\n\n", message.event))
}

/// The next bytes to send; none when the stream is over.
async fn next(listener: &mut Listener) -> Option<Bytes> {
    tokio::select! {
        biased;
        () = listener.closed.cancelled() => None,
        message = listener.queue.recv() => {
            let message = message?;
            Some(text(&message))
        }
        () = tokio::time::sleep(HEARTBEAT) => Some(Bytes::from_static(b":thump\n\n")),
    }
}
