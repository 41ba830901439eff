//! Times as services write them in headers.

use std::time::{Duration, UNIX_EPOCH};

/// Milliseconds since 1970 of a date as HTTP has it (RFC 9110 section 5.6.7), in any of its forms, or
/// as mail writes it in UTC (`Thu, 01 Jan 2026 10:00:00 +0000`).
pub fn parse_http_date(text: &str) -> Option<u64> {
    let text = text.trim();
    let utc = [" +0000", " -0000", " UTC"].iter().find_map(|zone| text.strip_suffix(zone));
    let text = utc.map_or_else(|| text.to_owned(), |time| format!("{time} GMT"));
    let time = httpdate::parse_http_date(&text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// A moment as HTTP writes it.
pub fn format_http_date(milliseconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(milliseconds))
}
