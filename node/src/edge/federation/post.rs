//! Posts, the activities that published them, and their replies.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, Method, Uri};
use social::PostId;
use spine::Problem;

use super::actor::name_of;
use super::answer::{Fetch, document, requester, value, varying, wants_activity};
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

pub async fn activity(PathPair(name, id): PathPair, fetch: Fetch) -> Result<Response, Problem> {
    let (social, requester) = (&fetch.services.social, fetch.requester.as_deref());
    document(social.activity_document(&name, post_id(&id)?, requester).await?)
}

pub async fn replies(PathPair(name, id): PathPair, fetch: Fetch) -> Result<Response, Problem> {
    let (social, requester) = (&fetch.services.social, fetch.requester.as_deref());
    value(social.replies_collection(&name, post_id(&id)?, fetch.part()?, requester).await?)
}

fn post_id(text: &str) -> Result<PostId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}
