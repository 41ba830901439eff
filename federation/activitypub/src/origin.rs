//! Who may speak for whom on the web: the origin (FEP-fe34).

use url::Url;

/// Whether two URLs share scheme, host and port. Only then can one vouch for the other: an object
/// for its attribution, an actor for its key.
pub fn same_origin(left: &Url, right: &Url) -> bool {
    left.scheme() == right.scheme()
        && left.host() == right.host()
        && left.port_or_known_default() == right.port_or_known_default()
}

/// Whether two URLs name the same document: equal but for the fragment.
pub fn same_document(left: &Url, right: &Url) -> bool {
    let without_fragment = |url: &Url| {
        let mut url = url.clone();
        url.set_fragment(None);
        url
    };
    without_fragment(left) == without_fragment(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn scheme_host_and_port_make_an_origin() {
        let here = url("https://a.example/users/x");
        for same in ["https://a.example/", "https://A.example:443/y#z", "https://a.example?q"] {
            assert!(same_origin(&here, &url(same)), "{same}");
        }
        for other in ["http://a.example/", "https://b.a.example/", "https://a.example:8443/"] {
            assert!(!same_origin(&here, &url(other)), "{other}");
        }
    }

    #[test]
    fn a_fragment_stays_inside_its_document() {
        assert!(same_document(&url("https://a.example/x#key"), &url("https://a.example/x")));
        assert!(!same_document(&url("https://a.example/x?a"), &url("https://a.example/x")));
    }
}
