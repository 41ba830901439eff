//! Two that are one, and two after all.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use contracts::access::{Access, SpaceId, actions};
use contracts::api::problems::{OfBodies, OfLists, OfOne};
use contracts::api::{Body, NewId, Page, PageQuery, Path, Query};
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problems::OfDecisions;
use super::seen;
use crate::Data;
use crate::merge;
use crate::store::merges::{self, Merge};

/// A merge of two entities.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MergeView {
    /// Its id.
    id: Uuid,
    /// The entity that stays.
    kept: Uuid,
    /// The one that became part of it.
    absorbed: Uuid,
    /// Where they are.
    space: SpaceId,
    /// Who decided: a person, or the service for a clear case.
    by: String,
    /// Why.
    reason: String,
    /// When.
    merged_at: DateTime<Utc>,
    /// When it was undone; none: it holds.
    undone_at: Option<DateTime<Utc>>,
    /// Who undid it.
    undone_by: Option<String>,
}

impl From<Merge> for MergeView {
    fn from(merge: Merge) -> Self {
        Self {
            id: merge.id,
            kept: merge.kept,
            absorbed: merge.absorbed,
            space: merge.space,
            by: merge.by,
            reason: merge.reason,
            merged_at: merge.merged_at,
            undone_at: merge.undone_at,
            undone_by: merge.undone_by,
        }
    }
}

/// Two that are one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMerge {
    /// The entity that stays.
    kept: Uuid,
    /// The one that becomes part of it.
    absorbed: Uuid,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// Merges that the caller may see, the newest first.
#[utoipa::path(
    get, path = "/merges", operation_id = "listMerges", tag = "data",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of merges", body = Page<MergeView>),
        OfLists
    )
)]
pub(super) async fn list(
    access: Access,
    State(data): State<Data>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MergeView>>, Problem> {
    let permitted = access.permitted(actions::ENTITY_READ)?;
    let (limit, before) = (page.limit()?, page.place::<Uuid>()?);
    let found = merges::list(data.spine().pool(), &permitted, before, limit + 1).await?;
    let items = found.into_iter().map(MergeView::from).collect();
    Ok(Json(Page::cut(items, limit, |last: &MergeView| last.id)?))
}

/// Makes two entities one. What their sources say is taken together; it can be undone.
#[utoipa::path(
    post, path = "/merges", operation_id = "mergeEntities", tag = "data",
    request_body = NewMerge,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key, nothing is done twice", min_length = 1, max_length = 200)),
    responses(
        (status = 201, description = "The merge", body = MergeView),
        OfBodies
    )
)]
pub(super) async fn create(
    access: Access,
    State(data): State<Data>,
    NewId(id): NewId,
    Body(new): Body<NewMerge>,
) -> Result<(StatusCode, Json<MergeView>), Problem> {
    if new.reason.len() > 500 || new.reason.contains('\0') {
        let title = "`reason` must have 500 bytes at most, none of them NUL";
        return Err(Problem::unprocessable("unacceptable", title));
    }
    seen::writable(&data, &access, new.kept).await?;
    seen::writable(&data, &access, new.absorbed).await?;
    let by = access.caller().principal.to_string();
    let mut tx = data.spine().begin(access.caller().cause()).await?;
    let merge = merge::merge(&mut tx, id, new.kept, new.absorbed, by, new.reason).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(merge.into())))
}

/// A merge, if the caller may read what came of it, and what it is without the other.
async fn visible(data: &Data, access: &Access, id: Uuid) -> Result<Merge, Problem> {
    let mut conn = data.spine().pool().acquire().await?;
    let found = merges::find(&mut conn, id).await?;
    drop(conn);
    let Some(merge) = found else { return Err(seen::absent(access)) };
    seen::readable_history(data, access, merge.kept).await?;
    seen::readable_history(data, access, merge.absorbed).await?;
    Ok(merge)
}

/// One merge.
#[utoipa::path(
    get, path = "/merges/{id}", operation_id = "getMerge", tag = "data",
    params(("id" = Uuid, Path, description = "The merge")),
    responses(
        (status = 200, description = "The merge", body = MergeView),
        OfOne
    )
)]
pub(super) async fn get(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
) -> Result<Json<MergeView>, Problem> {
    Ok(Json(visible(&data, &access, id).await?.into()))
}

/// Takes a merge apart: both are by themselves again, with all that was said meanwhile. The pair is not
/// proposed again.
#[utoipa::path(
    post, path = "/merges/{id}/undo", operation_id = "undoMerge", tag = "data",
    params(("id" = Uuid, Path, description = "The merge")),
    responses(
        (status = 200, description = "The merge, undone", body = MergeView),
        OfDecisions
    )
)]
pub(super) async fn undo(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
) -> Result<Json<MergeView>, Problem> {
    let merge = visible(&data, &access, id).await?;
    for end in [merge.kept, merge.absorbed] {
        let (_, resource) = seen::readable_history(&data, &access, end).await?;
        access.require(actions::ENTITY_WRITE, &resource)?;
    }
    let by = access.caller().principal.to_string();
    let mut tx = data.spine().begin(access.caller().cause()).await?;
    let merge = merge::undo(&mut tx, id, &by).await?;
    tx.commit().await?;
    Ok(Json(merge.into()))
}
