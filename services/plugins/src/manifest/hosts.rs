//! Which hosts a plugin may talk to.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use url::{Host, Url};

/// An entry of a manifest's `hosts`.
///
/// - `graph.microsoft.com`: this host, on the usual port of its scheme; `host:8443` on that port.
/// - `*.example.org`: every host below it, not itself.
/// - `*`: every host that has a public address.
/// - `config:/base_url`: the host and port of the account's configuration value at this JSON pointer
///   (a URL, a host, or a list of such).
///
/// Whether the host has a public address is a matter of its own: see the grant's `networks`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// One host.
    Exactly {
        /// Its name, in lower case.
        host: String,
        /// The port, where it is not the usual one.
        port: Option<u16>,
    },
    /// Whatever ends in this name, which begins with a dot.
    Below(String),
    /// Any.
    Any,
    /// What the account's configuration says here (RFC 6901).
    Configured(String),
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let strange = || {
            let text: String = text.chars().take(80).collect();
            format!(
                "the host {text:?} is none of `name`, `name:port`, `*.name`, `*`, `config:/pointer`"
            )
        };
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(pointer) = text.strip_prefix("config:") {
            let is_pointer = pointer.starts_with('/') && (2..=200).contains(&pointer.len());
            return if is_pointer {
                Ok(Self::Configured(pointer.to_owned()))
            } else {
                Err(strange())
            };
        }
        if let Some(name) = text.strip_prefix("*.") {
            // `*.com` would be nearly everything, under a name that looks narrow.
            return match domain(name) {
                Some(name) if name.contains('.') => Ok(Self::Below(format!(".{name}"))),
                _ => Err(strange()),
            };
        }
        let origin = authority(text).ok_or_else(strange)?;
        Ok(Self::Exactly { host: origin.host, port: origin.port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly { host, port: None } => f.write_str(host),
            Self::Exactly { host, port: Some(port) } => write!(f, "{host}:{port}"),
            Self::Below(name) => write!(f, "*{name}"),
            Self::Any => f.write_str("*"),
            Self::Configured(pointer) => write!(f, "config:{pointer}"),
        }
    }
}

impl HostPattern {
    /// Whether a request to this address passes, for an account with this configuration.
    pub fn admits(&self, url: &Url, config: &Value) -> bool {
        let Some(host) = url.host_str().map(plain) else { return false };
        match self {
            Self::Any => true,
            Self::Exactly { host: wanted, port } => {
                *wanted == host && url.port() == port.filter(|port| Some(*port) != usual_port(url))
            }
            Self::Below(name) => {
                url.port().is_none()
                    && matches!(url.host(), Some(Host::Domain(_)))
                    && host.ends_with(name)
            }
            Self::Configured(pointer) => {
                let wanted = Origin { host, port: url.port_or_known_default() };
                match config.pointer(pointer) {
                    Some(Value::String(text)) => {
                        Origin::of_text(text).is_some_and(|o| o.is(&wanted))
                    }
                    Some(Value::Array(texts)) => texts
                        .iter()
                        .filter_map(Value::as_str)
                        .filter_map(Origin::of_text)
                        .any(|origin| origin.is(&wanted)),
                    _ => false,
                }
            }
        }
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The host, in lower case.
    pub host: String,
    /// The port; none: the usual one.
    pub port: Option<u16>,
}

impl Origin {
    /// Of a URL, or of `host` or `host:port`.
    fn of_text(text: &str) -> Option<Self> {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "https" | "http" | "webcal") && url.has_host() => {
                let port = url.port_or_known_default();
                Some(Self { host: url.host_str().map(plain)?, port })
            }
            _ => authority(text),
        }
    }

    fn is(&self, wanted: &Self) -> bool {
        let port = self.port.or(Some(443));
        self.host == wanted.host && port == wanted.port
    }
}

/// `host` or `host:port`.
fn authority(text: &str) -> Option<Origin> {
    let url = Url::parse(&format!("https://{text}/")).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let bare = bare && url.username().is_empty() && url.password().is_none();
    let host = url.host_str().map(plain)?;
    // Whatever the parser had to change was not a host's name as people write it.
    let written = match text.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    };
    let same = written.eq_ignore_ascii_case(&host);
    (bare && same && !host.contains('*')).then(|| Origin { host, port: url.port() })
}

fn domain(text: &str) -> Option<String> {
    match Host::parse(text) {
        Ok(Host::Domain(name)) if name.eq_ignore_ascii_case(text) && !name.contains('*') => {
            Some(name)
        }
        _ => None,
    }
}

fn usual_port(url: &Url) -> Option<u16> {
    match url.scheme() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

/// `example.org.` is the same host as `example.org`.
fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn admits(pattern: &str, url: &str) -> bool {
        let config = json!({
            "base_url": "https://cloud.example:8443/remote",
            "feeds": ["https://a.example/feed", "webcal://b.example/x"],
            "host": "c.example",
        });
        pattern.parse::<HostPattern>().unwrap().admits(&Url::parse(url).unwrap(), &config)
    }

    #[test]
    fn a_named_host_is_that_host_on_its_usual_port() {
        assert!(admits("graph.microsoft.com", "https://GRAPH.microsoft.com/v1.0/me"));
        assert!(admits("graph.microsoft.com", "https://graph.microsoft.com.:443/"));
        assert!(!admits("graph.microsoft.com", "https://graph.microsoft.com:8443/"));
        assert!(!admits("graph.microsoft.com", "https://graph.microsoft.com.evil.example/"));
        assert!(!admits("graph.microsoft.com", "https://evil.example/?graph.microsoft.com"));
        assert!(admits("a.example:8443", "https://a.example:8443/"));
        assert!(!admits("a.example:8443", "https://a.example/"));
    }

    #[test]
    fn a_wildcard_covers_what_is_below_it_only() {
        assert!(admits("*.example.org", "https://a.b.example.org/"));
        assert!(!admits("*.example.org", "https://example.org/"));
        assert!(!admits("*.example.org", "https://badexample.org/"));
        assert!(admits("*", "https://anything.example:1234/"));
    }

    #[test]
    fn a_configured_host_is_what_the_account_says() {
        assert!(admits("config:/base_url", "https://cloud.example:8443/other"));
        assert!(!admits("config:/base_url", "https://cloud.example/other"));
        assert!(admits("config:/feeds", "https://a.example/feed2"));
        assert!(!admits("config:/feeds", "https://d.example/"));
        assert!(admits("config:/host", "https://c.example/"));
        assert!(!admits("config:/nothing", "https://c.example/"));
    }

    #[test]
    fn strange_patterns_are_refused() {
        for text in [
            "",
            "*.com",
            "a.*",
            "https://a.example",
            "a.example/x",
            "config:x",
            "a b",
            "u@a.example",
            "*.*",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }
}
