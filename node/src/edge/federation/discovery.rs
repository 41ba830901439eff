//! How others find us: WebFinger (RFC 7033), host-meta (RFC 6415), NodeInfo.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri, header};
use serde::Deserialize;
use serde_json::Value;
use spine::Problem;
use web::pages::ProblemPage;

use super::answer::permit;
use crate::edge::login::session::{Visitor, page};
use crate::edge::path::PathText;
use crate::edge::permissive::Parameters;
use crate::edge::reply;
use crate::policy::Principal;
use crate::services::Services;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    resource: Option<String>,
    uri: Option<String>,
}

pub async fn webfinger(State(services): State<Services>, uri: Uri) -> Result<Response, Problem> {
    permit(Principal::Anonymous, &uri)?;
    let Resource { resource, .. } = Parameters::of_query(uri.query())?.typed()?;
    let resource = resource
        .filter(|resource| !resource.is_empty())
        .ok_or_else(|| Problem::bad_request("no-resource", "The parameter resource is missing"))?;
    let found = services.social.webfinger(&resource).await?.ok_or_else(Problem::not_found)?;
    typed("application/jrd+json; charset=utf-8", &found)
}

pub async fn host_meta(State(services): State<Services>, uri: Uri) -> Result<Response, Problem> {
    permit(Principal::Anonymous, &uri)?;
    let kind = [(header::CONTENT_TYPE, "application/xrd+xml; charset=utf-8")];
    Ok((kind, services.social.host_meta()).into_response())
}

pub async fn nodeinfo_links(
    State(services): State<Services>,
    uri: Uri,
) -> Result<Response, Problem> {
    permit(Principal::Anonymous, &uri)?;
    reply::json(&services.social.nodeinfo_discovery())
}

pub async fn nodeinfo(
    State(services): State<Services>,
    PathText(version): PathText,
    uri: Uri,
) -> Result<Response, Problem> {
    permit(Principal::Anonymous, &uri)?;
    let version = version.trim_end_matches(".json");
    let found = services.social.nodeinfo(version).await?.ok_or_else(Problem::not_found)?;
    let kind = format!(
        "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/{version}#\"; \
         charset=utf-8"
    );
    typed(&kind, &found)
}

/// Where other servers' pages send people who want to follow or answer. Nobody is sent on from
/// here: an address in a link is a stranger's word.
pub async fn authorize_interaction(
    State(services): State<Services>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, Problem> {
    let Resource { uri, .. } = Parameters::of_query(uri.query())?.typed()?;
    let target: String = uri.unwrap_or_default().chars().take(300).collect();
    Ok(page(
        StatusCode::OK,
        &ProblemPage {
            frame: visitor.frame(&services),
            status: 200,
            title: "Search for this address in your app".to_owned(),
            advice: target.strip_prefix("acct:").unwrap_or(&target).to_owned(),
        },
    ))
}

fn typed(kind: &str, value: &Value) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}
