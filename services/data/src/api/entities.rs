//! Reading entities.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use chrono::{DateTime, Datelike as _, Utc};
use contracts::access::{Access, SpaceId, actions};
use contracts::api::problems::{OfLists, OfOne};
use contracts::api::{Conditions, Page, PageQuery, Path, Query, etag};
use contracts::model::{Alias, check_alias};
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::seen;
use super::types::Entity;
use crate::graph::Version;
use crate::store::read::{self, EntityFilter};
use crate::{Data, DataError};

/// Which entities.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterQuery {
    /// Of this type, by schema.org's name.
    #[serde(default, rename = "type")]
    #[param(max_length = 64)]
    class: Option<String>,
    /// Known under this name: `tel:+4312345`, `email:ada@example.org`, `url:…`, `uid:…`, `acct:…`.
    #[serde(default)]
    #[param(max_length = 1040, pattern = "^[a-z0-9._-]{1,32}:.+$")]
    alias: Option<String>,
    /// In this space.
    #[serde(default)]
    space: Option<SpaceId>,
    /// With this label.
    #[serde(default)]
    #[param(max_length = 64)]
    label: Option<String>,
    /// Changed here at this time or later.
    #[serde(default)]
    updated_since: Option<DateTime<Utc>>,
}

/// A moment that Postgres can hold.
pub(super) fn moment(
    name: &'static str,
    time: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, Problem> {
    if time.is_some_and(|time| !(1..=9_999).contains(&time.year())) {
        let title = format!("`{name}` must lie in the years 1 to 9999");
        return Err(Problem::unprocessable("invalid-time", title));
    }
    Ok(time)
}

impl FilterQuery {
    fn read(self) -> Result<EntityFilter, Problem> {
        let alias = match self.alias {
            None => None,
            Some(text) => {
                let (scheme, value) = text.split_once(':').ok_or_else(|| {
                    Problem::unprocessable(
                        "invalid-alias",
                        "`alias` must be a scheme and a name, such as `tel:+4312345`",
                    )
                })?;
                let alias = Alias { scheme: scheme.to_owned(), value: value.to_owned() };
                check_alias(&alias).map_err(DataError::from)?;
                Some(alias)
            }
        };
        for text in [&self.class, &self.label].into_iter().flatten() {
            if text.len() > 64 || text.contains('\0') {
                return Err(Problem::unprocessable(
                    "invalid-filter",
                    "`type` and `label` must have 64 bytes at most, none of them NUL",
                ));
            }
        }
        Ok(EntityFilter {
            class: self.class,
            alias,
            space: self.space,
            label: self.label,
            updated_since: moment("updated_since", self.updated_since)?,
        })
    }
}

/// Entities that the caller may see, the newest first.
#[utoipa::path(
    get, path = "/entities", operation_id = "listEntities", tag = "data",
    params(FilterQuery, PageQuery),
    responses(
        (status = 200, description = "A page of entities", body = Page<Entity>),
        OfLists
    )
)]
pub(super) async fn list(
    access: Access,
    State(data): State<Data>,
    Query(filter): Query<FilterQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Entity>>, Problem> {
    let permitted = access.permitted(actions::ENTITY_READ)?;
    let (filter, limit, before) = (filter.read()?, page.limit()?, page.place::<Uuid>()?);
    let found = read::list(data.spine().pool(), &filter, &permitted, before, limit + 1).await?;
    let items = found.into_iter().map(Entity::from).collect();
    Ok(Json(Page::cut(items, limit, |last: &Entity| last.id)?))
}

/// How many there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Count {
    /// How many entities pass the filter.
    #[schema(minimum = 0)]
    count: i64,
}

/// How many entities that the caller may see pass the filter.
#[utoipa::path(
    get, path = "/entities/count", operation_id = "countEntities", tag = "data",
    params(FilterQuery),
    responses(
        (status = 200, description = "How many", body = Count),
        OfLists
    )
)]
pub(super) async fn count(
    access: Access,
    State(data): State<Data>,
    Query(filter): Query<FilterQuery>,
) -> Result<Json<Count>, Problem> {
    let permitted = access.permitted(actions::ENTITY_READ)?;
    let count = read::count(data.spine().pool(), &filter.read()?, &permitted).await?;
    Ok(Json(Count { count }))
}

/// At which time.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TimeQuery {
    /// As it was known here then.
    #[serde(default)]
    as_known_on: Option<DateTime<Utc>>,
    /// Only if it held in the world then.
    #[serde(default)]
    valid_on: Option<DateTime<Utc>>,
}

/// One entity, as it is known now or was known then.
#[utoipa::path(
    get, path = "/entities/{id}", operation_id = "getEntity", tag = "data",
    params(("id" = Uuid, Path, description = "The entity"), TimeQuery,
        ("If-None-Match" = Option<String>, Header, description = "A version that the caller has")),
    responses(
        (status = 200, description = "The entity; `ETag` is its version", body = Entity),
        (status = 304, description = "The caller has this version"),
        OfOne
    )
)]
pub(super) async fn get(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
    Query(times): Query<TimeQuery>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let known_on = moment("as_known_on", times.as_known_on)?;
    let valid_on = moment("valid_on", times.valid_on)?;
    let held = |version: &Version| {
        valid_on.is_none_or(|day| {
            let content = &version.content;
            content.valid_from.is_none_or(|from| from <= day)
                && content.valid_to.is_none_or(|to| to > day)
        })
    };
    let version = match known_on {
        None => seen::readable(&data, &access, id).await?.0,
        Some(then) => known_then(&data, &access, id, then).await?,
    };
    if !held(&version) {
        return Err(seen::absent(&access));
    }
    let tag = seen::tag(id, &version);
    let header = [(http::header::ETAG, etag(&tag))];
    if conditions.has(&tag) {
        return Ok((http::StatusCode::NOT_MODIFIED, header).into_response());
    }
    Ok((header, Json(Entity::from(version))).into_response())
}

/// What was known then: of this very entity, before it may have become part of another, else of that. Who
/// may not see it as it is now does not see it as it was.
async fn known_then(
    data: &Data,
    access: &Access,
    id: Uuid,
    then: DateTime<Utc>,
) -> Result<Version, Problem> {
    let pool = data.spine().pool();
    let Some(root) = read::root(pool, id).await? else { return Err(seen::absent(access)) };
    let mut version = read::known_on(pool, id, then).await?;
    if version.is_none() && root != id {
        version = read::known_on(pool, root, then).await?;
    }
    let Some(version) = version else { return Err(seen::absent(access)) };
    let resource = seen::resource(&version, seen::keeper(data, version.id).await?);
    access.require_visible(actions::ENTITY_READ, &resource)?;
    seen::readable_history(data, access, root).await?;
    Ok(version)
}
