//! Problem documents (RFC 9457): the one place that knows status codes.

use std::borrow::Cow;
use std::error::Error;

use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::SpineError;

/// An error as the outside sees it, with the inside's cause kept for the log.
///
/// The JSON carries RFC 9457's members and, beside them, `error` (and `error_description` where
/// OAuth asks for it), which is what Mastodon's clients read. The edge sends it to them as
/// `application/json`, the only name of JSON that all of them know.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: Cow<'static, str>,
    detail: Option<String>,
    error: Option<&'static str>,
    retry_after: Option<u32>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem with a stable, documented name (`kind`, the last part of its `type` URI) and a
    /// sentence for people.
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            kind,
            title: title.into(),
            detail: None,
            error: None,
            retry_after: None,
            source: None,
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(kind: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, title)
    }

    /// 401: who is asking?
    pub fn unauthorized(kind: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, kind, title)
    }

    /// 403: known, and not allowed.
    pub fn forbidden(kind: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, kind, title)
    }

    /// 404: absent, or not for the asker; the two look the same.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Record not found")
    }

    /// 422: understood, and not acceptable.
    pub fn unprocessable(kind: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title)
    }

    /// 500: our fault. Logged whole, answered bare.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side",
        );
        problem.source = Some(source.into());
        problem
    }

    /// 503 with Retry-After: a part is away or full, and will be back.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The node cannot do this right now; please try again in a moment",
        );
        problem.retry_after = Some(5);
        problem.source = Some(source.into());
        problem
    }

    /// Adds a longer explanation of this very case.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sets the machine-readable `error` member, as OAuth 2 asks for (RFC 6749, section 5.2); the
    /// title then becomes `error_description`.
    #[must_use]
    pub fn with_oauth_error(mut self, error: &'static str) -> Self {
        self.error = Some(error);
        self
    }

    /// Gives an error of OAuth's own to what has none: for routes where apps expect nothing else.
    #[must_use]
    pub fn for_oauth(mut self) -> Self {
        self.error.get_or_insert(match self.status {
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            StatusCode::FORBIDDEN => "access_denied",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request",
        });
        self
    }

    /// Asks the caller to wait this many seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The problem's stable name.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The sentence for people.
    pub fn title(&self) -> &str {
        &self.title
    }
}

/// What a problem document says, as an extension of its response: for the log, and to tell a problem
/// from other answers.
#[derive(Clone, Debug)]
pub struct ProblemTold {
    /// The problem's stable name.
    pub kind: &'static str,
    /// The sentence for people.
    pub title: Cow<'static, str>,
    /// The longer explanation.
    pub detail: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<SpineError> for Problem {
    fn from(error: SpineError) -> Self {
        if error.is_unavailable() { Self::unavailable(error) } else { Self::internal(error) }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        SpineError::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Some(source) = &self.source {
            let mut chain = source.to_string();
            let mut next = source.source();
            while let Some(cause) = next {
                chain.push_str(": ");
                chain.push_str(&cause.to_string());
                next = cause.source();
            }
            tracing::error!(problem = self.kind, cause = chain, "request failed");
        }
        let mut body = serde_json::json!({
            "type": format!("urn:sovereign:problem:{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "error": self.error.unwrap_or(&self.title),
        });
        if let Some(detail) = &self.detail {
            body["detail"] = detail.as_str().into();
        }
        if self.error.is_some() {
            body["error_description"] = self.title.as_ref().into();
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json; charset=utf-8"),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let told = ProblemTold { kind: self.kind, title: self.title, detail: self.detail };
        response.extensions_mut().insert(told);
        response
    }
}
