//! Webhooks of outside services: `/hooks/<account>/…`, for an account of a connector or a channel.
//!
//! What arrives is verified by the account's plugin, stored, and then answered.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use connectors::ConnectorsError;
use contracts::plugins::{HookAnswer, HookRequest};
use http::{HeaderName, HeaderValue, StatusCode, header};
use spine::Problem;
use uuid::Uuid;

use crate::edge::permissive::collect;
use crate::services::Services;

/// Largest body of a webhook, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// Headers that are not for a plugin: what a browser sends to this origin signs somebody in to the node, and
/// nobody means it for whoever made the plugin.
const NOT_FOR_PLUGINS: [&str; 2] = ["cookie", "proxy-authorization"];
/// When a source may try again where it can do nothing about what is wrong: in ten minutes.
const LATER: u32 = 600;
/// Headers that an answer may not set: they are the edge's.
const RESERVED: [&str; 6] = [
    "connection",
    "content-length",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "upgrade",
];

/// The routes.
pub fn routes() -> Router<Services> {
    Router::new()
        .route("/hooks/{account}", any(take))
        .route("/hooks/{account}/", any(take))
        .route("/hooks/{account}/{*rest}", any(take))
}

async fn take(State(services): State<Services>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let rest = path.strip_prefix("/hooks/").unwrap_or_default();
    let (account, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let account: Uuid = account.parse().map_err(|_| Problem::not_found())?;
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let meant = parts.headers.iter().filter(|(name, _)| !NOT_FOR_PLUGINS.contains(&name.as_str()));
    let headers = meant.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let hook = HookRequest {
        method: parts.method.to_string(),
        url: format!("{}{path}{query}", services.origin),
        path_and_query: format!("{}{query}", if rest.is_empty() { "/" } else { rest }),
        headers: headers.collect(),
        body: collect(body, MAX_BODY).await?.to_vec(),
    };
    let platform = &services.platform;
    let answer = match platform.connectors.receive_webhook(account, hook.clone()).await {
        // No account of a connector: then of a channel.
        Err(ConnectorsError::NotFound) => {
            let answer = platform.communication.receive_webhook(account, hook).await;
            answer.map_err(|error| for_strangers(error.into()))?
        }
        answer => answer.map_err(|error| for_strangers(error.into()))?,
    };
    platform.policy.port().settled().await?;
    respond(answer)
}

/// A problem as far as it concerns whoever calls a hook, who may be anybody. That a plugin is away, or an
/// account's settings are wrong, is not their fault and not their business: services give up what is answered
/// with 4xx, so they are asked to come again.
fn for_strangers(problem: Problem) -> Problem {
    match problem.status() {
        StatusCode::NOT_FOUND
        | StatusCode::FORBIDDEN
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::INTERNAL_SERVER_ERROR => problem,
        _ => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "later",
            "This cannot be taken now; please try again later",
        )
        .with_retry_after(LATER),
    }
}

/// A plugin's answer, as far as it may say.
fn respond(answer: HookAnswer) -> Result<Response, Problem> {
    let refused = |what: &str| {
        Problem::new(
            StatusCode::BAD_GATEWAY,
            "bad-plugin-answer",
            "The plugin's answer cannot be sent",
        )
        .with_detail(what.to_owned())
    };
    let status = StatusCode::from_u16(answer.status)
        .ok()
        .filter(|status| !status.is_informational())
        .ok_or_else(|| refused("its status is none"))?;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name).map_err(|_| refused("a header's name is none"))?;
        let value =
            HeaderValue::try_from(value).map_err(|_| refused("a header's value is none"))?;
        if !RESERVED.contains(&name.as_str()) {
            response.headers_mut().append(name, value);
        }
    }
    // A browser that is led here must not take a plugin's answer for a page of the node, nor run what is in it.
    let nothing = HeaderValue::from_static("sandbox; default-src 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, nothing);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use contracts::plugins::Undone;

    use super::*;

    #[test]
    fn strangers_are_asked_to_come_again_for_what_is_wrong_here() {
        let told = |undone: Undone| for_strangers(ConnectorsError::from(undone).into());
        let away = told(Undone::NoPlugin("the plugin mail cannot be called".to_owned()));
        assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!away.title().contains("mail"), "{}", away.title());
        let wrong = told(Undone::BadConfig("`folder` is none of Ana's".to_owned()));
        assert_eq!(wrong.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!wrong.title().contains("Ana"), "{}", wrong.title());
        let forged = told(Undone::HookRefused("the signature is wrong".to_owned()));
        assert_eq!(forged.status(), StatusCode::FORBIDDEN);
        assert_eq!(told(Undone::HookTooLarge).status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn a_plugin_says_no_more_than_it_may() {
        let answer = HookAnswer {
            status: 200,
            headers: vec![
                ("Content-Type".to_owned(), "text/xml".to_owned()),
                ("Set-Cookie".to_owned(), "a=b".to_owned()),
                ("Content-Security-Policy".to_owned(), "default-src *".to_owned()),
            ],
            body: b"<Response/>".to_vec(),
        };
        let response = respond(answer).unwrap();
        assert_eq!(response.headers().get("content-type").unwrap(), "text/xml");
        assert!(response.headers().get("set-cookie").is_none());
        let policies: Vec<_> =
            response.headers().get_all("content-security-policy").iter().collect();
        assert_eq!(policies, ["sandbox; default-src 'none'"], "it is no page of this node");
        let nonsense = HookAnswer { status: 99, ..HookAnswer::default() };
        assert_eq!(respond(nonsense).unwrap_err().status(), StatusCode::BAD_GATEWAY);
    }
}
