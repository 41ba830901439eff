//! Hashtags: where the links in posts lead.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Uri};
use spine::Problem;

use super::answer::{permit, varying, wants_activity};
use super::page;
use crate::edge::login::session::Visitor;
use crate::edge::path::PathText;
use crate::policy::Principal;
use crate::services::Services;

/// `/tags/name`: a page for people. Servers know hashtags by their names and get nothing here.
pub async fn show(
    State(services): State<Services>,
    PathText(name): PathText,
    visitor: Visitor,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    permit(Principal::Anonymous, &uri)?;
    if wants_activity(&headers) {
        return Err(Problem::not_found());
    }
    page::tag(&services, &visitor, &name).await.map(varying)
}
