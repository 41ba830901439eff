//! Scopes in plain words, for the authorize page.

use identity::Scopes;

/// What an app with these scopes can do, a line each.
pub fn in_plain_words(scopes: &Scopes) -> Vec<&'static str> {
    const WORDS: &[(&str, &str)] = &[
        ("read:accounts", "see your profile and those of others"),
        ("read:statuses", "read your timelines, also posts for followers only and direct ones"),
        ("read:notifications", "read your notifications"),
        ("read:search", "search for you"),
        ("read:bookmarks", "see what you bookmarked and marked as favourite"),
        ("write:statuses", "post, edit and delete in your name"),
        ("write:media", "upload pictures and files"),
        ("write:favourites", "favourite and bookmark for you"),
        ("write:accounts", "change your profile"),
        ("write:follows", "follow and unfollow people for you"),
        ("write:blocks", "block and mute people for you"),
        ("write:reports", "report posts for you"),
        ("push", "get push messages about your account"),
        ("admin:read", "see what only admins see"),
        ("admin:write", "act as an admin"),
    ];
    let mut words: Vec<_> =
        WORDS.iter().filter(|(scope, _)| scopes.allow(scope)).map(|(_, words)| *words).collect();
    if words.is_empty() {
        words.push("see who you are");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_alone_promises_no_writing() {
        let words = in_plain_words(&Scopes::parse("read").unwrap());
        assert!(words.iter().any(|line| line.contains("timelines")));
        assert!(!words.iter().any(|line| line.contains("post, edit")));
        assert_eq!(in_plain_words(&Scopes::parse("profile").unwrap()), ["see who you are"]);
    }
}
