//! Telling servers from browsers, knowing who fetches, and answering them.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::Value;
use social::documents::{Document, FetchRequest, Part};
use spine::Problem;
use url::Url;

use super::READ;
use crate::edge::permissive::Parameters;
use crate::policy::{self, Access, Principal, Purpose};
use crate::services::Services;

const ACTIVITY: HeaderValue = HeaderValue::from_static("application/activity+json; charset=utf-8");

/// Whether a request asks for ActivityPub rather than for a page. A browser names `text/html`, and
/// no server does so first.
pub fn wants_activity(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|range| {
            let kind = range.split(';').next().unwrap_or_default().trim();
            match kind {
                "application/activity+json" | "application/ld+json" | "application/json" => {
                    Some(true)
                }
                "text/html" | "application/xhtml+xml" => Some(false),
                _ => None,
            }
        })
        .unwrap_or(false)
}

/// The public address of a request: our origin, whatever a proxy made of it.
pub fn public_address(services: &Services, uri: &Uri) -> Result<Url, Problem> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Url::parse(&format!("{}{path}", services.origin))
        .map_err(|_| Problem::bad_request("bad-address", "The address cannot be read"))
}

/// The actor whose signature a fetch carries, if it carries a good one.
pub async fn requester(
    services: &Services,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Option<String>, Problem> {
    let is_signed = headers.contains_key("signature");
    permit(if is_signed { Principal::Server } else { Principal::Anonymous }, uri)?;
    if !is_signed {
        return Ok(None);
    }
    let target_uri = public_address(services, uri)?;
    let request = FetchRequest { method, target_uri: &target_uri, headers };
    Ok(services.social.verify_fetch(&request).await?)
}

/// A fetch of something that some may see: who asks for it, and for which part.
pub struct Fetch {
    pub services: Services,
    pub requester: Option<String>,
    uri: Uri,
}

impl Fetch {
    /// The part of a collection that the query names.
    pub fn part(&self) -> Result<Part, Problem> {
        part(&self.uri)
    }
}

impl FromRequestParts<Services> for Fetch {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        services: &Services,
    ) -> Result<Self, Self::Rejection> {
        let requester = requester(services, &parts.method, &parts.uri, &parts.headers).await?;
        Ok(Self { services: services.clone(), requester, uri: parts.uri.clone() })
    }
}

/// Asks the policy for a document that everyone may have, signed or not.
pub fn permit(principal: Principal<'_>, uri: &Uri) -> Result<(), Problem> {
    let resource = &uri.path();
    let access = Access { principal, action: &READ, resource, purpose: Purpose::Federate };
    Ok(policy::decide(&access)?)
}

fn part(uri: &Uri) -> Result<Part, Problem> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Query {
        page: Option<String>,
        after: Option<String>,
    }

    let Query { page, after } = Parameters::of_query(uri.query())?.typed()?;
    Ok(Part::from_query(page.as_deref(), after.as_deref()))
}

/// A document, or its tombstone with 410, or 404.
pub fn document(found: Option<Document>) -> Result<Response, Problem> {
    let document = found.ok_or_else(Problem::not_found)?;
    let status = if document.is_gone() { StatusCode::GONE } else { StatusCode::OK };
    Ok((status, activity(&document.into_value())?).into_response())
}

/// A JSON value that is a document, or 404.
pub fn value(found: Option<Value>) -> Result<Response, Problem> {
    activity(&found.ok_or_else(Problem::not_found)?)
}

fn activity(value: &Value) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(Problem::internal)?;
    Ok(varying(([(header::CONTENT_TYPE, ACTIVITY)], body).into_response()))
}

/// Says to caches that servers and browsers, and signers and strangers, get different answers.
pub fn varying(mut response: Response) -> Response {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Signature"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        wants_activity(&headers)
    }

    #[test]
    fn servers_are_told_from_browsers() {
        assert!(wants("application/activity+json"));
        assert!(wants("application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\""));
        assert!(wants("application/activity+json, application/ld+json, text/html;q=0.1"));
        assert!(!wants("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!wants("*/*"));
        assert!(!wants_activity(&HeaderMap::new()));
    }
}
