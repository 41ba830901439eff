//! OAuth scopes as Mastodon names them, and those of the Sovereign API. `read` and `write` do not cover the
//! latter: an app for posts sees nothing of the household's data.

use std::fmt;

/// Every scope that can be asked for.
const KNOWN: &[&str] = &[
    "read",
    "read:accounts",
    "read:blocks",
    "read:bookmarks",
    "read:favourites",
    "read:filters",
    "read:follows",
    "read:lists",
    "read:mutes",
    "read:notifications",
    "read:search",
    "read:statuses",
    "write",
    "write:accounts",
    "write:blocks",
    "write:bookmarks",
    "write:conversations",
    "write:favourites",
    "write:filters",
    "write:follows",
    "write:lists",
    "write:media",
    "write:mutes",
    "write:notifications",
    "write:reports",
    "write:statuses",
    "follow",
    "push",
    "profile",
    "admin:read",
    "admin:write",
    "sovereign:read",
    "sovereign:write",
    "sovereign:admin",
];

/// What finer scopes than [`KNOWN`] begin with: an admin's, and those of the Sovereign API.
const FAMILIES: &[&str] =
    &["admin:read:", "admin:write:", "sovereign:read:", "sovereign:write:", "sovereign:admin:"];

/// What the old scope `follow` stands for (Mastodon, api/oauth-scopes).
const FOLLOW: &[&str] =
    &["read:blocks", "read:follows", "read:mutes", "write:blocks", "write:follows", "write:mutes"];

/// A set of scopes, each known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Reads a list separated by spaces or plus signs; an empty one is `read`. `None`: one of them
    /// is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        let mut scopes: Vec<String> = Vec::new();
        for scope in text.split([' ', '+', ',']).filter(|scope| !scope.is_empty()) {
            // Finer scopes of these are asked for by some apps; the broad ones cover them.
            let known = KNOWN.contains(&scope) || FAMILIES.iter().any(|f| scope.starts_with(f));
            if !known {
                return None;
            }
            if !scopes.iter().any(|have| have == scope) {
                scopes.push(scope.to_owned());
            }
        }
        if scopes.is_empty() {
            scopes.push("read".to_owned());
        }
        Some(Self(scopes))
    }

    /// As the database keeps them.
    pub fn from_stored(scopes: Vec<String>) -> Self {
        Self(scopes)
    }

    /// Whether these scopes let a call that needs `scope` pass: by name, by the broad scope it is
    /// part of (`write` for `write:statuses`), or by `follow`.
    pub fn allow(&self, scope: &str) -> bool {
        self.0.iter().any(|have| {
            have == scope
                || scope.strip_prefix(have.as_str()).is_some_and(|rest| rest.starts_with(':'))
                || (have == "follow" && FOLLOW.contains(&scope))
                || (scope == "profile" && (have == "read" || have == "read:accounts"))
        })
    }

    /// Whether every one of these is allowed by `granted`.
    pub fn within(&self, granted: &Self) -> bool {
        self.0.iter().all(|scope| granted.allow(scope))
    }

    /// The names, as a slice.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Every scope there is, for the metadata document.
    pub fn known() -> &'static [&'static str] {
        KNOWN
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broad_scope_covers_its_parts_and_nothing_else() {
        let scopes = Scopes::parse("read follow").unwrap();
        assert!(scopes.allow("read:statuses"));
        assert!(scopes.allow("write:blocks"));
        assert!(!scopes.allow("write:statuses"));
        assert!(!Scopes::parse("read:statuses").unwrap().allow("read"));
        assert!(!Scopes::parse("read").unwrap().allow("readiness"));
    }

    #[test]
    fn unknown_scopes_are_refused_and_none_means_read() {
        assert_eq!(Scopes::parse("read everything"), None);
        assert_eq!(Scopes::parse("").unwrap().to_string(), "read");
        assert_eq!(Scopes::parse("read+write read").unwrap().to_string(), "read write");
    }

    #[test]
    fn a_request_must_stay_within_what_the_app_registered() {
        let registered = Scopes::parse("read write").unwrap();
        assert!(Scopes::parse("read:accounts write:media").unwrap().within(&registered));
        assert!(!Scopes::parse("read push").unwrap().within(&registered));
    }
}
