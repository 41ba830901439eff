//! The door of the devices: `POST /device-events`, at the node's root.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use contracts::access::{Access, Caller, Policy, Principal, Purpose, actions};
use contracts::api::Body;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::Problem;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::device::{Device, DeviceEvent, ItemOutcome, ItemStatus};
use crate::{Connectors, ConnectorsError, DeviceBatch, owntracks};
use contracts::api::problems::OfBodies;

/// The largest batch.
const LARGEST_BODY: usize = 1 << 20;

/// `POST /device-events`, which a device calls with its own token. For the node's root, outside of the
/// Sovereign API: no person's token opens it, so the policy that decides is handed in here.
pub fn device_routes(policy: Arc<dyn Policy>) -> OpenApiRouter<Connectors> {
    OpenApiRouter::new()
        .routes(routes!(receive))
        .layer(Extension(policy))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// What a device sends.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = DeviceEvents)]
struct Reports {
    /// When it is sent, by the device's clock: where that is off by more than five minutes, the times of the
    /// events are put right by as much.
    #[serde(default)]
    sent_at: Option<DateTime<Utc>>,
    /// What it saw.
    #[schema(value_type = Vec<DeviceEvent>, max_items = 500)]
    events: Vec<Value>,
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct Taken {
    /// How many were taken.
    accepted: usize,
    /// How many had been taken before.
    repeated: usize,
    /// How many are refused.
    refused: usize,
    /// Each of them, in their order.
    outcomes: Vec<ItemOutcome>,
}

/// Takes what a device saw: a batch, or one message of OwnTracks. Authorised by the device's token, as bearer
/// or as the password of basic authentication (which is what OwnTracks sends). What is accepted is on disk.
#[utoipa::path(
    post,
    path = "/device-events",
    operation_id = "report_device_events",
    tag = "devices",
    request_body = Reports,
    responses(
        (status = 200, body = Taken, description = "What became of each; an empty list to OwnTracks"),
        OfBodies,
    )
)]
async fn receive(
    State(connectors): State<Connectors>,
    Extension(policy): Extension<Arc<dyn Policy>>,
    headers: HeaderMap,
    body: Result<Body<Value>, Problem>,
) -> Result<Response, Problem> {
    let device = authenticate(&connectors, &headers).await?;
    let caller =
        Caller::new(Principal::Device(device.id), Purpose::SYNC).on_behalf_of(device.person);
    let access = Access::new(caller, Arc::clone(&policy));
    access.require(actions::DEVICE_REPORT, &device.resource())?;
    access.settled().await?;
    let Body(body) = body?;
    let shape = |detail: String| {
        Problem::unprocessable("invalid-body", "The body is not of the shape it should be")
            .with_detail(detail)
    };
    let Value::Object(message) = &body else { return Err(shape("it is no object".to_owned())) };
    if owntracks::is_encrypted(message) {
        return Err(Problem::unprocessable(
            "encrypted",
            "This is encrypted by the app; please clear its encryption key, the connection is private",
        ));
    }
    if let Some(events) = owntracks::reports(message) {
        let outcomes = take(&connectors, &device, DeviceBatch { sent_at: None, events }).await?;
        log_refused(&device, &outcomes);
        return Ok(Json(Value::Array(Vec::new())).into_response());
    }
    let reports: Reports =
        serde_json::from_value(body).map_err(|error| shape(error.to_string()))?;
    let batch = DeviceBatch { sent_at: reports.sent_at, events: reports.events };
    let outcomes = take(&connectors, &device, batch).await?;
    let count = |status| outcomes.iter().filter(|outcome| outcome.status == status).count();
    let taken = Taken {
        accepted: count(ItemStatus::Accepted),
        repeated: count(ItemStatus::Repeated),
        refused: count(ItemStatus::Refused),
        outcomes,
    };
    Ok(Json(taken).into_response())
}

async fn take(
    connectors: &Connectors,
    device: &Device,
    batch: DeviceBatch,
) -> Result<Vec<ItemOutcome>, Problem> {
    match connectors.receive_device_events(device, batch).await {
        // Removed since its token was looked at.
        Err(ConnectorsError::NotFound) => Err(unknown()),
        other => Ok(other?),
    }
}

/// OwnTracks is not told, as it would send the same for ever.
fn log_refused(device: &Device, outcomes: &[ItemOutcome]) {
    for outcome in outcomes.iter().filter(|outcome| outcome.status == ItemStatus::Refused) {
        tracing::warn!(device.id = %device.id, reason = outcome.reason, "a report is refused");
    }
}

async fn authenticate(connectors: &Connectors, headers: &HeaderMap) -> Result<Device, Problem> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(token)
        .ok_or_else(unknown)?;
    connectors.authenticate_device(&token).await?.ok_or_else(unknown)
}

/// The token in an `Authorization` header: as bearer, or as the password that goes with a name.
fn token(authorization: &str) -> Option<String> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

fn unknown() -> Problem {
    Problem::unauthorized("unknown-device", "This is the token of no device")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_as_bearer_and_as_password() {
        assert_eq!(token("Bearer sov_device_x").as_deref(), Some("sov_device_x"));
        let basic = format!("Basic {}", STANDARD.encode("ana:sov_device_x"));
        assert_eq!(token(&basic).as_deref(), Some("sov_device_x"));
        assert_eq!(token("Digest x"), None);
        assert_eq!(token("Basic %%%"), None);
        assert_eq!(token("Bearer"), None);
    }
}
