//! What every request passes on its way in and every answer on its way out.
//!
//! One function instead of a stack of layers, because each layer costs every request an allocation
//! or two: request id, cross-origin rules, refusal of zero bytes, rate limits, time limit, panics, security
//! headers, counting, and a log line for what was refused.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode};
use spine::{Problem, ProblemTold};

use super::cors::Opening;
use super::limits::Verdict;
use super::login::session::{Visitor, problem_page};
use super::reply;
use crate::services::Services;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// For answers that are no page: they load nothing and no page may frame them.
const NO_PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; form-action 'none'");

/// The one middleware.
pub async fn guard(State(services): State<Services>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let opening = Opening::of(request.uri().path());
    if let Some(answer) = opening.preflight(request.method(), request.headers()) {
        return answer.into_response();
    }
    let id = request_id(&services, &request);
    let is_api = opening == Opening::Api;
    let method = request.method().clone();
    let path = request.uri().path().to_owned();

    let mut verdict = None;
    let mut response = match refuse(&request) {
        Some(problem) => problem.into_response(),
        None => {
            if let Some(limited) = services.limits.limited(&request) {
                let clock = services.spine.clock();
                verdict = services.limits.count(limited, &services.identity, clock).await;
            }
            match verdict.as_ref().and_then(Verdict::refusal) {
                Some(problem) => too_many(&services, problem, is_for_people(&request)),
                None => run(&services, request, next).await,
            }
        }
    };
    let told = response.extensions().get::<ProblemTold>();
    let is_problem = told.is_some();
    if let Some(told) = told {
        log_refusal(response.status(), told, &method, &path);
    }
    let status = response.status();
    let headers = response.headers_mut();
    // Apps' libraries (masto.js) know JSON by no other name, and take a problem for an outage.
    let is_for_mastodon = is_api && !path.starts_with(contracts::api::PREFIX);
    if is_problem && (is_for_mastodon || path.starts_with("/oauth/")) {
        headers.insert(header::CONTENT_TYPE, reply::JSON);
    }
    opening.open(headers);
    if let Some(verdict) = verdict {
        verdict.tell(headers);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    if is_api {
        let private = HeaderValue::from_static("private, no-store");
        headers.entry(header::CACHE_CONTROL).or_insert(private);
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    services.counters.request(status);
    tracing::debug!(
        target: "http",
        %method,
        path,
        status = status.as_u16(),
        duration_ms = started.elapsed().as_secs_f64() * 1_000.0,
        "answered"
    );
    response
}

/// The caller's own id for this request, if it is a plain one, else a new one.
fn request_id(services: &Services, request: &Request) -> String {
    let plain = |id: &&str| {
        id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .filter(|id| !id.is_empty())
        .filter(plain)
        .map_or_else(|| services.counters.request_id(), str::to_owned)
}

/// A zero byte is in no valid call, and Postgres takes none in a text.
fn refuse(request: &Request) -> Option<Problem> {
    let uri = request.uri();
    let has_zero = uri.path().contains("%00") || uri.query().is_some_and(|q| q.contains("%00"));
    has_zero.then(|| Problem::bad_request("zero-byte", "The address holds a zero byte"))
}

/// Whether a browser shows the answer to a person.
fn is_for_people(request: &Request) -> bool {
    let accepted = request.headers().get(header::ACCEPT);
    accepted.is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"))
}

fn too_many(services: &Services, problem: Problem, for_people: bool) -> Response {
    if !for_people {
        return problem.into_response();
    }
    let frame = Visitor::default().frame(services);
    problem_page(frame, problem, "Please wait a few minutes, then try again.")
}

async fn run(services: &Services, request: Request, next: Next) -> Response {
    let limit = time_limit(services, request.uri().path());
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(response)) => response,
        // The panic hook has logged where and why.
        Ok(Err(_)) => Problem::internal("a request panicked").into_response(),
        Err(_) => Problem::unavailable("a request took too long").into_response(),
    }
}

fn time_limit(services: &Services, path: &str) -> Duration {
    let http = &services.config.http;
    let is_upload = path.starts_with("/api/v1/media")
        || path.starts_with("/api/v2/media")
        || matches!(path, "/api/v1/accounts/update_credentials" | "/api/v1/profile");
    Duration::from_secs(if is_upload { http.upload_timeout_seconds } else { http.timeout_seconds })
}

/// Logs why a request was refused.
fn log_refusal(status: StatusCode, told: &ProblemTold, method: &http::Method, path: &str) {
    // What is asked for daily and harmlessly: absent things, missing tokens (the policy logs those).
    // What is our fault was logged with its cause where it was turned into an answer.
    let is_daily = matches!(status, StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED);
    if is_daily || !status.is_client_error() {
        return;
    }
    tracing::info!(
        target: "http",
        %method,
        path,
        status = status.as_u16(),
        problem = told.kind,
        reason = %told.title,
        detail = told.detail.as_deref().unwrap_or_default(),
        "refused"
    );
}
