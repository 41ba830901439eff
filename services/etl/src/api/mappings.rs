//! Mappings, as they are read.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use contracts::access::Access;
use contracts::api::{Conditions, Page, PageQuery, Path, Query, etag};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use spine::Problem;
use utoipa::ToSchema;

use super::problems::{OfLists, OfOne};
use super::{mapping_name, may_read_mapping};
use crate::mapping::MappingDocument;
use crate::store::mappings::{self as stored, Stored};
use crate::{Etl, EtlError};

/// Versions that are listed.
const VERSIONS: i64 = 100;

/// A mapping in use.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MappingView {
    /// Its name.
    name: String,
    /// The kind of record that it takes.
    kind: String,
    /// The version; the one in use, unless another one was asked for.
    version: i32,
    /// What it is for.
    description: Option<String>,
    /// Whether this version came with the node.
    built_in: bool,
    /// Who made this version.
    made_by: String,
    /// When.
    made_at: DateTime<Utc>,
}

/// A version of a mapping.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MappingVersion)]
pub(super) struct VersionView {
    /// Its number.
    version: i32,
    /// Whether it came with the node.
    built_in: bool,
    /// Who made it.
    made_by: String,
    /// When.
    made_at: DateTime<Utc>,
}

/// A version of a mapping, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MappingVersionDetail {
    #[serde(flatten)]
    mapping: MappingView,
    /// What it says, as `GET /mappings/schema` describes it.
    #[schema(value_type = Object)]
    document: Value,
}

/// A mapping, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MappingDetail {
    #[serde(flatten)]
    mapping: MappingView,
    /// What it says, as `GET /mappings/schema` describes it.
    #[schema(value_type = Object)]
    document: Value,
    /// Its latest versions, the newest first; at most 100.
    versions: Vec<VersionView>,
}

impl From<Stored> for MappingView {
    fn from(stored: Stored) -> Self {
        Self {
            description: stored.document["description"].as_str().map(str::to_owned),
            name: stored.name,
            kind: stored.kind,
            version: stored.version,
            built_in: stored.built_in.is_some(),
            made_by: stored.made_by,
            made_at: stored.made_at,
        }
    }
}

/// A mapping, whole.
///
/// # Errors
/// There is none of this name.
pub(super) async fn detail(etl: &Etl, name: &str) -> Result<MappingDetail, Problem> {
    let pool = etl.spine().pool();
    let stored = stored::find(pool, name).await?.ok_or(EtlError::NotFound)?;
    let versions = stored::versions(pool, name, VERSIONS).await?;
    let versions = versions.into_iter().map(|version| VersionView {
        version: version.version,
        built_in: version.built_in.is_some(),
        made_by: version.made_by,
        made_at: version.made_at,
    });
    let (document, versions) = (stored.document.clone(), versions.collect());
    Ok(MappingDetail { mapping: stored.into(), document, versions })
}

impl MappingDetail {
    /// With its version as the tag.
    pub(super) fn answer(self, status: StatusCode) -> Response {
        (status, [(header::ETAG, etag(self.mapping.version))], Json(self)).into_response()
    }
}

/// Mappings, by name.
#[utoipa::path(
    get,
    path = "/mappings",
    operation_id = "list_mappings",
    tag = "etl",
    params(PageQuery),
    responses((status = 200, body = Page<MappingView>), OfLists)
)]
pub(super) async fn list(
    access: Access,
    State(etl): State<Etl>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MappingView>>, Problem> {
    let limit = page.limit()?;
    may_read_mapping(&access, "*")?;
    let after: Option<String> = page.place()?;
    if after.as_ref().is_some_and(|after| after.contains('\0')) {
        let words = "`cursor` is none that this list has given";
        return Err(Problem::unprocessable("invalid-cursor", words));
    }
    let stored = stored::list(etl.spine().pool(), after.as_deref(), limit as i64 + 1).await?;
    let views = stored.into_iter().map(MappingView::from).collect();
    Ok(Json(Page::cut(views, limit, |last: &MappingView| last.name.clone())?))
}

/// A mapping: what it says, and its versions.
#[utoipa::path(
    get,
    path = "/mappings/{name}",
    operation_id = "get_mapping",
    tag = "etl",
    params(("name" = String, Path, description = "The mapping", pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")),
    responses(
        (status = 200, body = MappingDetail, headers(("ETag" = String, description = "The version in use"))),
        (status = 304, description = "The caller has this version"),
        OfOne,
    )
)]
pub(super) async fn get(
    access: Access,
    conditions: Conditions,
    State(etl): State<Etl>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name = mapping_name(&name)?;
    may_read_mapping(&access, name)?;
    let found = detail(&etl, name).await?;
    if conditions.has(found.mapping.version) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    Ok(found.answer(StatusCode::OK))
}

/// A version of a mapping: what it says, also where it is not in use. Sent again, it is used again.
#[utoipa::path(
    get,
    path = "/mappings/{name}/versions/{version}",
    operation_id = "get_mapping_version",
    tag = "etl",
    params(
        ("name" = String, Path, description = "The mapping", pattern = "^[a-z0-9][a-z0-9._-]{0,63}$"),
        ("version" = i32, Path, description = "The version", minimum = 1),
    ),
    responses((status = 200, body = MappingVersionDetail), OfOne)
)]
pub(super) async fn get_version(
    access: Access,
    State(etl): State<Etl>,
    Path((name, version)): Path<(String, i32)>,
) -> Result<Json<MappingVersionDetail>, Problem> {
    let name = mapping_name(&name)?;
    may_read_mapping(&access, name)?;
    let found = stored::find_version(etl.spine().pool(), name, version).await?;
    let found = found.ok_or(EtlError::NotFound)?;
    let document = found.document.clone();
    Ok(Json(MappingVersionDetail { mapping: found.into(), document }))
}

/// The JSON Schema of a mapping, for editors and for whoever writes one.
#[utoipa::path(
    get,
    path = "/mappings/schema",
    operation_id = "get_mapping_schema",
    tag = "etl",
    responses((status = 200, body = Object, description = "A JSON Schema"), OfLists)
)]
pub(super) async fn schema(access: Access) -> Result<Json<schemars::Schema>, Problem> {
    may_read_mapping(&access, "*")?;
    Ok(Json(schemars::schema_for!(MappingDocument)))
}
