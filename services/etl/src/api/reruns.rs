//! Runs of a mapping over the history.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::Access;
use contracts::api::{NewId, Page, PageQuery, Path, Query};
use http::StatusCode;
use serde::Serialize;
use spine::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problems::OfOne;
use super::{mapping_name, may_read_mapping, may_write_mapping};
use crate::store::mappings as stored;
use crate::store::reruns::{self, Rerun};
use crate::{Etl, EtlError, mappings};

/// A run of a mapping over the history of its kind.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RerunView {
    /// Its id.
    id: Uuid,
    /// The mapping.
    mapping: String,
    /// Its version.
    version: i32,
    /// `running`, `done`, or `superseded`: the mapping changed meanwhile.
    state: String,
    /// How many records there were at its start.
    total: i64,
    /// How many were mapped or refused so far.
    done: i64,
    /// How many of them were refused.
    refused: i64,
    /// Who started it.
    started_by: String,
    /// When.
    started_at: DateTime<Utc>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
}

impl From<Rerun> for RerunView {
    fn from(run: Rerun) -> Self {
        Self {
            id: run.id,
            mapping: run.mapping,
            version: run.version,
            state: run.state,
            total: run.total,
            done: run.done,
            refused: run.refused,
            started_by: run.started_by,
            started_at: run.started_at,
            finished_at: run.finished_at,
        }
    }
}

/// Maps the history of a mapping's kind again with the version in use.
#[utoipa::path(
    post,
    path = "/mappings/{name}/rerun",
    operation_id = "rerun_mapping",
    tag = "etl",
    params(
        ("name" = String, Path, description = "The mapping", pattern = "^[a-z0-9][a-z0-9._-]{0,63}$"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key starts one run", max_length = 200),
    ),
    responses((status = 202, body = RerunView, description = "It runs"), OfOne)
)]
pub(super) async fn begin(
    access: Access,
    NewId(id): NewId,
    State(etl): State<Etl>,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<RerunView>), Problem> {
    let name = mapping_name(&name)?;
    may_write_mapping(&access, name)?;
    let spine = etl.spine();
    let stored = stored::find(spine.pool(), name).await?.ok_or(EtlError::NotFound)?;
    let by = access.caller().principal.to_string();
    let mut tx = spine.begin(access.caller().cause()).await?;
    mappings::begin_rerun(&mut tx, id, (name, stored.version), &stored.kind, &by).await?;
    tx.commit().await?;
    let run = reruns::find(spine.pool(), id).await?.ok_or(EtlError::NotFound)?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// The runs of a mapping over the history, the newest first, and how far they are.
#[utoipa::path(
    get,
    path = "/mappings/{name}/reruns",
    operation_id = "list_reruns",
    tag = "etl",
    params(
        ("name" = String, Path, description = "The mapping", pattern = "^[a-z0-9][a-z0-9._-]{0,63}$"),
        PageQuery,
    ),
    responses((status = 200, body = Page<RerunView>), OfOne)
)]
pub(super) async fn list(
    access: Access,
    State(etl): State<Etl>,
    Path(name): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RerunView>>, Problem> {
    let name = mapping_name(&name)?;
    let limit = page.limit()?;
    may_read_mapping(&access, name)?;
    let pool = etl.spine().pool();
    if stored::find(pool, name).await?.is_none() {
        return Err(Problem::not_found());
    }
    let runs = reruns::list(pool, name, page.place()?, limit as i64 + 1).await?;
    let views = runs.into_iter().map(RerunView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &RerunView| (last.started_at, last.id))?))
}
