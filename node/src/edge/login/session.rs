//! The web session: its cookie, and what protects forms.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::{HeaderMap, StatusCode, header};
use identity::Session;
use sha2::{Digest as _, Sha256};
use spine::Problem;
use web::Template;
use web::pages::{Frame, ProblemPage};

use crate::services::Services;

/// The cookie's name.
const COOKIE: &str = "sovereign_session";

/// Who is signed in to the pages, if anyone.
#[derive(Default)]
pub struct Visitor {
    session: Option<(String, Session)>,
}

impl Visitor {
    /// The session, if the visitor is signed in.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref().map(|(_, session)| session)
    }

    /// The cookie's token, if the visitor is signed in.
    pub fn token(&self) -> Option<&str> {
        self.session.as_ref().map(|(token, _)| token.as_str())
    }

    /// What forms of this session carry: derived from its secret, so nothing needs to be stored.
    pub fn csrf(&self) -> String {
        self.session.as_ref().map_or_else(String::new, |(token, _)| {
            let digest = Sha256::new().chain_update(b"csrf:").chain_update(token).finalize();
            digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
        })
    }

    /// Whether a form came from a page of this session.
    pub fn owns(&self, csrf: &str) -> bool {
        self.session.is_some() && self.csrf() == csrf
    }

    /// What the pages show around their content.
    pub fn frame(&self, services: &Services) -> Frame {
        Frame {
            node: services.social.settings().title.clone(),
            domain: services.social.settings().domain(),
            signed_in: self.session().map(|session| session.person.username.clone()),
        }
    }
}

impl FromRequestParts<Services> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, services: &Services) -> Result<Self, Problem> {
        let jar = CookieJar::from_headers(&parts.headers);
        let Some(cookie) = jar.get(COOKIE) else { return Ok(Self { session: None }) };
        let token = cookie.value().to_owned();
        let session = services.identity.session(&token).await?;
        Ok(Self { session: session.map(|session| (token, session)) })
    }
}

/// The cookie that signs a browser in. The browser keeps it; the session itself ends when it is
/// not used for a month.
pub fn signed_in(services: &Services, token: String) -> CookieJar {
    let cookie = Cookie::build((COOKIE, token))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(services.origin.starts_with("https:"))
        .permanent()
        .build();
    CookieJar::new().add(cookie)
}

/// The cookie that signs it out.
pub fn signed_out() -> CookieJar {
    let mut gone = Cookie::build((COOKIE, "")).path("/").build();
    gone.make_removal();
    CookieJar::new().add(gone)
}

/// Refuses forms that another site's page sent: browsers say where a form comes from
/// (Fetch Metadata's `Sec-Fetch-Site`, else `Origin`); programs say neither and may pass.
///
/// # Errors
/// 403.
pub fn same_site(services: &Services, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let foreign = match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin != services.origin,
        (None, None) => false,
    };
    if foreign {
        return Err(Problem::forbidden(
            "foreign-form",
            "This form came from another site; please open the page here and try again",
        ));
    }
    Ok(())
}

/// A page as an answer that no cache keeps.
pub fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (
            status,
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CACHE_CONTROL, "no-store"),
                (header::CONTENT_SECURITY_POLICY, web::CONTENT_SECURITY_POLICY),
                (header::REFERRER_POLICY, "same-origin"),
            ],
            html,
        )
            .into_response(),
        Err(error) => Problem::internal(error).into_response(),
    }
}

/// A problem as a page, for people.
pub fn problem_page(frame: Frame, problem: Problem, advice: &str) -> Response {
    let status = problem.status();
    let view = ProblemPage {
        frame,
        status: status.as_u16(),
        title: problem.title().to_owned(),
        advice: advice.to_owned(),
    };
    // What is our fault is logged whole where it is turned into an answer; the page says it kindly.
    let bare = problem.into_response();
    let mut answer = page(status, &view);
    if let Some(after) = bare.headers().get(header::RETRY_AFTER) {
        answer.headers_mut().insert(header::RETRY_AFTER, after.clone());
    }
    answer
}
