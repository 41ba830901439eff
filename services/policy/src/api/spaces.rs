//! Spaces: what the caller is in, and who else.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::api::problems::{OfLists, OfOne};
use contracts::api::{Conditions, Page, PageQuery, Path, Query, etag};
use http::{StatusCode, header};
use serde::Serialize;
use spine::{Problem, Snowflake};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::engine::Snapshot;
use crate::{PolicyService, Role};

/// A space, with who is in it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Space {
    /// The space.
    pub(super) space: SpaceId,
    /// What kind it is: `person`, `household`, `circle`, `public`.
    kind: &'static str,
    /// What a circle is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Who is in it; nobody in particular in what is public.
    members: Vec<Member>,
    /// Its version; 0 for what is not changed here.
    version: i32,
}

/// Somebody in a space.
#[derive(Debug, Serialize, ToSchema)]
struct Member {
    /// The account.
    #[schema(value_type = String, pattern = "^[0-9]{1,19}$")]
    account: Snowflake,
    /// Whether they say who is in it: keepers of a circle; owner and admins of the household.
    keeper: bool,
    /// What they may do on the node, of the household.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

/// The circle of a space's name, where it is one.
pub(super) fn circle_of(space: &SpaceId) -> Option<Uuid> {
    space.as_str().strip_prefix("circle:").and_then(|id| id.parse().ok())
}

/// The space; `None`: a circle that is not, or not any more.
pub(super) fn view(snapshot: &Snapshot, space: SpaceId) -> Option<Space> {
    if let Some(id) = circle_of(&space) {
        let circle = snapshot.circle(id)?;
        let member = |(account, keeper): &(Snowflake, bool)| Member {
            account: *account,
            keeper: *keeper,
            role: None,
        };
        return Some(Space {
            space,
            kind: "circle",
            name: Some(circle.name.clone()),
            members: circle.members.iter().map(member).collect(),
            version: circle.version,
        });
    }
    let (kind, members) = if let Some(account) = space.person() {
        ("person", vec![Member { account, keeper: true, role: None }])
    } else if space == SpaceId::household() {
        let members = snapshot.members().into_iter();
        let members = members.map(|(account, role)| Member {
            account,
            keeper: role != Role::Member,
            role: Some(role),
        });
        ("household", members.collect())
    } else {
        ("public", Vec::new())
    };
    Some(Space { space, kind, name: None, members, version: 0 })
}

/// The spaces that the caller can see.
#[utoipa::path(
    get,
    path = "/spaces",
    operation_id = "listSpaces",
    tag = "policy",
    params(PageQuery),
    responses(
        (status = 200, body = Page<Space>),
        OfLists,
    )
)]
pub(super) async fn list(
    access: Access,
    State(service): State<PolicyService>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Space>>, Problem> {
    let (limit, after) = (page.limit()?, page.place::<SpaceId>()?);
    let permitted = access.permitted(actions::SPACE_READ)?;
    let mut spaces: Vec<SpaceId> = permitted.whole.into_iter().chain(permitted.partial).collect();
    spaces.sort();
    let snapshot = service.snapshot();
    let items = spaces
        .into_iter()
        .filter(|space| after.as_ref().is_none_or(|after| space > after))
        .filter_map(|space| view(&snapshot, space))
        .take(limit + 1)
        .collect();
    Ok(Json(Page::cut(items, limit, |last: &Space| last.space.clone())?))
}

/// A space, with who is in it.
#[utoipa::path(
    get,
    path = "/spaces/{space}",
    operation_id = "getSpace",
    tag = "policy",
    params(
        ("space" = SpaceId, Path, description = "The space"),
        ("If-None-Match" = Option<String>, Header, description = "Versions that the caller has"),
    ),
    responses(
        (status = 200, body = Space),
        (status = 304, description = "The caller has this version"),
        OfOne,
    )
)]
pub(super) async fn read(
    access: Access,
    State(service): State<PolicyService>,
    Path(space): Path<SpaceId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let resource = Resource::new("space", space.as_str(), space.clone());
    access.require_visible(actions::SPACE_READ, &resource)?;
    let is_circle = circle_of(&space).is_some();
    let view = view(&service.snapshot(), space).ok_or_else(Problem::not_found)?;
    // Who is in the household is not counted here.
    if is_circle {
        return Ok(with_etag(view, &conditions));
    }
    Ok(Json(view).into_response())
}

/// A circle with its version, unless the caller has it.
fn with_etag(view: Space, conditions: &Conditions) -> Response {
    let tag = [(header::ETAG, etag(view.version))];
    if conditions.has(view.version) {
        return (StatusCode::NOT_MODIFIED, tag).into_response();
    }
    (tag, Json(view)).into_response()
}
