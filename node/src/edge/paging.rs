//! `Link` headers (RFC 8288): the way from one page to the next.
//!
//! Old clients take the first link for the next page, so `next` comes first. Every parameter of the
//! call but the cursors is kept. The last page has no `next`, or clients would go in circles.

use http::{HeaderValue, Uri, header};
use social::read::Links;

/// Parameters that a neighbour's address sets anew.
const CURSORS: [&str; 4] = ["max_id", "min_id", "since_id", "offset"];

/// The header for a call to `uri` on this origin (without a slash at its end); `None` where there
/// is nothing to link to.
pub fn link_header(
    origin: &str,
    uri: &Uri,
    links: Links,
) -> Option<(header::HeaderName, HeaderValue)> {
    let kept: String = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter(|pair| !CURSORS.contains(&pair.split('=').next().unwrap_or_default()))
        .flat_map(|pair| [pair, "&"])
        .collect();
    let link = |parameter: &str, id, relation: &str| {
        format!("<{origin}{path}?{kept}{parameter}={id}>; rel=\"{relation}\"", path = uri.path())
    };
    let links: Vec<String> = [
        links.next.map(|id| link("max_id", id, "next")),
        links.prev.map(|id| link("min_id", id, "prev")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if links.is_empty() {
        return None;
    }
    // A request's address holds only characters that a header may hold.
    let value = HeaderValue::try_from(links.join(", ")).ok()?;
    Some((header::LINK, value))
}

#[cfg(test)]
mod tests {
    use social::read::Cursor;

    use super::*;

    fn link(uri: &str, next: Option<i64>, prev: Option<i64>) -> Option<String> {
        let links = Links { next: next.map(Cursor::at), prev: prev.map(Cursor::at) };
        link_header("https://a.example", &uri.parse().unwrap(), links)
            .map(|(_, value)| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn next_comes_first_and_parameters_stay() {
        let uri = "/api/v1/timelines/public?local=true&max_id=9&tag%5B%5D=a%20b&limit=2";
        assert_eq!(
            link(uri, Some(5), Some(8)).unwrap(),
            "<https://a.example/api/v1/timelines/public?local=true&tag%5B%5D=a%20b&limit=2&max_id=5>; rel=\"next\", \
             <https://a.example/api/v1/timelines/public?local=true&tag%5B%5D=a%20b&limit=2&min_id=8>; rel=\"prev\""
        );
    }

    #[test]
    fn the_last_page_has_no_next() {
        assert_eq!(
            link("/x", None, Some(8)).unwrap(),
            "<https://a.example/x?min_id=8>; rel=\"prev\""
        );
        assert_eq!(link("/x", None, None), None);
    }
}
