//! The problems that routes answer, for the API's description: what nearly every route has in common.

use std::collections::BTreeMap;

use utoipa::openapi::response::Response;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

use super::ProblemDocument;

const COMMON: [(&str, &str); 4] = [
    ("401", "Nobody asks, or the token is not valid"),
    ("403", "The token's scope, or the policy, does not permit this"),
    ("422", "Understood, and not acceptable"),
    ("503", "Not now; `Retry-After` says when"),
];

/// The problems that every route may answer, and these: status and description.
pub fn answers(more: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
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
pub struct OfLists;

impl IntoResponses for OfLists {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[("400", "The parameters cannot be read")])
    }
}

/// Of something that has an id.
pub struct OfOne;

impl IntoResponses for OfOne {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[
            ("400", "The request cannot be read"),
            ("404", "There is no such thing, or not for the caller"),
            ("412", "It was changed meanwhile"),
        ])
    }
}

/// Of what has a body.
pub struct OfBodies;

impl IntoResponses for OfBodies {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[
            ("400", "The body is not JSON, or `Idempotency-Key` is not usable"),
            ("404", "There is no such thing, or not for the caller"),
            ("412", "It was changed meanwhile"),
            ("413", "The body is too large"),
            ("415", "The body is not declared as JSON"),
        ])
    }
}
