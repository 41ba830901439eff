//! `GET /present/{subject}/{facet}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use contracts::access::Access;
use contracts::api::{Conditions, ProblemDocument, etag};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use spine::Problem;
use utoipa::ToSchema;

use super::{admit, facet_of, subject_of, unknown};
use crate::Present;

/// A state.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PresentState {
    /// Whose.
    subject: String,
    /// Which.
    facet: String,
    /// What it is.
    value: Value,
    /// Since when it has been so.
    since: DateTime<Utc>,
    /// When it was reported to be so.
    at: DateTime<Utc>,
    /// It is unknown from then on, unless somebody reports again.
    expires_at: DateTime<Utc>,
}

/// Tells one state of a subject.
#[utoipa::path(
    get, path = "/present/{subject}/{facet}", operation_id = "getPresentFacet", tag = "present",
    params(
        ("subject" = String, Path, description = "`person:<account>`, `device:<uuid>`, `channel:<uuid>`",
            pattern = "^(person:[0-9]{1,19}|(device|channel):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"),
        ("facet" = String, Path, description = "`location`, `presence`, `call`, `activity`, `battery`, `sensor.<name>`…",
            pattern = "^[a-z][a-z0-9_.-]{0,63}$"),
    ),
    responses(
        (status = 200, description = "The state", body = PresentState, headers(("ETag" = String))),
        (status = 304, description = "It has not been reported anew"),
        (status = 400, description = "The path cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "Nobody asks", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "The token's scope is too narrow; a service lacks consent", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "It is not known, or may not be seen", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "It is no subject or no name of a state", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "What keeps the states is away", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn facet(
    access: Access,
    State(present): State<Present>,
    Path((subject, facet)): Path<(String, String)>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let space = subject_of(&subject)?;
    facet_of(&facet)?;
    // Of a person it is decided before anything is looked up: a refusal tells nothing.
    if let Some(space) = &space {
        admit(&access, &subject, space.clone(), &facet)?;
    }
    let now = present.0.spine.clock().now();
    let states = present.0.states.of_subject(&subject).await?;
    let found = states.into_iter().find(|state| state.facet == facet && state.holds(now));
    let Some(state) = found else {
        return Err(match space {
            Some(_) => Problem::not_found(),
            None => unknown(&access, &subject, &facet),
        });
    };
    if space.as_ref() != Some(&state.space) {
        admit(&access, &subject, state.space.clone(), &facet)?;
    }
    let version = state.at.timestamp_micros();
    if conditions.has(version) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag(version))]).into_response());
    }
    let shown = PresentState {
        subject: state.subject,
        facet: state.facet,
        value: state.value,
        since: state.since,
        at: state.at,
        expires_at: state.expires_at,
    };
    Ok(([(header::ETAG, etag(version))], Json(shown)).into_response())
}
