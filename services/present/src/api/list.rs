//! `GET /present`.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, actions};
use contracts::api::problems::OfLists;
use contracts::api::{Page, PageQuery, Query};
use spine::Problem;

use super::SubjectStates;
use crate::{Present, state};

/// Lists the states of all subjects that the caller may see.
#[utoipa::path(
    get, path = "/present", operation_id = "listPresent", tag = "present",
    params(PageQuery),
    responses(
        (status = 200, description = "Subjects with their states", body = Page<SubjectStates>),
        OfLists,
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
