//! What became of an account's runs.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, actions};
use contracts::api::{Page, PageQuery, Path, Query};
use spine::Problem;
use uuid::Uuid;

use super::views::RunView;
use crate::{Connectors, store};
use contracts::api::problems::OfOne;

/// The latest runs of an account, the newest first; about a hundred are kept.
#[utoipa::path(
    get,
    path = "/connectors/{id}/runs",
    operation_id = "list_connector_runs",
    tag = "connectors",
    params(("id" = Uuid, Path, description = "The account"), PageQuery),
    responses((status = 200, body = Page<RunView>), OfOne)
)]
pub(super) async fn list(
    access: Access,
    Path(id): Path<Uuid>,
    State(connectors): State<Connectors>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RunView>>, Problem> {
    let limit = page.limit()?;
    let account = connectors.account(id).await?;
    access.require_visible(actions::CONNECTOR_READ, &account.resource())?;
    let pool = connectors.spine().pool();
    let runs = store::runs::list(pool, id, page.place()?, limit as i64 + 1).await?;
    let views = runs.into_iter().map(RunView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &RunView| (last.started_at, last.id))?))
}
