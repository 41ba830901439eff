//! An entity's versions.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::{Access, actions};
use contracts::api::{Page, PageQuery, Path, ProblemDocument, Query};
use serde::Serialize;
use spine::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problems::ReadProblems;
use super::seen;
use super::types::{Entity, OriginView};
use crate::Data;
use crate::store::history;

/// A version of an entity, with both times and where it comes from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntityVersionView)]
pub(super) struct VersionView {
    /// What was known.
    #[serde(flatten)]
    entity: Entity,
    /// Until when it was known so; none: it still is.
    superseded_at: Option<DateTime<Utc>>,
    /// Where it comes from.
    provenance: Vec<OriginView>,
}

/// The versions of an entity, the newest first; also of one that is gone.
#[utoipa::path(
    get, path = "/entities/{id}/history", operation_id = "getEntityHistory", tag = "data",
    params(("id" = Uuid, Path, description = "The entity"), PageQuery),
    responses(
        (status = 200, description = "A page of versions", body = Page<VersionView>),
        (status = 401, description = "Who is asking?", body = ProblemDocument, content_type = "application/problem+json"),
        ReadProblems
    )
)]
pub(super) async fn history(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<VersionView>>, Problem> {
    let (limit, before) = (page.limit()?, page.place::<i32>()?);
    let (newest, _) = seen::readable_history(&data, &access, id).await?;
    let pool = data.spine().pool();
    // It may have been elsewhere before, where the caller has nothing to see. Whoever is not bound
    // to spaces (a service) was asked about the newest version.
    let permitted = access.permitted(actions::ENTITY_READ)?;
    let permitted = (!permitted.is_nothing()).then_some(&permitted);
    let versions = history::versions(pool, newest.id, permitted, before, limit + 1).await?;
    let numbers: Vec<i32> = versions.iter().map(|version| version.version).collect();
    let mut origins = history::origins(pool, newest.id, &numbers).await?;
    let items = versions
        .into_iter()
        .map(|version| VersionView {
            superseded_at: version.superseded_at,
            provenance: origins
                .remove(&version.version)
                .unwrap_or_default()
                .into_iter()
                .map(OriginView::from)
                .collect(),
            entity: version.into(),
        })
        .collect();
    Ok(Json(Page::cut(items, limit, |last: &VersionView| last.entity.version)?))
}
