//! Actors and their collections.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, Uri};
use spine::Problem;

use super::answer::{Fetch, document, permit, value, varying, wants_activity};
use super::page;
use crate::edge::login::session::Visitor;
use crate::edge::path::PathText;
use crate::policy::Principal;
use crate::services::Services;

pub async fn instance(State(services): State<Services>, uri: Uri) -> Result<Response, Problem> {
    permit(Principal::Anonymous, &uri)?;
    value(services.social.instance_actor().await?)
}

pub async fn show(
    State(services): State<Services>,
    PathText(name): PathText,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    permit(Principal::Anonymous, &uri)?;
    if !wants_activity(&headers) {
        return Ok(varying(Redirect::to(&page_path(&name)).into_response()));
    }
    document(services.social.actor_document(&name).await?)
}

/// `/@name`: a page for people, the actor for servers.
pub async fn by_handle(
    State(services): State<Services>,
    PathText(handle): PathText,
    visitor: Visitor,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    permit(Principal::Anonymous, &uri)?;
    let name = name_of(&handle)?;
    if wants_activity(&headers) {
        return document(services.social.actor_document(name).await?);
    }
    page::profile(&services, &visitor, name).await.map(varying)
}

pub async fn outbox(PathText(name): PathText, fetch: Fetch) -> Result<Response, Problem> {
    value(fetch.services.social.outbox(&name, fetch.part()?).await?)
}

pub async fn followers(PathText(name): PathText, fetch: Fetch) -> Result<Response, Problem> {
    value(fetch.services.social.followers_collection(&name, fetch.part()?).await?)
}

pub async fn following(PathText(name): PathText, fetch: Fetch) -> Result<Response, Problem> {
    value(fetch.services.social.following_collection(&name, fetch.part()?).await?)
}

pub async fn featured(PathText(name): PathText, fetch: Fetch) -> Result<Response, Problem> {
    value(fetch.services.social.featured_collection(&name).await?)
}

/// The user name in `@name`; other paths of one part are no address of ours.
pub fn name_of(handle: &str) -> Result<&str, Problem> {
    handle.strip_prefix('@').filter(|name| !name.is_empty()).ok_or_else(Problem::not_found)
}

/// Where a person's page is.
fn page_path(name: &str) -> String {
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    format!("/@{plain}")
}
