//! An entity's versions.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::{Access, actions};
use contracts::api::problems::OfOne;
use contracts::api::{Cursor, Page, PageQuery, Path, Query};
use serde::Serialize;
use spine::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

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
        OfOne
    )
)]
pub(super) async fn history(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<VersionView>>, Problem> {
    let (limit, before) = (page.limit()?, page.place::<i32>()?);
    let (newest, newest_as_seen) = seen::readable_history(&data, &access, id).await?;
    let pool = data.spine().pool();
    // It may have been elsewhere before, where the caller has nothing to see. Who is not bound to spaces (a
    // service, a plugin that keeps it) is asked about each version.
    let permitted = access.permitted(actions::ENTITY_READ)?;
    let bound = (!permitted.is_nothing()).then_some(&permitted);
    let mut versions = history::versions(pool, newest.id, bound, before, limit + 1).await?;
    let more = versions.len() > limit;
    versions.truncate(limit);
    let next = match versions.last() {
        Some(last) if more => Some(Cursor::write(&last.version)?),
        _ => None,
    };
    if bound.is_none() {
        let keeper = newest_as_seen.keeper;
        versions.retain(|version| {
            let resource = seen::resource(version, keeper.clone());
            access.require_visible(actions::ENTITY_READ, &resource).is_ok()
        });
    }
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
    Ok(Json(Page { items, next }))
}
