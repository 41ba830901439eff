//! `GET /present/{subject}`.

use axum::Json;
use axum::extract::{Path, State};
use contracts::access::Access;
use contracts::api::ProblemDocument;
use spine::Problem;

use super::{SubjectStates, admit, subject_of, unknown};
use crate::Present;

/// Tells the states of a subject that the caller may see.
#[utoipa::path(
    get, path = "/present/{subject}", operation_id = "getPresent", tag = "present",
    params(("subject" = String, Path, description = "`person:<account>`, `device:<uuid>`, `channel:<uuid>`",
        pattern = "^(person:[0-9]{1,19}|(device|channel):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")),
    responses(
        (status = 200, description = "The states that hold and may be seen", body = SubjectStates),
        (status = 400, description = "The path cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "Nobody asks", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "The token's scope is too narrow; a service lacks consent", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "Nothing is known that may be seen", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "It is no subject", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "What keeps the states is away", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn subject(
    access: Access,
    State(present): State<Present>,
    Path(subject): Path<String>,
) -> Result<Json<SubjectStates>, Problem> {
    subject_of(&subject)?;
    let now = present.0.spine.clock().now();
    let mut refused = None;
    let mut shown = SubjectStates::new(subject.clone());
    for state in present.0.states.of_subject(&subject).await? {
        if !state.holds(now) {
            continue;
        }
        match admit(&access, &subject, state.space.clone(), &state.facet) {
            Ok(()) => shown.add(state),
            Err(problem) => drop(refused.get_or_insert(problem)),
        }
    }
    match (shown.facets.is_empty(), refused) {
        (false, _) => Ok(Json(shown)),
        (true, Some(problem)) => Err(problem),
        (true, None) => Err(unknown(&access, &subject, "*")),
    }
}
