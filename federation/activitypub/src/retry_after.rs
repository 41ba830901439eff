//! The wait that a server asks for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, header};

/// The longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), at most a day.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = DateTime::<Utc>::from(httpdate::parse_http_date(text).ok()?);
            until.signed_duration_since(now).to_std().unwrap_or_default()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}
