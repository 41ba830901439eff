//! WebSocket streams: one connection, as many streams as it asks for.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use serde::Deserialize;
use social::read::stream::StreamEvent;
use spine::Problem;

use super::events;
use super::hub::{Listener, Opening};
use super::stream::{Wanted, hears_notifications};
use crate::edge::caller::{Caller, bearer, query_token};
use crate::edge::permissive::Parameters;
use crate::services::Services;

/// A connection that answers no ping for two of these is gone.
const PING: Duration = Duration::from_secs(30);
/// How long one message may take to be sent.
const SEND_PATIENCE: Duration = Duration::from_secs(10);
/// Clients send a few names, nothing longer.
const LONGEST_MESSAGE: usize = 4 * 1024;
/// Streams one connection may listen to.
const MOST_STREAMS: usize = 64;

/// Counts an open stream for as long as it is held.
pub(super) struct Place(Services);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.counters.stream_closed();
    }
}

/// A place for one more stream.
pub(super) fn place(services: &Services) -> Result<Place, Problem> {
    let open = services.counters.stream_opened();
    let place = Place(services.clone());
    if open > services.config.http.max_streams {
        return Err(Problem::unavailable("too many streams are open"));
    }
    Ok(place)
}

/// What a client says.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    wanted: Wanted,
}

/// Upgrades the connection; a plain GET gets server-sent events instead.
pub(super) async fn open(
    State(services): State<Services>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let is_upgrade = parts.headers.contains_key(header::UPGRADE);
    // Browsers cannot set headers on a WebSocket: the token then comes as its protocol.
    let protocol = parts
        .headers
        .get(header::SEC_WEBSOCKET_PROTOCOL)
        .and_then(|value| value.to_str().ok())
        .map(|text| text.split(',').next().unwrap_or_default().trim().to_owned());
    let token = query_token(parts.uri.query())
        .or_else(|| bearer(&parts.headers))
        .or(protocol.as_deref().filter(|protocol| !protocol.is_empty()));
    let caller = match token {
        Some(token) => {
            Caller::by_token(&services.identity, services.platform.policy.clone(), token).await?
        }
        None => Caller::visitor(services.platform.policy.clone()),
    };
    let wanted: Wanted = Parameters::of_query(parts.uri.query())?.typed()?;
    if !is_upgrade {
        let name = wanted.stream;
        return events::open(services, caller, &name, &parts.uri).await;
    }
    let (Some(viewer), Some(grant)) = (caller.account(), caller.grant()) else {
        return Err(Problem::unauthorized("no-token", "Missing access token"));
    };
    let first = match wanted.stream.is_empty() {
        true => None,
        false => Some(wanted.resolve(&services, &caller).await?),
    };
    let place = place(&services)?;
    let opening =
        Opening { viewer, token: grant.token_id, notifications: hears_notifications(&caller) };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &services).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            return Err(Problem::bad_request("bad-upgrade", rejection.body_text()));
        }
    };
    let upgrade = upgrade
        .max_message_size(LONGEST_MESSAGE)
        .max_frame_size(LONGEST_MESSAGE)
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0);
    // Echoed, or Chrome gives up.
    let upgrade = match protocol {
        Some(protocol) if !protocol.is_empty() => upgrade.protocols([protocol]),
        _ => upgrade,
    };
    let tasks = services.tasks.clone();
    Ok(upgrade.on_upgrade(move |socket| {
        tasks.track_future(async move {
            let listener = services.hub.open(opening, &services.stop);
            if let Some(stream) = first {
                listener.subscribe(stream);
            }
            Session { services, caller, listener, streams: 1 }.run(socket).await;
            drop(place);
        })
    }))
}

struct Session {
    services: Services,
    caller: Caller,
    listener: Listener,
    /// How often it subscribed: a bound, not a count.
    streams: usize,
}

impl Session {
    async fn run(mut self, mut socket: WebSocket) {
        let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
        let mut unanswered = 0_u8;
        loop {
            let sent = tokio::select! {
                biased;
                () = self.listener.closed.cancelled() => {
                    close(&mut socket).await;
                    return;
                }
                message = socket.recv() => match message {
                    Some(Ok(message)) => {
                        unanswered = 0;
                        match self.answer(message).await {
                            Some(answer) => send(&mut socket, answer).await,
                            None => true,
                        }
                    }
                    Some(Err(_)) | None => return,
                },
                message = self.listener.queue.recv() => match message {
                    Some(message) => send(&mut socket, text(&message)).await,
                    None => return,
                },
                _ = ping.tick() => {
                    unanswered += 1;
                    unanswered <= 2 && send(&mut socket, Message::Ping(bytes::Bytes::new())).await
                }
            };
            if !sent {
                return;
            }
        }
    }

    /// Does what the client says. Answers only what went wrong.
    async fn answer(&mut self, message: Message) -> Option<Message> {
        let Message::Text(text) = message else { return None };
        // Some clients send empty keep-alives.
        if text.trim().is_empty() {
            return None;
        }
        let outcome = match serde_json::from_str::<Said>(&text) {
            Ok(request) => self.obey(request).await,
            Err(_) => Err(Problem::bad_request("bad-message", "Error parsing JSON")),
        };
        outcome.err().map(|problem| {
            let answer = serde_json::json!({
                "error": problem.title(),
                "status": problem.status().as_u16(),
            });
            Message::Text(answer.to_string().into())
        })
    }

    async fn obey(&mut self, request: Said) -> Result<(), Problem> {
        let stream = request.wanted.resolve(&self.services, &self.caller).await?;
        match request.kind.as_str() {
            "subscribe" if self.streams >= MOST_STREAMS => Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-streams",
                "This connection listens to too many streams",
            )),
            "subscribe" => {
                self.streams += 1;
                self.listener.subscribe(stream);
                Ok(())
            }
            "unsubscribe" => {
                self.streams = self.streams.saturating_sub(1);
                self.listener.unsubscribe(&stream);
                Ok(())
            }
            _ => Err(Problem::bad_request("bad-message", "Unknown message type")),
        }
    }
}

fn text(message: &StreamEvent) -> Message {
    let mut text = serde_json::json!({ "stream": message.stream, "event": message.event });
    if let Some(payload) = &message.payload {
        text["payload"] = payload.as_str().into();
    }
    Message::Text(text.to_string().into())
}

/// Whether the message went out in time.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(SEND_PATIENCE, socket.send(message)).await, Ok(Ok(())))
}

/// Says that it is over; whether the client hears it makes no difference.
async fn close(socket: &mut WebSocket) {
    let frame = CloseFrame { code: close_code::AWAY, reason: "".into() };
    send(socket, Message::Close(Some(frame))).await;
}
