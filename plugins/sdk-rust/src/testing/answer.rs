//! Answers of the scripted host.

use crate::Response;

/// An HTTP answer of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    final_url: Option<String>,
}

impl Answer {
    /// An answer with this status, and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), final_url: None }
    }

    /// 200 with this body.
    pub fn ok(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut answer = Self::status(200).header("content-type", media_type);
        answer.body = body.into();
        answer
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    /// As if a redirect had led here.
    #[must_use]
    pub fn redirected_to(mut self, url: &str) -> Self {
        self.final_url = Some(url.to_owned());
        self
    }

    pub(super) fn to_response(&self, url: &str) -> Response {
        Response {
            status: self.status,
            headers: self.headers.clone(),
            body: self.body.clone(),
            final_url: self.final_url.clone().unwrap_or_else(|| url.to_owned()),
        }
    }
}
