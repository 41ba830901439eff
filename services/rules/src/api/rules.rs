//! Rules: made, read, changed, switched, removed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::api::problems::{OfLists, OfOne};
use contracts::api::{Conditions, NewId, Page, PageQuery, ProblemDocument, Query, etag};
use http::{StatusCode, header};
use serde::Deserialize;
use spine::Problem;
use utoipa::IntoParams;
use uuid::Uuid;

use super::body::{Named, RuleBody};
use super::problems::{OfDocuments, OfReads};
use super::views::{RuleView, VersionDocument, VersionView, resource};
use crate::commands::Belongs;
use crate::store::rules::{Listing, StoredRule};
use crate::{Rules, RulesError, store};

/// Which rules.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RulesQuery {
    /// Where to go on, as the page before said in `next`.
    cursor: Option<String>,
    /// At most so many; 50 where nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Only those that are switched on, or off.
    enabled: Option<bool>,
    /// Only those of this space.
    #[param(value_type = Option<String>, pattern = "^(public|household|person:[0-9]{1,19}|circle:[0-9a-f-]{36})$")]
    space: Option<SpaceId>,
}

/// Rules, newest first.
#[utoipa::path(
    get, path = "/rules", operation_id = "listRules", tag = "rules", params(RulesQuery),
    responses(
        (status = 200, description = "The rules that may be seen", body = Page<RuleView>),
        (status = 401, description = "Nobody asks", body = ProblemDocument, content_type = "application/problem+json"),
        OfLists,
    )
)]
pub(super) async fn list_rules(
    access: Access,
    State(rules): State<Rules>,
    Query(query): Query<RulesQuery>,
) -> Result<Json<Page<RuleView>>, Problem> {
    let permitted = access.permitted(actions::RULE_READ)?;
    rules.fold_refusals().await?;
    let page = PageQuery { cursor: query.cursor, limit: query.limit };
    let limit = page.limit()?;
    let listing = Listing {
        before: page.place()?,
        enabled: query.enabled,
        space: query.space.map(String::from),
        limit: limit as i64 + 1,
    };
    let found = store::rules::list(rules.0.spine.pool(), &permitted, &listing).await?;
    let views = found.into_iter().map(RuleView::of).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Page::cut(views, limit, |last| last.id)?))
}

/// Where a new rule belongs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PlaceQuery {
    /// `household` for a rule of the household, which an admin may make; else it is the caller's own.
    #[param(value_type = Option<String>, pattern = "^(household|person:[0-9]{1,19})$")]
    space: Option<SpaceId>,
}

/// Makes a rule. Its tests run first.
#[utoipa::path(
    post, path = "/rules", operation_id = "createRule", tag = "rules", params(PlaceQuery),
    request_body(
        content((Object = "application/json"), (String = "application/yaml")),
        description = "The rule (`GET /rules/schema`), at most 64 KiB"
    ),
    responses(
        (status = 201, description = "Made", body = RuleView),
        OfDocuments,
    )
)]
pub(super) async fn create_rule(
    access: Access,
    State(rules): State<Rules>,
    Query(place): Query<PlaceQuery>,
    NewId(id): NewId,
    RuleBody(sent): RuleBody,
) -> Result<Response, Problem> {
    let belongs = belongs(&access, place.space)?;
    access.require(actions::RULE_WRITE, &Resource::new("rule", "*", belongs.space.clone()))?;
    let made = rules.create(access.caller(), id, belongs, sent).await?;
    shown(StatusCode::CREATED, made)
}

/// Whose a new rule of this caller is.
pub(super) fn belongs(access: &Access, space: Option<SpaceId>) -> Result<Belongs, Problem> {
    let owner = access.caller().responsible().ok_or_else(|| match access.caller().principal {
        contracts::access::Principal::Anonymous => {
            Problem::unauthorized("unauthorized", "Who is asking? Please sign in, or send a token")
        }
        _ => Problem::forbidden(
            "no-person",
            "A rule belongs to a person, and none stands behind this call",
        ),
    })?;
    let own = SpaceId::of_person(owner);
    match space {
        None => Ok(Belongs { owner, space: own }),
        Some(space) if space == own || space == SpaceId::household() => {
            Ok(Belongs { owner, space })
        }
        Some(_) => Err(Problem::unprocessable(
            "invalid-space",
            "A rule belongs to the caller or to the household",
        )),
    }
}

/// A rule.
#[utoipa::path(
    get, path = "/rules/{rule}", operation_id = "getRule", tag = "rules",
    params(("rule" = Uuid, Path, description = "The rule"), ("If-None-Match" = Option<String>, Header, description = "The version that the caller has")),
    responses(
        (status = 200, description = "The rule", body = RuleView, headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "The caller has this version"),
        OfReads,
    )
)]
pub(super) async fn get_rule(
    access: Access,
    State(rules): State<Rules>,
    Named(rule): Named<Uuid>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let rule = rules.readable(&access, rule).await?;
    if conditions.has(rule.generation) {
        return Ok(
            (StatusCode::NOT_MODIFIED, [(header::ETAG, etag(rule.generation))]).into_response()
        );
    }
    // Its numbers count what was refused just now, too.
    let counted = match rules.fold_refusals().await? {
        true => store::rules::find(rules.0.spine.pool(), rule.id).await?,
        false => Some(rule),
    };
    shown(StatusCode::OK, counted.ok_or_else(Problem::not_found)?)
}

/// Replaces a rule's document: a new version. What waits (`for`) ends.
#[utoipa::path(
    put, path = "/rules/{rule}", operation_id = "replaceRule", tag = "rules",
    params(("rule" = Uuid, Path, description = "The rule"), ("If-Match" = Option<String>, Header, description = "The version that the caller has seen")),
    request_body(
        content((Object = "application/json"), (String = "application/yaml")),
        description = "The rule (`GET /rules/schema`), at most 64 KiB"
    ),
    responses(
        (status = 200, description = "Changed", body = RuleView, headers(("ETag" = String, description = "Its version"))),
        OfDocuments,
    )
)]
pub(super) async fn replace_rule(
    access: Access,
    State(rules): State<Rules>,
    Named(rule): Named<Uuid>,
    conditions: Conditions,
    RuleBody(sent): RuleBody,
) -> Result<Response, Problem> {
    let rule = rules.writable(&access, rule).await?;
    conditions.check(rule.generation)?;
    let seen = |generation| conditions.check(generation).is_ok();
    let changed = rules.replace(access.caller(), &rule, seen, sent).await?;
    shown(StatusCode::OK, changed)
}

/// Removes a rule, with its versions and traces.
#[utoipa::path(
    delete, path = "/rules/{rule}", operation_id = "deleteRule", tag = "rules",
    params(("rule" = Uuid, Path, description = "The rule"), ("If-Match" = Option<String>, Header, description = "The version that the caller has seen")),
    responses(
        (status = 204, description = "Removed"),
        OfOne,
    )
)]
pub(super) async fn delete_rule(
    access: Access,
    State(rules): State<Rules>,
    Named(rule): Named<Uuid>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let rule = rules.writable(&access, rule).await?;
    conditions.check(rule.generation)?;
    rules.remove(access.caller(), &rule, |generation| conditions.check(generation).is_ok()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Switches a rule on; also one that its limits stopped.
#[utoipa::path(
    post, path = "/rules/{rule}/enable", operation_id = "enableRule", tag = "rules",
    params(("rule" = Uuid, Path, description = "The rule"), ("If-Match" = Option<String>, Header, description = "The version that the caller has seen")),
    responses(
        (status = 200, description = "It runs", body = RuleView, headers(("ETag" = String, description = "Its version"))),
        OfOne,
    )
)]
pub(super) async fn enable_rule(
    access: Access,
    State(rules): State<Rules>,
    Named(rule): Named<Uuid>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    switch(&access, &rules, rule, &conditions, true).await
}

/// Switches a rule off. What waits (`for`) ends.
#[utoipa::path(
    post, path = "/rules/{rule}/disable", operation_id = "disableRule", tag = "rules",
    params(("rule" = Uuid, Path, description = "The rule"), ("If-Match" = Option<String>, Header, description = "The version that the caller has seen")),
    responses(
        (status = 200, description = "It runs no more", body = RuleView, headers(("ETag" = String, description = "Its version"))),
        OfOne,
    )
)]
pub(super) async fn disable_rule(
    access: Access,
    State(rules): State<Rules>,
    Named(rule): Named<Uuid>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    switch(&access, &rules, rule, &conditions, false).await
}

async fn switch(
    access: &Access,
    rules: &Rules,
    rule: Uuid,
    conditions: &Conditions,
    on: bool,
) -> Result<Response, Problem> {
    let rule = rules.writable(access, rule).await?;
    conditions.check(rule.generation)?;
    let seen = |generation| conditions.check(generation).is_ok();
    shown(StatusCode::OK, rules.switch(access.caller(), &rule, seen, on).await?)
}

/// The versions of a rule, newest first.
#[utoipa::path(
    get, path = "/rules/{rule}/versions", operation_id = "listRuleVersions", tag = "rules",
    params(("rule" = Uuid, Path, description = "The rule"), PageQuery),
    responses(
        (status = 200, description = "The versions", body = Page<VersionView>),
        OfReads,
    )
)]
pub(super) async fn list_versions(
    access: Access,
    State(rules): State<Rules>,
    Named(rule): Named<Uuid>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<VersionView>>, Problem> {
    let rule = rules.readable(&access, rule).await?;
    let limit = page.limit()?;
    let found =
        store::rules::versions(rules.0.spine.pool(), rule.id, page.place()?, limit as i64 + 1)
            .await?;
    let views: Vec<VersionView> = found.into_iter().map(VersionView::from).collect();
    Ok(Json(Page::cut(views, limit, |last| last.version)?))
}

/// A version of a rule, with its document.
#[utoipa::path(
    get, path = "/rules/{rule}/versions/{version}", operation_id = "getRuleVersion", tag = "rules",
    params(("rule" = Uuid, Path, description = "The rule"), ("version" = i32, Path, description = "The version", minimum = 1)),
    responses(
        (status = 200, description = "The version", body = VersionDocument),
        OfReads,
    )
)]
pub(super) async fn get_version(
    access: Access,
    State(rules): State<Rules>,
    Named((rule, version)): Named<(Uuid, i32)>,
) -> Result<Json<VersionDocument>, Problem> {
    let rule = rules.readable(&access, rule).await?;
    let found = store::rules::version(rules.0.spine.pool(), rule.id, version).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Json(VersionDocument {
        version,
        document: found.document,
        media_type: found.media_type,
        source: found.source,
        made_at: found.made_at,
    }))
}

impl Rules {
    /// A rule that the caller may read.
    pub(super) async fn readable(
        &self,
        access: &Access,
        rule: Uuid,
    ) -> Result<StoredRule, Problem> {
        let found =
            store::rules::find(self.0.spine.pool(), rule).await.map_err(RulesError::from)?;
        match found {
            Some(rule) => {
                access.require_visible(actions::RULE_READ, &resource(&rule)?)?;
                Ok(rule)
            }
            None => {
                // Whoever may read no rule at all is told so first.
                access.permitted(actions::RULE_READ)?;
                Err(Problem::not_found())
            }
        }
    }

    /// A rule that the caller may change.
    pub(super) async fn writable(
        &self,
        access: &Access,
        rule: Uuid,
    ) -> Result<StoredRule, Problem> {
        let rule = self.readable(access, rule).await?;
        access.require(actions::RULE_WRITE, &resource(&rule)?)?;
        Ok(rule)
    }
}

fn shown(status: StatusCode, rule: StoredRule) -> Result<Response, Problem> {
    let tag = etag(rule.generation);
    Ok((status, [(header::ETAG, tag)], Json(RuleView::of(rule)?)).into_response())
}
