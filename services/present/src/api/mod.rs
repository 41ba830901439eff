//! Routes of the Sovereign API.

mod facet;
mod list;
mod subject;
mod window;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contracts::access::{Access, Principal, Resource, SpaceId, actions};
use contracts::api::problems::answers;
use serde::Serialize;
use serde_json::Value;
use spine::{Problem, Snowflake};
use utoipa::openapi::RefOr;
use utoipa::openapi::response::Response;
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Present;
use crate::state::{self, State};

/// The service's routes, without the API's prefix.
pub fn routes() -> OpenApiRouter<Present> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(subject::subject))
        .routes(routes!(facet::facet))
        .routes(routes!(window::window))
}

/// A state, among others of its subject.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FacetState {
    /// What it is. Of a location: `place` (its name, or null), `place_entity`, `latitude`, `longitude`,
    /// `accuracy` (metres), `at`.
    value: Value,
    /// Since when it has been so.
    since: DateTime<Utc>,
    /// When it was reported to be so.
    at: DateTime<Utc>,
    /// It is unknown from then on, unless somebody reports again.
    until: DateTime<Utc>,
}

/// The states of a subject that may be seen.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SubjectStates {
    /// Whose: `person:<account>`, `device:<uuid>`, `channel:<uuid>`.
    subject: String,
    /// By their names.
    facets: BTreeMap<String, FacetState>,
}

impl SubjectStates {
    fn new(subject: String) -> Self {
        Self { subject, facets: BTreeMap::new() }
    }

    fn add(&mut self, state: State) {
        let shown = FacetState {
            value: state.value,
            since: state.since,
            at: state.at,
            until: state.expires_at,
        };
        self.facets.insert(state.facet, shown);
    }
}

/// The problems that routes about a subject answer.
struct OfStates;

impl IntoResponses for OfStates {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[
            ("400", "The path or the parameters cannot be read"),
            ("404", "It is not known, or may not be seen"),
        ])
    }
}

/// Decides whether a state may be seen. A person who may not is not told that it exists; a service is
/// told why not, so that it can say so.
fn admit(
    access: &Access,
    subject: &str,
    space: SpaceId,
    facet: &str,
    labels: &[String],
) -> Result<(), Problem> {
    let resource =
        Resource::new("present", subject, space).of_class(facet).labelled(labels.iter().cloned());
    match access.caller().principal {
        Principal::Service(_) => access.require(actions::PRESENT_READ, &resource),
        _ => access.require_visible(actions::PRESENT_READ, &resource),
    }
}

/// The subject of a path, and where its states belong, where it says so itself.
fn subject_of(text: &str) -> Result<Option<SpaceId>, Problem> {
    if !state::is_subject(text) {
        return Err(Problem::unprocessable("invalid-subject", "This is no subject of a state")
            .with_detail("say `person:<account>`, `device:<uuid>` or `channel:<uuid>`"));
    }
    let person = text.strip_prefix("person:").and_then(|id| id.parse::<Snowflake>().ok());
    Ok(person.map(SpaceId::of_person))
}

fn facet_of(text: &str) -> Result<(), Problem> {
    match state::is_facet(text) {
        true => Ok(()),
        false => Err(Problem::unprocessable("invalid-facet", "This is no name of a state")
            .with_detail("a lower-case letter, then up to 63 of `a-z0-9_.-`")),
    }
}

/// Nothing is known: the same answer for those who may see it and those who may not.
fn unknown(access: &Access, subject: &str, facet: &str) -> Problem {
    match admit(access, subject, SpaceId::household(), facet, &state::labels_of(facet)) {
        Ok(()) => Problem::not_found(),
        Err(problem) => problem,
    }
}
