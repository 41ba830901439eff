//! Calls: the list, and one.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, actions};
use contracts::api::{Page, PageQuery, Path, Query};
use http::StatusCode;
use serde::Deserialize;
use spine::Problem;
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::CallView;
use crate::{Call, Communication, store};
use contracts::api::problems::{OfLists, OfOne};

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only through this channel.
    #[serde(default)]
    channel: Option<Uuid>,
}

/// The calls that the caller may see, the latest first.
#[utoipa::path(
    get,
    path = "/calls",
    operation_id = "list_calls",
    tag = "communication",
    params(Filter, PageQuery),
    responses((status = 200, body = Page<CallView>), OfLists)
)]
pub(super) async fn list(
    access: Access,
    State(communication): State<Communication>,
    Query(filter): Query<Filter>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<CallView>>, Problem> {
    let permitted = access.permitted(actions::MESSAGE_READ)?;
    let (limit, after) = (page.limit()?, page.place()?);
    let pool = communication.spine().pool();
    let most = limit as i64 + 1;
    let found = store::calls::list(pool, &permitted, filter.channel, after, most).await?;
    let views = found.into_iter().map(CallView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &CallView| (last.started_at, last.id))?))
}

async fn visible(
    access: &Access,
    communication: &Communication,
    id: Uuid,
) -> Result<Call, Problem> {
    let found = store::calls::find(communication.spine().pool(), id).await?;
    let call = found.ok_or_else(Problem::not_found)?;
    access.require_visible(actions::MESSAGE_READ, &call.resource())?;
    Ok(call)
}

/// One call.
#[utoipa::path(
    get,
    path = "/calls/{id}",
    operation_id = "read_call",
    tag = "communication",
    params(("id" = Uuid, Path, description = "The call")),
    responses((status = 200, body = CallView), OfOne)
)]
pub(super) async fn read(
    access: Access,
    Path(id): Path<Uuid>,
    State(communication): State<Communication>,
) -> Result<Json<CallView>, Problem> {
    Ok(Json(visible(&access, &communication, id).await?.into()))
}

/// Erases a call: here, in the graph and in the log of events.
#[utoipa::path(
    delete,
    path = "/calls/{id}",
    operation_id = "erase_call",
    tag = "communication",
    params(("id" = Uuid, Path, description = "The call")),
    responses((status = 204, description = "It is erased"), OfOne)
)]
pub(super) async fn erase(
    access: Access,
    Path(id): Path<Uuid>,
    State(communication): State<Communication>,
) -> Result<StatusCode, Problem> {
    let call = visible(&access, &communication, id).await?;
    access.require(actions::CHANNEL_WRITE, &call.resource())?;
    communication.erase_call(id, access.caller().cause()).await?;
    Ok(StatusCode::NO_CONTENT)
}
