//! The problems that only some routes answer, for the API's description.

use std::collections::BTreeMap;

use contracts::api::problems::{OfBodies, answers};
use utoipa::IntoResponses;
use utoipa::openapi::RefOr;
use utoipa::openapi::response::Response;

const CONFLICT: (&str, &str) = ("409", "It was changed or decided meanwhile");

/// Of what changes something, with a body.
pub(super) struct OfChanges;

impl IntoResponses for OfChanges {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut answers = answers(&[CONFLICT]);
        answers.extend(OfBodies::responses());
        answers
    }
}

/// Of what changes something, without a body.
pub(super) struct OfDecisions;

impl IntoResponses for OfDecisions {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut answers = answers(&[CONFLICT]);
        answers.extend(contracts::api::problems::OfOne::responses());
        answers
    }
}
