//! The problems that routes answer, for the API's description.

use std::collections::BTreeMap;

use contracts::api::problems::answers;
use utoipa::IntoResponses;
use utoipa::openapi::RefOr;
use utoipa::openapi::response::Response;

const UNREADABLE: (&str, &str) = ("400", "The request cannot be read");
const ABSENT: (&str, &str) = ("404", "There is no such thing, or not for the caller");

/// Of a list.
pub(super) struct OfLists;

impl IntoResponses for OfLists {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[UNREADABLE])
    }
}

/// Of something that has an id or a name.
pub(super) struct OfOne;

impl IntoResponses for OfOne {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[UNREADABLE, ABSENT])
    }
}

/// Of what has a body.
pub(super) struct OfBodies;

impl IntoResponses for OfBodies {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[
            UNREADABLE,
            ABSENT,
            ("409", "Another mapping takes this kind of record"),
            ("412", "It was changed meanwhile"),
            ("413", "The body is too large"),
            ("415", "The body is not of a kind that this takes"),
        ])
    }
}
