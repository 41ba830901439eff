//! What a guest may answer: weighed and looked through before anybody else sees it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use contracts::plugins::{Attachment, HookAnswer};
use serde_json::Value;

use super::{Unacceptable, refused};
use crate::engine::Bounds;
use crate::engine::bindings::webhooks;

/// What a list's item costs beside its texts.
const ITEM: usize = 16;

/// Counts what an answer holds.
pub(super) struct Scale {
    left: usize,
    limit: u32,
}

impl Scale {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { left: bounds.limits.output(), limit: bounds.limits.output_kib }
    }

    /// Takes this many bytes.
    pub(super) fn weigh(&mut self, bytes: usize) -> wasmtime::Result<()> {
        match self.left.checked_sub(bytes.saturating_add(ITEM)) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => refused(format!("it answered more than output_kib ({} KiB)", self.limit)),
        }
    }

    /// A text that can be stored.
    pub(super) fn text(
        &mut self,
        what: &str,
        text: String,
        longest: usize,
    ) -> wasmtime::Result<String> {
        self.weigh(text.len())?;
        if text.len() > longest {
            return refused(format!("{what} has more than {longest} bytes"));
        }
        if text.contains('\0') {
            return refused(format!("{what} holds the character NUL"));
        }
        Ok(text)
    }

    /// The same, and not empty.
    pub(super) fn name(
        &mut self,
        what: &str,
        text: String,
        longest: usize,
    ) -> wasmtime::Result<String> {
        if text.is_empty() {
            return refused(format!("{what} is empty"));
        }
        self.text(what, text, longest)
    }

    /// A text that may be absent.
    pub(super) fn maybe(
        &mut self,
        what: &str,
        text: Option<String>,
        longest: usize,
    ) -> wasmtime::Result<Option<String>> {
        text.map(|text| self.text(what, text, longest)).transpose()
    }

    /// JSON that can be stored.
    pub(super) fn json(&mut self, what: &str, text: &str) -> wasmtime::Result<Value> {
        self.weigh(text.len())?;
        let Ok(value) = serde_json::from_str(text) else {
            return refused(format!("{what} is not JSON"));
        };
        if holds_nul(&value) {
            return refused(format!("{what} holds the character NUL"));
        }
        Ok(value)
    }

    /// A payload: text as it is, anything else in base64.
    pub(super) fn payload(
        &mut self,
        media_type: &str,
        payload: Vec<u8>,
    ) -> wasmtime::Result<String> {
        self.weigh(payload.len())?;
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json = essence == "application/json" || essence.ends_with("+json");
        let is_text = is_json || essence.starts_with("text/") || essence.ends_with("xml");
        let text = match String::from_utf8(payload) {
            Ok(text) => text,
            Err(_) if is_text => {
                return refused(format!("a payload of the type {essence} is not UTF-8"));
            }
            Err(bytes) => return Ok(encoded(bytes.as_bytes())),
        };
        if is_json
            && !text.is_empty()
            && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err()
        {
            return refused("a payload of the type JSON is none");
        }
        // What begins like our own mark, and what Postgres takes for no text.
        Ok(if text.starts_with("base64:") || text.contains('\0') {
            encoded(text.as_bytes())
        } else {
            text
        })
    }

    /// Files that came with a message.
    pub(super) fn attachment(
        &mut self,
        name: String,
        media_type: String,
        data: Vec<u8>,
    ) -> wasmtime::Result<Attachment> {
        self.weigh(data.len())?;
        Ok(Attachment {
            name: self.text("the name of an attachment", name, 500)?,
            media_type: self.media_type(media_type)?,
            data,
        })
    }

    pub(super) fn media_type(&mut self, text: String) -> wasmtime::Result<String> {
        let text = self.name("a media type", text, 200)?;
        let plain = text.contains('/') && text.chars().all(|c| !c.is_control());
        if plain { Ok(text) } else { refused("a media type is none") }
    }

    /// What the caller of a hook gets.
    pub(super) fn hook_answer(
        &mut self,
        answer: webhooks::WebhookResponse,
    ) -> wasmtime::Result<HookAnswer> {
        if !(200..=599).contains(&answer.status) {
            return refused(format!("a webhook is answered with the status {}", answer.status));
        }
        if answer.headers.len() > 50 {
            return refused("a webhook is answered with more than 50 headers");
        }
        self.weigh(answer.body.len())?;
        let mut headers = Vec::with_capacity(answer.headers.len());
        for (name, value) in answer.headers {
            self.weigh(name.len() + value.len())?;
            let name = name.to_ascii_lowercase();
            let sound = name.parse::<http::HeaderName>().is_ok()
                && http::HeaderValue::from_str(&value).is_ok();
            // The node's origin is not the plugin's: no cookies, no redirects of the connection.
            let harmless =
                matches!(name.as_str(), "content-type" | "cache-control" | "retry-after")
                    || name.starts_with("x-") && !steers_a_proxy(&name);
            if !sound {
                return refused("a webhook is answered with a header that is none");
            }
            if harmless {
                headers.push((name, value));
            }
        }
        Ok(HookAnswer { status: answer.status, headers, body: answer.body })
    }
}

/// Headers that a web server before the node takes for orders, such as to send one of its own files.
fn steers_a_proxy(name: &str) -> bool {
    ["x-accel-", "x-sendfile", "x-lighttpd-", "x-litespeed-", "x-reproxy-"]
        .iter()
        .any(|orders| name.starts_with(orders))
}

fn encoded(bytes: &[u8]) -> String {
    format!("base64:{}", STANDARD.encode(bytes))
}

/// `calendar.event/1`
pub(super) fn kind(kind: &str) -> wasmtime::Result<()> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let sound = kind.split_once('/').is_some_and(|(name, version)| {
        (1..=80).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(plain)
            && (1..=4).contains(&version.len())
            && version.bytes().all(|byte| byte.is_ascii_digit())
    });
    if sound {
        return Ok(());
    }
    let kind: String = kind.chars().take(80).collect();
    refused(format!("the kind {kind:?} is not of the form `calendar.event/1`"))
}

pub(super) fn time(what: &str, milliseconds: u64) -> wasmtime::Result<DateTime<Utc>> {
    // Postgres and clients end long before a u64 does.
    let year_9999 = 253_402_300_799_999;
    let time = i64::try_from(milliseconds).ok().filter(|ms| *ms <= year_9999);
    match time.and_then(DateTime::from_timestamp_millis) {
        Some(time) => Ok(time),
        None => Err(Unacceptable(format!("{what} is no time")).into()),
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::manifest::{Limits, World};

    fn scale() -> Scale {
        let limits = Limits { output_kib: 1, ..Limits::usual(World::Connector) };
        Scale::new(&Bounds { limits, kinds: Arc::new([]), plugin: "test".into() })
    }

    #[test]
    fn payloads_are_text_where_they_can_be() {
        assert_eq!(scale().payload("text/calendar", b"BEGIN".to_vec()).unwrap(), "BEGIN");
        assert_eq!(scale().payload("image/png", vec![0xff, 0]).unwrap(), "base64:/wA=");
        assert_eq!(
            scale().payload("text/plain", b"base64:x".to_vec()).unwrap(),
            "base64:YmFzZTY0Ong="
        );
        assert!(scale().payload("text/plain; charset=utf-8", vec![0xff]).is_err());
        assert!(scale().payload("application/ld+json", b"{".to_vec()).is_err());
    }

    #[test]
    fn an_answer_ends_at_its_limit() {
        let mut scale = scale();
        scale.weigh(900).unwrap();
        let error = scale.weigh(200).unwrap_err();
        assert!(error.to_string().contains("output_kib"), "{error}");
    }

    #[test]
    fn an_answer_to_a_webhook_steers_nobody() {
        let header = |name: &str| (name.to_owned(), "/etc/passwd".to_owned());
        let answer = webhooks::WebhookResponse {
            status: 200,
            headers: [
                "Content-Type",
                "Set-Cookie",
                "Location",
                "X-Sendfile",
                "X-Accel-Redirect",
                "X-LiteSpeed-Location",
                "X-Hook-Secret",
            ]
            .map(header)
            .into(),
            body: Vec::new(),
        };
        let answer = scale().hook_answer(answer).unwrap();
        let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "x-hook-secret"]);
    }

    #[test]
    fn what_cannot_be_stored_is_refused() {
        assert!(scale().json("x", r#"{"a":["\u0000"]}"#).is_err());
        assert!(scale().json("x", "{").is_err());
        assert!(scale().text("x", "a\0".to_owned(), 10).is_err());
        assert!(time("x", u64::MAX).is_err());
        assert!(kind("calendar.event/1").is_ok());
        for strange in ["event", "Event/1", "a/x", "/1", "a/12345"] {
            assert!(kind(strange).is_err(), "{strange}");
        }
    }
}
