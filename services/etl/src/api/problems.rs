//! The problems that routes answer, for the API's description.

use std::collections::BTreeMap;

use contracts::api::ProblemDocument;
use utoipa::openapi::response::Response;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

const COMMON: [(&str, &str); 5] = [
    ("400", "The request cannot be read"),
    ("401", "Nobody asks, or the token is not valid"),
    ("403", "The token's scope, or the policy, does not permit this"),
    ("422", "Understood, and not acceptable"),
    ("503", "Not now; `Retry-After` says when"),
];
const ABSENT: (&str, &str) = ("404", "There is no such thing, or not for the caller");

fn problems(more: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let schema = Ref::from_schema_name(ProblemDocument::name());
    let answer = |description: &str| {
        let content = ContentBuilder::new().schema(Some(schema.clone())).build();
        let response = ResponseBuilder::new().description(description);
        response.content("application/problem+json", content).build()
    };
    let all = COMMON.iter().chain(more);
    all.map(|(status, description)| ((*status).to_owned(), RefOr::T(answer(description)))).collect()
}

/// Of a list.
pub(super) struct OfLists;

impl IntoResponses for OfLists {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[])
    }
}

/// Of something that has an id or a name.
pub(super) struct OfOne;

impl IntoResponses for OfOne {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[ABSENT])
    }
}

/// Of what has a body.
pub(super) struct OfBodies;

impl IntoResponses for OfBodies {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            ABSENT,
            ("409", "Another mapping takes this kind of record"),
            ("412", "It was changed meanwhile"),
            ("413", "The body is too large"),
            ("415", "The body is not of a kind that this takes"),
        ])
    }
}
