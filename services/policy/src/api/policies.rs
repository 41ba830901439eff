//! Policies: those of the program, to be read; the household's own, to be changed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contracts::access::{Access, Resource, actions};
use contracts::api::problems::{OfBodies, OfLists, OfOne};
use contracts::api::{Body, Conditions, Page, PageQuery, Path, ProblemDocument, Query, etag};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::ToSchema;

use crate::engine::{BuiltIn, built_in_texts};
use crate::store::policies::PolicyVersion;
use crate::{PolicyError, PolicyService, store};

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Policy {
    /// Its name: of the program's policies their id.
    name: String,
    /// Whether it is the program's, which nobody changes.
    built_in: bool,
    /// What it says, in Cedar's language.
    text: String,
    /// Its version, from 1; 0 of the program's.
    version: i32,
    /// Who changed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<DateTime<Utc>>,
}

impl From<BuiltIn> for Policy {
    fn from(policy: BuiltIn) -> Self {
        Self {
            name: policy.id,
            built_in: true,
            text: policy.text,
            version: 0,
            changed_by: None,
            changed_at: None,
        }
    }
}

impl From<PolicyVersion> for Policy {
    fn from(policy: PolicyVersion) -> Self {
        Self {
            name: policy.name,
            built_in: false,
            text: policy.text.unwrap_or_default(),
            version: policy.version,
            changed_by: Some(policy.changed_by),
            changed_at: Some(policy.changed_at),
        }
    }
}

/// What a policy is to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyText {
    /// One or more policies in Cedar's language, at most 64 KiB. They may permit and forbid; what any
    /// forbids is forbidden.
    #[schema(max_length = 65536)]
    text: String,
}

/// Whether a text could be kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Validity {
    /// Whether it could.
    valid: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// All policies: first the program's, then the household's own by name.
#[utoipa::path(
    get,
    path = "/policies",
    operation_id = "listPolicies",
    tag = "policy",
    params(PageQuery),
    responses(
        (status = 200, body = Page<Policy>),
        OfLists,
    )
)]
pub(super) async fn list(
    access: Access,
    State(service): State<PolicyService>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Policy>>, Problem> {
    // Whether it was one of the program's, and its name.
    let (limit, after) = (page.limit()?, page.place::<(bool, String)>()?);
    access.require(actions::POLICY_READ, &Resource::of_node("policy", "*"))?;
    let mut items: Vec<Policy> = Vec::new();
    if after.as_ref().is_none_or(|(built_in, _)| *built_in) {
        let mut all = built_in_texts()?;
        all.sort_by(|one, other| one.id.cmp(&other.id));
        let rest = all
            .into_iter()
            .filter(|policy| after.as_ref().is_none_or(|(_, name)| policy.id > *name));
        items.extend(rest.take(limit + 1).map(Policy::from));
    }
    if items.len() <= limit {
        let name = after.filter(|(built_in, _)| !built_in).map(|(_, name)| name);
        if name.as_ref().is_some_and(|name| name.contains('\0')) {
            return Err(
                PolicyError::Invalid("invalid-cursor", "`cursor` is none of ours".into()).into()
            );
        }
        let most = i64::try_from(limit + 1 - items.len()).unwrap_or(i64::MAX);
        let own = store::policies::page(service.0.spine.pool(), name.as_deref(), most).await?;
        items.extend(own.into_iter().map(Policy::from));
    }
    let place = |last: &Policy| (last.built_in, last.name.clone());
    Ok(Json(Page::cut(items, limit, place)?))
}

/// A policy.
#[utoipa::path(
    get,
    path = "/policies/{name}",
    operation_id = "getPolicy",
    tag = "policy",
    params(
        ("name" = String, Path, description = "The policy's name"),
        ("If-None-Match" = Option<String>, Header, description = "Versions that the caller has"),
    ),
    responses(
        (status = 200, body = Policy),
        (status = 304, description = "The caller has this version"),
        OfOne,
    )
)]
pub(super) async fn read(
    access: Access,
    State(service): State<PolicyService>,
    Path(name): Path<String>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    access.require_visible(actions::POLICY_READ, &Resource::of_node("policy", &name))?;
    if let Some(policy) = built_in_texts()?.into_iter().find(|policy| policy.id == name) {
        return Ok(Json(Policy::from(policy)).into_response());
    }
    if name.contains('\0') {
        return Err(Problem::not_found());
    }
    let mut conn = service.0.spine.pool().acquire().await?;
    let found = store::policies::newest(&mut conn, &name).await?;
    let found = found.filter(|found| found.text.is_some()).ok_or_else(Problem::not_found)?;
    let tag = [(header::ETAG, etag(found.version))];
    if conditions.has(found.version) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((tag, Json(Policy::from(found))).into_response())
}

/// Adds an own policy, or replaces its text. It is in force once this is answered.
#[utoipa::path(
    put,
    path = "/policies/{name}",
    operation_id = "putPolicy",
    tag = "policy",
    request_body = PolicyText,
    params(
        ("name" = String, Path, description = "The policy's name", pattern = "^[a-z0-9-]{1,64}$"),
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen; 0 where there is none yet"),
    ),
    responses(
        (status = 200, body = Policy),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        OfBodies,
    )
)]
pub(super) async fn put(
    access: Access,
    State(service): State<PolicyService>,
    Path(name): Path<String>,
    conditions: Conditions,
    Body(new): Body<PolicyText>,
) -> Result<Response, Problem> {
    access.require(actions::POLICY_WRITE, &Resource::of_node("policy", &name))?;
    let (cause, by) = (access.caller().cause(), access.caller().principal.to_string());
    let kept = service.put_policy(cause, by, (&name, &new.text), &conditions).await?;
    Ok(([(header::ETAG, etag(kept.version))], Json(Policy::from(kept))).into_response())
}

/// Removes an own policy. Its versions stay known.
#[utoipa::path(
    delete,
    path = "/policies/{name}",
    operation_id = "removePolicy",
    tag = "policy",
    params(
        ("name" = String, Path, description = "The policy's name"),
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
    Path(name): Path<String>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    access.require(actions::POLICY_WRITE, &Resource::of_node("policy", &name))?;
    if name.contains('\0') {
        return Err(Problem::not_found());
    }
    let (cause, by) = (access.caller().cause(), access.caller().principal.to_string());
    service.remove_policy(cause, by, &name, &conditions).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a text could be kept as a policy; nothing is kept.
#[utoipa::path(
    post,
    path = "/policy/validate",
    operation_id = "validatePolicy",
    tag = "policy",
    request_body = PolicyText,
    responses(
        (status = 200, body = Validity),
        OfBodies,
    )
)]
pub(super) async fn validate(
    access: Access,
    State(service): State<PolicyService>,
    Body(text): Body<PolicyText>,
) -> Result<Json<Validity>, Problem> {
    access.require(actions::POLICY_READ, &Resource::of_node("policy", "*"))?;
    match service.check_policy("new", &text.text).await {
        Ok(()) => Ok(Json(Validity { valid: true, why: None })),
        Err(PolicyError::Unacceptable(why)) => Ok(Json(Validity { valid: false, why: Some(why) })),
        Err(error) => Err(error.into()),
    }
}
