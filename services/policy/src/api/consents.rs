//! Consents: given, listed and withdrawn by whoever the data is about.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contracts::access::{Access, Principal, Resource, SpaceId, actions};
use contracts::api::problems::{OfBodies, OfLists, OfOne};
use contracts::api::{
    Body, Conditions, NewId, Page, PageQuery, Path, ProblemDocument, Query, etag,
};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use spine::{Problem, Snowflake};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::person;
use crate::change::NewConsent;
use crate::engine::Consent as Kept;
use crate::{PolicyService, store};

/// A consent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Consent {
    /// Its id.
    id: Uuid,
    /// Whose data it is about: who gave it.
    #[schema(value_type = String, pattern = "^[0-9]{1,19}$")]
    subject: Snowflake,
    /// Who may see that data.
    #[schema(example = "service:rules")]
    grantee: String,
    /// What for.
    purpose: String,
    /// Special categories: where any are named, only data of these; else only data of none.
    categories: Vec<String>,
    /// Types of entities and facets of state: where any are named, only these.
    types: Vec<String>,
    /// Since when it holds.
    from: DateTime<Utc>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    /// What it rests on, in the person's words.
    basis: String,
    /// When it was given.
    given_at: DateTime<Utc>,
    /// When it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<DateTime<Utc>>,
}

impl From<Kept> for Consent {
    fn from(kept: Kept) -> Self {
        Self {
            id: kept.id,
            subject: kept.subject,
            grantee: kept.grantee.to_string(),
            purpose: kept.purpose,
            categories: kept.categories,
            types: kept.types,
            from: kept.from,
            until: kept.until,
            basis: kept.basis,
            given_at: kept.given_at,
            withdrawn_at: kept.withdrawn_at,
        }
    }
}

/// A consent to be given, about one's own data.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GiveConsent {
    /// Who may see it: `person:<account>`, `app:<id>`, `plugin:<id>` or `service:<name>`.
    #[schema(
        pattern = "^(person|app|plugin|service):[^ ]+$",
        max_length = 200,
        example = "service:rules"
    )]
    grantee: String,
    /// What for.
    #[schema(pattern = "^[a-z0-9:._-]{1,64}$", example = "automation")]
    purpose: String,
    /// Special categories (`health`, `finance`, `location`, `minor`, `intimate`): where any are named,
    /// only data of these; else only data of none.
    #[serde(default)]
    #[schema(max_items = 50)]
    categories: Vec<String>,
    /// Types of entities and facets of state: where any are named, only these.
    #[serde(default)]
    #[schema(max_items = 50)]
    types: Vec<String>,
    /// Since when; now, where nothing is said.
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    /// Until when; until it is withdrawn, where nothing is said.
    #[serde(default)]
    until: Option<DateTime<Utc>>,
    /// What it rests on, in the person's words.
    #[serde(default)]
    #[schema(max_length = 500)]
    basis: String,
}

/// Which consents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListConsents {
    /// Where to go on, as the page before said in `next`.
    #[serde(default)]
    cursor: Option<String>,
    /// At most so many items; 50 where nothing is said.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Those that the person was given, instead of those that they gave.
    #[serde(default)]
    received: bool,
}

/// The consents that one gave, or was given, newest first.
#[utoipa::path(
    get,
    path = "/consents",
    operation_id = "listConsents",
    tag = "policy",
    params(ListConsents),
    responses(
        (status = 200, body = Page<Consent>),
        OfLists,
    )
)]
pub(super) async fn list(
    access: Access,
    State(service): State<PolicyService>,
    Query(query): Query<ListConsents>,
) -> Result<Json<Page<Consent>>, Problem> {
    let page = PageQuery { cursor: query.cursor, limit: query.limit };
    let (limit, before) = (page.limit()?, page.place::<Uuid>()?);
    let person = person(&access, actions::CONSENT_READ, "consent")?;
    let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let pool = service.0.spine.pool();
    let found = match query.received {
        true => {
            let grantee = Principal::Person(person).to_string();
            store::consents::given_to(pool, &grantee, before, most).await?
        }
        false => store::consents::given_by(pool, person, before, most).await?,
    };
    let items = found.into_iter().map(Consent::from).collect();
    Ok(Json(Page::cut(items, limit, |last: &Consent| last.id)?))
}

/// Gives a consent about one's own data.
#[utoipa::path(
    post,
    path = "/consents",
    operation_id = "giveConsent",
    tag = "policy",
    request_body = GiveConsent,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key makes nothing twice", min_length = 1, max_length = 200)),
    responses(
        (status = 201, body = Consent),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        OfBodies,
    )
)]
pub(super) async fn give(
    access: Access,
    State(service): State<PolicyService>,
    NewId(id): NewId,
    Body(new): Body<GiveConsent>,
) -> Result<Response, Problem> {
    let subject = person(&access, actions::CONSENT_WRITE, "consent")?;
    let new = NewConsent {
        id,
        subject,
        grantee: new.grantee,
        purpose: new.purpose,
        categories: new.categories,
        types: new.types,
        from: new.from,
        until: new.until,
        basis: new.basis,
    };
    let consent = service.give_consent(access.caller().cause(), new).await?;
    let location = [(header::LOCATION, format!("{}/consents/{id}", contracts::api::PREFIX))];
    let tag = [(header::ETAG, etag(version(&consent)))];
    Ok((StatusCode::CREATED, location, tag, Json(Consent::from(consent))).into_response())
}

/// A consent that one gave or was given.
#[utoipa::path(
    get,
    path = "/consents/{id}",
    operation_id = "getConsent",
    tag = "policy",
    params(
        ("id" = Uuid, Path, description = "The consent's id"),
        ("If-None-Match" = Option<String>, Header, description = "Versions that the caller has"),
    ),
    responses(
        (status = 200, body = Consent),
        (status = 304, description = "The caller has this version"),
        OfOne,
    )
)]
pub(super) async fn read(
    access: Access,
    State(service): State<PolicyService>,
    Path(id): Path<Uuid>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let person = person(&access, actions::CONSENT_READ, "consent")?;
    let found = store::consents::find(service.0.spine.pool(), id).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    if found.grantee != Principal::Person(person) {
        let resource = Resource::new("consent", id.to_string(), SpaceId::of_person(found.subject));
        access.require_visible(actions::CONSENT_READ, &resource)?;
    }
    let version = version(&found);
    if conditions.has(version) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag(version))]).into_response());
    }
    Ok(([(header::ETAG, etag(version))], Json(Consent::from(found))).into_response())
}

/// Withdraws a consent: it holds no more once this is answered. It stays known.
#[utoipa::path(
    delete,
    path = "/consents/{id}",
    operation_id = "withdrawConsent",
    tag = "policy",
    params(("id" = Uuid, Path, description = "The consent's id")),
    responses(
        (status = 200, body = Consent),
        OfOne,
    )
)]
pub(super) async fn withdraw(
    access: Access,
    State(service): State<PolicyService>,
    Path(id): Path<Uuid>,
) -> Result<Json<Consent>, Problem> {
    let subject = person(&access, actions::CONSENT_WRITE, "consent")?;
    Ok(Json(service.withdraw_consent(access.caller().cause(), id, subject).await?.into()))
}

/// A consent changes once: when it is withdrawn.
fn version(consent: &Kept) -> u8 {
    if consent.withdrawn_at.is_some() { 2 } else { 1 }
}
