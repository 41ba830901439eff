//! Answers that were recorded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use spine::http::OutgoingRequest;

use crate::engine::bindings::http as guest;
use crate::host::http::{Received, Wire};

/// A request and what the outside answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedExchange {
    /// The method; `GET` where it is absent.
    #[serde(default = "get")]
    pub method: String,
    /// The address, whole. One that ends in `*` stands for whatever begins so.
    pub url: String,
    /// The answer.
    pub answer: RecordedAnswer,
}

/// What the outside answered: with one kind of body at most.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedAnswer {
    /// The status; 200 where it is absent.
    #[serde(default = "ok")]
    pub status: u16,
    /// The headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A body that is text.
    #[serde(default)]
    pub body: Option<String>,
    /// A body that is JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// A body in base64.
    #[serde(default)]
    pub base64: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

/// Answers each recorded exchange once, in order among those that fit.
pub(super) struct Recorded {
    left: Mutex<VecDeque<RecordedExchange>>,
}

impl Recorded {
    pub(super) fn new(exchanges: &[RecordedExchange]) -> Self {
        Self { left: Mutex::new(exchanges.iter().cloned().collect()) }
    }

    fn take(&self, method: &str, url: &str) -> Option<RecordedAnswer> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |exchange: &RecordedExchange| {
            exchange.method.eq_ignore_ascii_case(method)
                && match exchange.url.strip_suffix('*') {
                    Some(beginning) => url.starts_with(beginning),
                    None => exchange.url == url,
                }
        };
        let place = left.iter().position(fits)?;
        left.remove(place).map(|exchange| exchange.answer)
    }
}

#[async_trait]
impl Wire for Recorded {
    async fn exchange(&self, request: OutgoingRequest) -> Result<Received, guest::HttpError> {
        let (method, url) = (request.method.as_str(), request.url.as_str());
        let answer = self.take(method, url);
        let answer = answer
            .ok_or_else(|| guest::HttpError::Connect("nothing was recorded for this".to_owned()))?;
        let received = received(answer).map_err(guest::HttpError::BadRequest)?;
        match request.max_body {
            Some(limit) if received.body.len() > limit => {
                Err(guest::HttpError::TooLarge(limit as u64))
            }
            _ => Ok(received),
        }
    }
}

fn received(answer: RecordedAnswer) -> Result<Received, String> {
    let unreadable = |what: &str| format!("the recorded {what} is none");
    let status = StatusCode::from_u16(answer.status).map_err(|_| unreadable("status"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        let name: HeaderName = name.parse().map_err(|_| unreadable("header"))?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| unreadable("header"))?);
    }
    let body = match (answer.body, answer.json, answer.base64) {
        (None, None, None) => Vec::new(),
        (Some(text), None, None) => text.into_bytes(),
        (None, Some(json), None) => json.to_string().into_bytes(),
        (None, None, Some(text)) => STANDARD.decode(text).map_err(|_| unreadable("body"))?,
        _ => return Err("a recorded answer has more than one body".to_owned()),
    };
    Ok(Received { status, headers, body: body.into() })
}
