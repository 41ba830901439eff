//! Following redirects by hand: each hop is checked and signed again.

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use url::Url;

/// Mastodon's limit.
const MAX_HOPS: usize = 3;

/// A redirect that is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// More hops than three.
    #[error("too many redirects")]
    TooMany,
    /// Back to where it came from.
    #[error("the redirects form a loop")]
    Loop,
    /// From https to http.
    #[error("the redirect leaves https")]
    Downgrade,
    /// No usable `Location`.
    #[error("the redirect does not say where to")]
    Nowhere,
}

/// Where a request has been so far.
#[derive(Debug, Default)]
pub(crate) struct Hops(Vec<Url>);

impl Hops {
    /// The next URL if the response redirects; `None` if it is the answer.
    pub(crate) fn next(
        &mut self,
        from: &Url,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Option<Url>, RedirectError> {
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        if self.0.len() >= MAX_HOPS {
            return Err(RedirectError::TooMany);
        }
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let mut next =
            location.and_then(|location| from.join(location).ok()).ok_or(RedirectError::Nowhere)?;
        next.set_fragment(None);
        if from.scheme() == "https" && next.scheme() != "https" {
            return Err(RedirectError::Downgrade);
        }
        self.0.push(from.clone());
        if self.0.contains(&next) {
            return Err(RedirectError::Loop);
        }
        Ok(Some(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn hop(hops: &mut Hops, from: &str, to: &str) -> Result<Option<Url>, RedirectError> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, to.parse().unwrap());
        hops.next(&url(from), StatusCode::FOUND, &headers)
    }

    #[test]
    fn hops_are_resolved_and_counted() {
        let mut hops = Hops::default();
        let next = hop(&mut hops, "https://a.example/x", "/y#z").unwrap();
        assert_eq!(next, Some(url("https://a.example/y")));
        assert_eq!(
            hop(&mut hops, "https://a.example/y", "https://a.example/x"),
            Err(RedirectError::Loop)
        );
        hop(&mut hops, "https://a.example/z", "//b.example/").unwrap();
        assert_eq!(hop(&mut hops, "https://b.example/", "/w"), Err(RedirectError::TooMany));
    }

    #[test]
    fn a_redirect_never_leaves_https() {
        let mut hops = Hops::default();
        let down = hop(&mut hops, "https://a.example/", "http://a.example/");
        assert_eq!(down, Err(RedirectError::Downgrade));
        let odd = hop(&mut hops, "https://a.example/", "file:///etc/passwd");
        assert_eq!(odd, Err(RedirectError::Downgrade));
    }

    #[test]
    fn other_answers_are_answers() {
        let from = url("https://a.example/");
        let none = Hops::default().next(&from, StatusCode::OK, &HeaderMap::new());
        assert_eq!(none, Ok(None));
        let nowhere = Hops::default().next(&from, StatusCode::FOUND, &HeaderMap::new());
        assert_eq!(nowhere, Err(RedirectError::Nowhere));
    }
}
