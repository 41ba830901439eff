//! Circles: made, changed and removed by their keepers.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::api::problems::{OfBodies, OfOne};
use contracts::api::{Body, Conditions, NewId, Path, ProblemDocument, etag};
use http::{StatusCode, header};
use serde::Deserialize;
use spine::{Problem, Snowflake};
use utoipa::ToSchema;
use uuid::Uuid;

use super::person;
use super::spaces::{Space, circle_of, view};
use crate::PolicyService;

/// A circle to be made; whoever makes it is its first keeper.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MakeCircle {
    /// What it is called: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// How somebody is to be in a circle.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutMember {
    /// Whether they say who is in it, too.
    #[serde(default)]
    keeper: bool,
}

/// Makes a circle.
#[utoipa::path(
    post,
    path = "/spaces",
    operation_id = "makeCircle",
    tag = "policy",
    request_body = MakeCircle,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key makes nothing twice", min_length = 1, max_length = 200)),
    responses(
        (status = 201, body = Space),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        OfBodies,
    )
)]
pub(super) async fn make(
    access: Access,
    State(service): State<PolicyService>,
    NewId(id): NewId,
    Body(new): Body<MakeCircle>,
) -> Result<Response, Problem> {
    let maker = person(&access, actions::SPACE_WRITE, "space")?;
    let name = new.name.trim();
    if !(1..=100).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Problem::unprocessable(
            "invalid-name",
            "a circle is called something of 1 to 100 characters",
        ));
    }
    service.make_circle(access.caller().cause(), id, name, maker).await?;
    let Some(view) = view(&service.snapshot(), SpaceId::of_circle(id)) else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "circle-removed",
            "this circle was made and removed already",
        ));
    };
    let location = format!("{}/spaces/{}", contracts::api::PREFIX, view.space);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response())
}

/// Removes a circle. What is in its space stays, and nobody sees it any more.
#[utoipa::path(
    delete,
    path = "/spaces/{space}",
    operation_id = "removeCircle",
    tag = "policy",
    params(
        ("space" = SpaceId, Path, description = "The circle's space"),
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        OfOne,
    )
)]
pub(super) async fn remove(
    access: Access,
    State(service): State<PolicyService>,
    Path(space): Path<SpaceId>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let circle = kept_circle(&access, &space)?;
    service.remove_circle(access.caller().cause(), circle, &conditions).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts somebody of the household into a circle, or makes them its keeper or not.
#[utoipa::path(
    put,
    path = "/spaces/{space}/members/{account}",
    operation_id = "putMember",
    tag = "policy",
    request_body = PutMember,
    params(
        ("space" = SpaceId, Path, description = "The circle's space"),
        ("account" = String, Path, description = "The person's account", pattern = "^[0-9]{1,19}$"),
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen"),
    ),
    responses(
        (status = 200, body = Space),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        OfBodies,
    )
)]
pub(super) async fn put_member(
    access: Access,
    State(service): State<PolicyService>,
    Path((space, account)): Path<(SpaceId, Snowflake)>,
    conditions: Conditions,
    Body(member): Body<PutMember>,
) -> Result<Response, Problem> {
    let circle = kept_circle(&access, &space)?;
    let cause = access.caller().cause();
    service.put_member(cause, circle, (account, member.keeper), &conditions).await?;
    let view = view(&service.snapshot(), space).ok_or_else(Problem::not_found)?;
    let tag = service.snapshot().circle(circle).map_or(0, |circle| circle.version);
    Ok(([(header::ETAG, etag(tag))], Json(view)).into_response())
}

/// Takes somebody out of a circle; everybody may leave one. The last keeper goes last.
#[utoipa::path(
    delete,
    path = "/spaces/{space}/members/{account}",
    operation_id = "removeMember",
    tag = "policy",
    params(
        ("space" = SpaceId, Path, description = "The circle's space"),
        ("account" = String, Path, description = "The person's account", pattern = "^[0-9]{1,19}$"),
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen"),
    ),
    responses(
        (status = 204, description = "They are not in it any more"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        OfOne,
    )
)]
pub(super) async fn remove_member(
    access: Access,
    State(service): State<PolicyService>,
    Path((space, account)): Path<(SpaceId, Snowflake)>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let circle = if access.caller().responsible() == Some(account) {
        person(&access, actions::SPACE_WRITE, "space")?;
        circle_of(&space).ok_or_else(Problem::not_found)?
    } else {
        kept_circle(&access, &space)?
    };
    service.remove_member(access.caller().cause(), circle, account, &conditions).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The circle, where the caller keeps it. Who is not even in it is not told that it exists.
fn kept_circle(access: &Access, space: &SpaceId) -> Result<Uuid, Problem> {
    let resource = Resource::new("space", space.as_str(), space.clone());
    let Some(circle) = circle_of(space) else {
        access.require_visible(actions::SPACE_READ, &resource)?;
        access.require(actions::SPACE_WRITE, &resource)?;
        return Err(Problem::not_found());
    };
    access.require_visible(actions::SPACE_READ, &resource)?;
    access.require(actions::SPACE_WRITE, &resource)?;
    Ok(circle)
}
