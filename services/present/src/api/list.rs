//! `GET /present`.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, actions};
use contracts::api::{Page, PageQuery, ProblemDocument, Query};
use spine::Problem;

use super::SubjectStates;
use crate::{Present, state};

/// Lists the states of all subjects that the caller may see.
#[utoipa::path(
    get, path = "/present", operation_id = "listPresent", tag = "present",
    params(PageQuery),
    responses(
        (status = 200, description = "Subjects with their states", body = Page<SubjectStates>),
        (status = 400, description = "The parameters cannot be read", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "Nobody asks", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "The token's scope is too narrow", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is not acceptable", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "What keeps the states is away", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    access: Access,
    State(present): State<Present>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<SubjectStates>>, Problem> {
    let permitted = access.permitted(actions::PRESENT_READ)?;
    let limit = page.limit()?;
    let after: String = page.place()?.unwrap_or_default();
    if !after.is_empty() && !state::is_subject(&after) {
        return Err(Problem::unprocessable(
            "invalid-cursor",
            "`cursor` is none that this list has given",
        ));
    }
    if permitted.is_nothing() {
        return Ok(Json(Page { items: Vec::new(), next: None }));
    }
    let now = present.0.spine.clock().now();
    let states = present.0.states.list(&permitted, &after, now, limit + 1).await?;
    let mut items: Vec<SubjectStates> = Vec::new();
    for state in states {
        if items.last().is_none_or(|last| last.subject != state.subject) {
            items.push(SubjectStates::new(state.subject.clone()));
        }
        if let Some(last) = items.last_mut() {
            last.add(state);
        }
    }
    Ok(Json(Page::cut(items, limit, |last| last.subject.clone())?))
}
