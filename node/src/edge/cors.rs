//! Who may call from another origin's page, as Mastodon has it: everyone, without cookies.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// What a page of another origin can read beside the body.
const EXPOSED: &str = "Link, X-RateLimit-Reset, X-RateLimit-Limit, X-RateLimit-Remaining, \
                       X-Request-Id, Mastodon-Async-Refresh";
/// Seconds that a browser may remember the answer to its question.
const MAX_AGE: &str = "7200";

/// What other origins may do at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The client API.
    Api,
    /// Token routes.
    Token,
    /// Documents that anyone may read.
    Read,
    /// Nothing.
    Closed,
}

impl Opening {
    /// The opening of a path.
    pub fn of(path: &str) -> Self {
        if path.starts_with("/api/") {
            return Self::Api;
        }
        match path {
            "/oauth/token" | "/oauth/revoke" | "/oauth/userinfo" => return Self::Token,
            "/actor" | "/health" => return Self::Read,
            _ => {}
        }
        let readable = ["/.well-known/", "/nodeinfo", "/users/", "/@", "/media/"];
        match readable.iter().any(|start| path.starts_with(start)) {
            true => Self::Read,
            false => Self::Closed,
        }
    }

    fn methods(self) -> &'static str {
        match self {
            Self::Api => "GET, POST, PUT, PATCH, DELETE, OPTIONS",
            Self::Token => "GET, POST, OPTIONS",
            Self::Read => "GET, HEAD, OPTIONS",
            Self::Closed => "",
        }
    }

    /// Adds what an answer needs to be read from another origin.
    pub fn open(self, headers: &mut HeaderMap) {
        if self == Self::Closed {
            return;
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if self == Self::Api {
            headers
                .insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }

    /// The answer to a browser's question before a call, if this is one.
    pub fn preflight(self, method: &Method, asked: &HeaderMap) -> Option<(StatusCode, HeaderMap)> {
        if self == Self::Closed
            || method != Method::OPTIONS
            || !asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        let mut headers = HeaderMap::new();
        self.open(&mut headers);
        headers
            .insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(self.methods()));
        // `*` would not cover Authorization: the names asked for are echoed.
        let names = asked
            .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
            .cloned()
            .unwrap_or(HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        Some((StatusCode::NO_CONTENT, headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_open_and_pages_are_not() {
        assert_eq!(Opening::of("/api/v1/statuses"), Opening::Api);
        assert_eq!(Opening::of("/oauth/token"), Opening::Token);
        assert_eq!(Opening::of("/oauth/authorize"), Opening::Closed);
        assert_eq!(Opening::of("/.well-known/nodeinfo"), Opening::Read);
        assert_eq!(Opening::of("/nodeinfo/2.0"), Opening::Read);
        assert_eq!(Opening::of("/sign-in"), Opening::Closed);
    }

    #[test]
    fn a_preflight_is_answered_with_the_headers_asked_for() {
        let mut asked = HeaderMap::new();
        assert!(Opening::Api.preflight(&Method::OPTIONS, &asked).is_none());
        asked.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        asked.insert(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderValue::from_static("authorization,x-y"),
        );
        let (status, headers) = Opening::Api.preflight(&Method::OPTIONS, &asked).unwrap();
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_HEADERS], "authorization,x-y");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(headers[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().contains("Link"));
        assert!(Opening::Closed.preflight(&Method::OPTIONS, &asked).is_none());
    }
}
