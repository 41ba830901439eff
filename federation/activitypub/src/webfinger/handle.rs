//! Handles: `user@host`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use url::Url;

/// Characters of the local part; Mastodon allows 30 to its own people and 2048 to others.
const MAX_USER_LENGTH: usize = 2048;

/// The text is not a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// Not of the form `user@host`.
    #[error("a handle has the form user@host")]
    Form,
    /// The local part holds characters that no handle has.
    #[error("the handle's user name is not valid")]
    User,
    /// The part behind the at sign is not a host.
    #[error("the handle's host is not valid")]
    Host,
}

/// A handle. The host is kept in ASCII and lower case; user names are compared without regard to
/// case, yet kept as they were written.
#[derive(Debug, Clone)]
pub struct Handle {
    user: String,
    host: String,
}

impl Handle {
    /// Reads `user@host`, `@user@host` or `acct:user@host`. A host may have a port, as test servers
    /// do.
    pub fn parse(text: &str) -> Result<Self, HandleError> {
        let text = text.trim();
        let text = match text.get(..5) {
            Some(scheme) if scheme.eq_ignore_ascii_case("acct:") => &text[5..],
            _ => text,
        };
        let text = text.strip_prefix('@').unwrap_or(text);
        let (user, host) = text.split_once('@').ok_or(HandleError::Form)?;
        Self::new(user, host)
    }

    /// Puts a handle together.
    pub fn new(user: &str, host: &str) -> Result<Self, HandleError> {
        let allowed = |character: char| {
            character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '~')
        };
        if user.is_empty() || user.len() > MAX_USER_LENGTH || !user.chars().all(allowed) {
            return Err(HandleError::User);
        }
        Ok(Self { user: user.to_owned(), host: normalise_host(host)? })
    }

    /// The local part, as it was written.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The host in ASCII and lower case, with its port if that is not 443.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `acct:user@host`, as WebFinger writes it.
    pub fn acct_uri(&self) -> String {
        format!("acct:{self}")
    }
}

/// Lets the URL parser do what browsers do: IDNA, case, odd spellings of addresses.
fn normalise_host(host: &str) -> Result<String, HandleError> {
    let odd = |character: char| {
        matches!(character, '/' | '?' | '#' | '@' | '\\') || character.is_whitespace()
    };
    if host.is_empty() || host.contains(odd) {
        return Err(HandleError::Host);
    }
    let url = Url::parse(&format!("https://{}/", host.trim_end_matches('.')))
        .map_err(|_| HandleError::Host)?;
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    if authority.is_empty() { Err(HandleError::Host) } else { Ok(authority.to_owned()) }
}

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        self.host == other.host && self.user.to_lowercase() == other.user.to_lowercase()
    }
}

impl Eq for Handle {}

impl Hash for Handle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.host.hash(state);
        self.user.to_lowercase().hash(state);
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.user, self.host)
    }
}

impl FromStr for Handle {
    type Err = HandleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_read_in_all_spellings() {
        for text in [
            "Alice@a.example",
            "@alice@A.Example",
            "acct:alice@a.example",
            "ACCT:@alice@a.example.",
            " alice@a.example:443 ",
        ] {
            let handle = Handle::parse(text).unwrap();
            assert_eq!(handle, Handle::new("alice", "a.example").unwrap(), "{text}");
        }
        assert_eq!(Handle::parse("@Alice@a.example").unwrap().to_string(), "Alice@a.example");
        assert_eq!(Handle::parse("a@b.example").unwrap().acct_uri(), "acct:a@b.example");
    }

    #[test]
    fn international_hosts_become_ascii() {
        let handle = Handle::parse("käthe@bücher.example").unwrap();
        assert_eq!(handle.host(), "xn--bcher-kva.example");
        assert_eq!(handle.user(), "käthe");
    }

    #[test]
    fn a_port_stays() {
        assert_eq!(Handle::parse("a@127.0.0.1:8080").unwrap().host(), "127.0.0.1:8080");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "alice",
            "@alice",
            "alice@",
            "@@a.example",
            "a b@a.example",
            "a@b@c.example",
            "a@b.example/path",
            "a/../b@c.example",
            "a@b.example?x",
            "a@b c",
            "a@:80",
        ] {
            assert!(Handle::parse(text).is_err(), "{text}");
        }
    }
}
