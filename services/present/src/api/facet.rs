//! `GET /present/{subject}/{facet}`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::Json;
use axum::extract;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use contracts::access::Access;
use contracts::api::{Conditions, Path, etag};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use spine::Problem;
use utoipa::ToSchema;

use super::{OfStates, admit, facet_of, subject_of, unknown};
use crate::state::labels_of;
use crate::{Key, Present, State};

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
        OfStates,
    )
)]
pub(crate) async fn facet(
    access: Access,
    extract::State(present): extract::State<Present>,
    Path((subject, facet)): Path<(String, String)>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let space = subject_of(&subject)?;
    facet_of(&facet)?;
    // Of a person it is decided before anything is looked up: a refusal tells nothing.
    if let Some(space) = &space {
        admit(&access, &subject, space.clone(), &facet, &labels_of(&facet))?;
    }
    let now = present.0.spine.clock().now();
    let key = Key { subject, facet };
    let found = present.0.states.one(&key).await?;
    let Key { subject, facet } = key;
    let Some(state) = found.filter(|state| state.holds(now)) else {
        return Err(match space {
            Some(_) => Problem::not_found(),
            None => unknown(&access, &subject, &facet),
        });
    };
    if space.as_ref() != Some(&state.space) || state.labels != labels_of(&facet) {
        admit(&access, &subject, state.space.clone(), &facet, &state.labels)?;
    }
    let version = version_of(&state);
    if conditions.has(&version) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag(&version))]).into_response());
    }
    let shown = PresentState {
        subject: state.subject,
        facet: state.facet,
        value: state.value,
        since: state.since,
        at: state.at,
        expires_at: state.expires_at,
    };
    Ok(([(header::ETAG, etag(&version))], Json(shown)).into_response())
}

/// Tells apart all that is shown: of one second there may be several values.
fn version_of(state: &State) -> String {
    let mut hasher = DefaultHasher::new();
    (state.value.to_string(), state.since, state.expires_at).hash(&mut hasher);
    format!("{}-{:x}", state.at.timestamp_micros(), hasher.finish())
}

#[cfg(test)]
mod tests {
    use contracts::access::SpaceId;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_happens_in_one_second_has_versions_of_its_own() {
        let state = |status: &str| State {
            subject: "person:1".to_owned(),
            facet: "call".to_owned(),
            space: SpaceId::household(),
            labels: Vec::new(),
            value: json!({"status": status}),
            at: DateTime::UNIX_EPOCH,
            since: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH,
            source: String::new(),
        };
        assert_eq!(version_of(&state("ringing")), version_of(&state("ringing")));
        assert_ne!(version_of(&state("ringing")), version_of(&state("answered")));
    }
}
