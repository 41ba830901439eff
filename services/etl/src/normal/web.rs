//! Mail addresses and addresses of the web.

use url::Url;

/// The longest address of the web that is kept.
const LONGEST_URL: usize = 2_000;

/// A mail address in lower case; `None` where the text is none.
pub(crate) fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = text.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:"));
    let text = bare.map_or(text, |_| text[7..].split('?').next().unwrap_or_default());
    let (local, domain) = text.rsplit_once('@')?;
    let fits = (1..=64).contains(&local.len())
        && (1..=255).contains(&domain.len())
        && !local.contains('@')
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-']);
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>()[]\",:;\\".contains(c);
    (fits && text.chars().all(plain)).then(|| text.to_lowercase())
}

/// The domain of a mail address.
pub(crate) fn email_domain(text: &str) -> Option<String> {
    let email = email(text)?;
    email.rsplit_once('@').map(|(_, domain)| domain.to_owned())
}

fn parsed(text: &str) -> Option<Url> {
    let text = text.trim();
    if text.len() > LONGEST_URL {
        return None;
    }
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// An address of the web in its normal form, without a password in it; `None` where the text is none, or
/// leads to a program rather than to a page (`javascript:`).
pub(crate) fn url(text: &str) -> Option<String> {
    let mut url = parsed(text)?;
    if !url.username().is_empty() || url.password().is_some() {
        url.set_password(None).ok()?;
        url.set_username("").ok()?;
    }
    let url = String::from(url);
    (url.len() <= LONGEST_URL).then_some(url)
}

/// The host of an address of the web.
pub(crate) fn host(text: &str) -> Option<String> {
    parsed(text)?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_in_lower_case() {
        assert_eq!(email(" Ada@Example.ORG ").as_deref(), Some("ada@example.org"));
        assert_eq!(email("MAILTO:ada@example.org?subject=x").as_deref(), Some("ada@example.org"));
        assert_eq!(email_domain("a@b.example").as_deref(), Some("b.example"));
        for text in [
            "",
            "@",
            "a@",
            "/O=EXCHANGELABS/CN=ADA",
            "a b@c",
            "a@b@c",
            "a@-b",
            "ä:a@b",
            "Ada <a@b>",
        ] {
            assert_eq!(email(text), None, "{text}");
        }
    }

    #[test]
    fn only_pages_of_the_web_are_addresses() {
        assert_eq!(url("HTTPS://Example.ORG/a b").as_deref(), Some("https://example.org/a%20b"));
        assert_eq!(url("https://me:secret@example.org/").as_deref(), Some("https://example.org/"));
        assert_eq!(host("https://Example.org:8080/x").as_deref(), Some("example.org"));
        for text in ["javascript:alert(1)", "data:text/html,x", "/relative", "https://", ""] {
            assert_eq!(url(text), None, "{text}");
        }
    }
}
