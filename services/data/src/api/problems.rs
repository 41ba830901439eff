//! The problem documents that calls may answer, for the API's description.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

fn problems(all: &[(u16, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let response = |description: &str| {
        let content = Content::new(Some(Ref::from_schema_name("ProblemDocument")));
        ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content)
            .build()
    };
    all.iter().map(|(status, text)| (status.to_string(), RefOr::T(response(text)))).collect()
}

const UNREADABLE: (u16, &str) = (400, "The request cannot be read");
const FORBIDDEN: (u16, &str) = (403, "The policy, or the token's scope, does not permit it");
const ABSENT: (u16, &str) = (404, "There is no such thing, or it is not for the caller");
const CONFLICT: (u16, &str) = (409, "It was changed or decided meanwhile");
const CHANGED: (u16, &str) = (412, "It has another version than `If-Match` names");
const LARGE: (u16, &str) = (413, "The body is larger than this takes");
const NO_JSON: (u16, &str) = (415, "The body is not said to be JSON");
const UNACCEPTABLE: (u16, &str) = (422, "Understood, and not acceptable");
const AWAY: (u16, &str) = (503, "A part of the node is away; try again in a moment");

/// Of a query.
pub(super) struct QueryProblems;

impl IntoResponses for QueryProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[UNREADABLE, FORBIDDEN, UNACCEPTABLE, AWAY])
    }
}

/// Of reading one thing.
pub(super) struct ReadProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[UNREADABLE, FORBIDDEN, ABSENT, UNACCEPTABLE, AWAY])
    }
}

/// Of making something.
pub(super) struct CreateProblems;

impl IntoResponses for CreateProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[UNREADABLE, FORBIDDEN, ABSENT, CONFLICT, LARGE, NO_JSON, UNACCEPTABLE, AWAY])
    }
}

/// Of changing something.
pub(super) struct ChangeProblems;

impl IntoResponses for ChangeProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            UNREADABLE,
            FORBIDDEN,
            ABSENT,
            CONFLICT,
            CHANGED,
            LARGE,
            NO_JSON,
            UNACCEPTABLE,
            AWAY,
        ])
    }
}
