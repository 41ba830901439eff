//! Calling out.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::host::sovereign::plugin::http;
use crate::{Host, PluginError, time};

pub use http::{Auth, HttpError, Request, Response};

/// How much of an unhappy answer goes into the error's text.
const EXCERPT_CHARACTERS: usize = 300;

impl Request {
    /// A request without headers, body or credential.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            auth: Auth::None,
            timeout_ms: None,
        }
    }

    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST of a form (`application/x-www-form-urlencoded`), already encoded.
    pub fn post_form(url: impl Into<String>, encoded: String) -> Self {
        let mut request = Self::new("POST", url)
            .header("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
        request.body = Some(encoded.into_bytes());
        request
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body to a JSON value.
    ///
    /// # Errors
    /// The value has no form in JSON.
    pub fn json<T: Serialize>(mut self, value: &T) -> Result<Self, PluginError> {
        let body = serde_json::to_vec(value)
            .map_err(|error| PluginError::failed(format!("no JSON: {error}")))?;
        self.body = Some(body);
        Ok(self.header("content-type", "application/json"))
    }

    /// The host adds `Authorization: Bearer` with this secret, and refreshes it where it is OAuth's.
    #[must_use]
    pub fn bearer(mut self, secret: &str) -> Self {
        self.auth = Auth::Bearer(secret.to_owned());
        self
    }

    /// The host adds `Authorization: Basic` with this user name and this secret.
    #[must_use]
    pub fn basic(mut self, user: &str, secret: &str) -> Self {
        self.auth = Auth::Basic((user.to_owned(), secret.to_owned()));
        self
    }

    /// The host adds a header with this secret.
    #[must_use]
    pub fn secret_header(mut self, name: &str, secret: &str) -> Self {
        self.auth = Auth::Header((name.to_owned(), secret.to_owned()));
        self
    }

    /// Gives up after so many milliseconds, where that is earlier than the host would.
    #[must_use]
    pub fn timeout(mut self, milliseconds: u32) -> Self {
        self.timeout_ms = Some(milliseconds);
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// There was no answer, see [`HttpError`].
    pub fn send<H: Host>(&self, host: &H) -> Result<Response, HttpError> {
        host.fetch(self)
    }
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PluginError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| PluginError::failed(format!("the answer is not as expected: {error}")))
    }

    /// How long the service asks to wait (`Retry-After`, in seconds or as a date).
    pub fn retry_after<H: Host>(&self, host: &H) -> Option<u32> {
        let value = self.header("retry-after")?.trim();
        if let Ok(seconds) = value.parse::<u32>() {
            return Some(seconds);
        }
        let seconds = time::parse_http_date(value)?.saturating_sub(host.now()).div_ceil(1000);
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// How many seconds it may be taken for fresh (`Cache-Control: max-age`).
    pub fn max_age(&self) -> Option<u64> {
        self.header("cache-control")?.split(',').find_map(|directive| {
            let (name, value) = directive.split_once('=')?;
            let value = value.trim().trim_matches('"').parse().ok()?;
            name.trim().eq_ignore_ascii_case("max-age").then_some(value)
        })
    }

    /// The answer itself where its status is 2xx or 304; otherwise what the status says about trying
    /// again:
    ///
    /// | status | error |
    /// | --- | --- |
    /// | 401, 403 | [`PluginError::Unauthorized`] |
    /// | 408, 425, 429, 5xx | [`PluginError::Retry`], with `Retry-After` |
    /// | 410 | [`PluginError::CursorExpired`] |
    /// | any other | [`PluginError::Failed`] |
    ///
    /// # Errors
    /// As in the table.
    pub fn success<H: Host>(self, host: &H) -> Result<Self, PluginError> {
        match self.status {
            200..=299 | 304 => Ok(self),
            401 | 403 => Err(PluginError::unauthorized(self.complaint())),
            408 | 425 | 429 | 500..=599 => {
                Err(PluginError::retry(self.retry_after(host), self.complaint()))
            }
            410 => Err(PluginError::CursorExpired),
            _ => Err(PluginError::failed(self.complaint())),
        }
    }

    /// The status with the beginning of the body, for an error's text.
    pub fn complaint(&self) -> String {
        let text = self.text();
        let excerpt: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(EXCERPT_CHARACTERS)
            .collect();
        format!("the service answered {}: {}", self.status, excerpt.trim())
    }
}

/// The first header of a name, in any case.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut found = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.as_str())
}
