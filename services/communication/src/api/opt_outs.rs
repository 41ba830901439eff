//! Who wants no messages through a channel.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::{Access, actions};
use contracts::api::problems::OfOne;
use contracts::api::{Page, PageQuery, Path, Query};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Channel, Communication, CommunicationError, store};

/// An address to which nothing is sent through a channel any more: its holder wrote `STOP`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OptOutView {
    /// The address.
    pub address: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

async fn writable(
    access: &Access,
    communication: &Communication,
    id: Uuid,
) -> Result<Channel, Problem> {
    let channel = communication.channel(id).await?;
    access.require_visible(actions::CONNECTOR_READ, &channel.resource())?;
    access.require(actions::CHANNEL_WRITE, &channel.resource())?;
    Ok(channel)
}

/// Who wants no messages through a channel, by address.
#[utoipa::path(
    get,
    path = "/channels/{id}/opt-outs",
    operation_id = "list_opt_outs",
    tag = "communication",
    params(("id" = Uuid, Path, description = "The channel"), PageQuery),
    responses((status = 200, body = Page<OptOutView>), OfOne)
)]
pub(super) async fn list(
    access: Access,
    Path(id): Path<Uuid>,
    State(communication): State<Communication>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OptOutView>>, Problem> {
    let (limit, after) = (page.limit()?, page.place::<String>()?);
    if after.as_ref().is_some_and(|after| after.contains('\0')) {
        return Err(CommunicationError::Invalid("`cursor` is none of ours".to_owned()).into());
    }
    writable(&access, &communication, id).await?;
    let pool = communication.spine().pool();
    let most = limit as i64 + 1;
    let found = store::opt_outs::list(pool, id, after.as_deref(), most).await;
    let found = found.map_err(CommunicationError::from)?;
    let views = found
        .into_iter()
        .map(|out| OptOutView { address: out.address, since: out.since })
        .collect();
    Ok(Json(Page::cut(views, limit, |last: &OptOutView| last.address.clone())?))
}

/// Sends messages to an address again, because its holder said so elsewhere. What the service itself was told (Twilio
/// knows `STOP` too) only its holder takes back, by writing `START`.
#[utoipa::path(
    delete,
    path = "/channels/{id}/opt-outs/{address}",
    operation_id = "lift_opt_out",
    tag = "communication",
    params(
        ("id" = Uuid, Path, description = "The channel"),
        ("address" = String, Path, description = "The address"),
    ),
    responses((status = 204, description = "Messages go there"), OfOne)
)]
pub(super) async fn lift(
    access: Access,
    Path((id, address)): Path<(Uuid, String)>,
    State(communication): State<Communication>,
) -> Result<StatusCode, Problem> {
    let channel = writable(&access, &communication, id).await?;
    communication.lift_opt_out(&channel, &address, access.caller().cause()).await?;
    Ok(StatusCode::NO_CONTENT)
}
