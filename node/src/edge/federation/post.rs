//! Posts, the activities that published them, and their replies.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, Method, Uri};
use social::PostId;
use spine::Problem;

use super::actor::name_of;
use super::answer::{document, part, requester, value, varying, wants_activity};
use super::page;
use crate::edge::login::session::Visitor;
use crate::edge::path::PathPair;
use crate::services::Services;

pub async fn show(
    State(services): State<Services>,
    PathPair(name, id): PathPair,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = post_id(&id)?;
    if !wants_activity(&headers) {
        let status = services.social.status(None, id).await?;
        return Ok(varying(Redirect::to(&status.body.url).into_response()));
    }
    let requester = requester(&services, &method, &uri, &headers).await?;
    document(services.social.post_document(&name, id, requester.as_deref()).await?)
}

/// `/@name/id`: a page for people, the post for servers.
pub async fn by_handle(
    State(services): State<Services>,
    PathPair(handle, id): PathPair,
    visitor: Visitor,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (name, id) = (name_of(&handle)?, post_id(&id)?);
    if wants_activity(&headers) {
        let requester = requester(&services, &method, &uri, &headers).await?;
        return document(services.social.post_document(name, id, requester.as_deref()).await?);
    }
    page::post(&services, &visitor, name, id).await.map(varying)
}

pub async fn activity(
    State(services): State<Services>,
    PathPair(name, id): PathPair,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let requester = requester(&services, &method, &uri, &headers).await?;
    let id = post_id(&id)?;
    document(services.social.activity_document(&name, id, requester.as_deref()).await?)
}

pub async fn replies(
    State(services): State<Services>,
    PathPair(name, id): PathPair,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let requester = requester(&services, &method, &uri, &headers).await?;
    let (id, part) = (post_id(&id)?, part(&uri)?);
    value(services.social.replies_collection(&name, id, part, requester.as_deref()).await?)
}

fn post_id(text: &str) -> Result<PostId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}
