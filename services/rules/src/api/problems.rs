//! The problems that routes answer, for the API's description.

use std::collections::BTreeMap;

use contracts::api::problems::answers;
use utoipa::IntoResponses;
use utoipa::openapi::RefOr;
use utoipa::openapi::response::Response;

const UNREADABLE: (&str, &str) = ("400", "The request cannot be read");
const ABSENT: (&str, &str) = ("404", "There is no such thing, or not for the caller");

/// Of what belongs to no rule.
pub(super) struct OfCatalogue;

impl IntoResponses for OfCatalogue {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[])
    }
}

/// Of what is read of a rule.
pub(super) struct OfReads;

impl IntoResponses for OfReads {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[UNREADABLE, ABSENT])
    }
}

/// Of what a document is sent to.
pub(super) struct OfDocuments;

impl IntoResponses for OfDocuments {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers(&[
            ("400", "Neither JSON nor YAML, or `Idempotency-Key` is not usable"),
            ABSENT,
            ("412", "It was changed meanwhile"),
            ("413", "Larger than 64 KiB"),
            ("415", "Not declared as JSON or YAML"),
        ])
    }
}
