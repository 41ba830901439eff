//! Headers on their way out and in.

use ::http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use ::http::header::{HeaderMap, HeaderName, HeaderValue};

/// What belongs to the connection or to the host alone.
const RESERVED: [HeaderName; 9] =
    [HOST, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
/// Most headers, and most bytes of them.
const COUNT: usize = 100;
const BYTES: usize = 64 * 1_024;

/// Whether a guest may not set this header.
pub(super) fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name) || name.as_str().starts_with("proxy-") || name == "keep-alive"
}

/// What a guest sends; `injected` is the host's own in this request.
pub(super) fn outgoing(
    headers: &[(String, String)],
    injected: Option<&HeaderName>,
) -> Result<HeaderMap, String> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > COUNT || bytes > BYTES {
        return Err("more than 100 headers or 64 KiB of them".to_owned());
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let short: String = name.chars().take(60).collect();
        let name: HeaderName = name.parse().map_err(|_| format!("{short:?} is no header"))?;
        if is_reserved(&name) || injected == Some(&name) {
            return Err(format!("the header {name} is the host's to set"));
        }
        let value =
            HeaderValue::from_str(value).map_err(|_| format!("the value of {name} is none"))?;
        map.append(name, value);
    }
    Ok(map)
}

/// What a guest gets; values that are not text are left out.
pub(super) fn incoming(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
        .collect()
}
