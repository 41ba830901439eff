//! `GET /present/{subject}`.

use axum::Json;
use axum::extract::State;
use contracts::access::Access;
use contracts::api::Path;
use spine::Problem;

use super::{OfStates, SubjectStates, admit, subject_of, unknown};
use crate::Present;

/// Tells the states of a subject that the caller may see.
#[utoipa::path(
    get, path = "/present/{subject}", operation_id = "getPresent", tag = "present",
    params(("subject" = String, Path, description = "`person:<account>`, `device:<uuid>`, `channel:<uuid>`",
        pattern = "^(person:[0-9]{1,19}|(device|channel):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")),
    responses(
        (status = 200, description = "The states that hold and may be seen", body = SubjectStates),
        OfStates,
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
        match admit(&access, &subject, state.space.clone(), &state.facet, &state.labels) {
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
