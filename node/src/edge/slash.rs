//! Slashes at the end of an API address, which Mastodon ignores and some clients (Mastodon.py) write.

use http::{Request, Uri};

/// Removes the slashes at the end of an address of the client API or of OAuth, before anything looks
/// at it. Documents keep theirs: other servers sign the address as they write it.
pub fn remove_from_api<B>(request: &mut Request<B>) {
    if let Some(uri) = without_last_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
}

/// The address without it; `None` where there is nothing to change.
fn without_last_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.ends_with('/') || !(path.starts_with("/api/") || path.starts_with("/oauth/")) {
        return None;
    }
    let path = path.trim_end_matches('/');
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}").parse(),
        None => path.parse(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn becomes(address: &str) -> String {
        let mut request = Request::get(address).body(()).unwrap();
        remove_from_api(&mut request);
        request.uri().to_string()
    }

    #[test]
    fn the_api_knows_no_slash_at_the_end() {
        assert_eq!(becomes("/api/v1/instance/"), "/api/v1/instance");
        assert_eq!(becomes("/api/v2/search//?q=a/&limit=1"), "/api/v2/search?q=a/&limit=1");
        assert_eq!(becomes("/oauth/token/"), "/oauth/token");
        assert_eq!(becomes("https://a.example/api/v1/apps/"), "https://a.example/api/v1/apps");
        assert_eq!(becomes("/api/v1/instance"), "/api/v1/instance");
    }

    #[test]
    fn what_other_servers_may_have_signed_stays_as_it_is() {
        for address in ["/", "/inbox/", "/users/ada/", "/apiary/", "/.well-known/webfinger/?x=/"] {
            assert_eq!(becomes(address), address);
        }
    }
}
