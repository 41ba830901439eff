//! Links, mentions and hashtags in plain text, found as Mastodon finds them.

use std::ops::Range;
use std::sync::LazyLock;

use linkify::{LinkFinder, LinkKind};
use regex::Regex;

/// Longest hashtag, in characters.
const MAX_HASHTAG: usize = 100;

/// Something in a text that is more than text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    /// A link, `http` or `https`.
    Link,
    /// `@user` or `@user@host`.
    Mention(MentionText),
    /// A hashtag, as written, without `#`.
    Hashtag(String),
}

/// A mention as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MentionText {
    /// The user name, lower case.
    pub username: String,
    /// The host as typed, lower case; `None` for someone here.
    pub host: Option<String>,
}

#[expect(clippy::unwrap_used, reason = "constant patterns, compiled in every test run")]
static MENTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)@([a-z0-9_]+(?:[a-z0-9_.-]*[a-z0-9_]+)?)(?:@([\w](?:[\w.-]*[\w])?(?::[0-9]{1,5})?))?",
    )
    .unwrap()
});
#[expect(clippy::unwrap_used, reason = "constant patterns, compiled in every test run")]
static HASHTAG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"#([\w\u{b7}\u{30fb}\u{200c}]+)").unwrap());

/// Everything in `text` that is more than text, in order, without overlaps; a link wins over what
/// is inside it.
pub fn find_entities(text: &str) -> Vec<(Range<usize>, Entity)> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]).url_must_have_scheme(true);
    let mut found: Vec<(Range<usize>, Entity)> = finder
        .links(text)
        .filter(|link| is_web(link.as_str()))
        .map(|link| (link.start()..link.end(), Entity::Link))
        .collect();
    let links = found.len();
    for captures in MENTION.captures_iter(text) {
        let (Some(whole), Some(user)) = (captures.get(0), captures.get(1)) else { continue };
        let forbidden = |before: char| before.is_alphanumeric() || "_=/@".contains(before);
        if text[..whole.start()].chars().next_back().is_some_and(forbidden) {
            continue;
        }
        let mention = MentionText {
            username: user.as_str().to_lowercase(),
            host: captures.get(2).map(|host| host.as_str().to_lowercase()),
        };
        add(&mut found, links, whole.range(), Entity::Mention(mention));
    }
    let before_hashtags = found.len();
    for captures in HASHTAG.captures_iter(text) {
        let (Some(whole), Some(name)) = (captures.get(0), captures.get(1)) else { continue };
        let forbidden = |before: char| before.is_alphanumeric() || "_=/)&#".contains(before);
        if text[..whole.start()].chars().next_back().is_some_and(forbidden) {
            continue;
        }
        let name = name.as_str().trim_end_matches(['\u{b7}', '\u{30fb}', '\u{200c}']);
        let is_number = !name.chars().any(char::is_alphabetic);
        if is_number || name.chars().count() > MAX_HASHTAG {
            continue;
        }
        let range = whole.start()..whole.start() + 1 + name.len();
        add(&mut found, before_hashtags, range, Entity::Hashtag(name.to_owned()));
    }
    found.sort_by_key(|(range, _)| range.start);
    found
}

/// Adds an entity unless one of the first `earlier` overlaps it.
fn add(
    found: &mut Vec<(Range<usize>, Entity)>,
    earlier: usize,
    range: Range<usize>,
    entity: Entity,
) {
    let overlaps = found[..earlier]
        .iter()
        .any(|(other, _)| range.start < other.end && other.start < range.end);
    if !overlaps {
        found.push((range, entity));
    }
}

fn is_web(link: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        link.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    })
}

/// Everyone whom `text` mentions, each once, in order.
pub fn mentions(text: &str) -> Vec<MentionText> {
    let mut all = Vec::new();
    for (_, entity) in find_entities(text) {
        if let Entity::Mention(mention) = entity
            && !all.contains(&mention)
        {
            all.push(mention);
        }
    }
    all
}

/// The hashtags of `text`, lower case, each once, in order.
pub fn hashtags(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (_, entity) in find_entities(text) {
        if let Entity::Hashtag(name) = entity {
            let name = name.to_lowercase();
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(username: &str, host: Option<&str>) -> MentionText {
        MentionText { username: username.to_owned(), host: host.map(str::to_owned) }
    }

    #[test]
    fn mentions_are_found_where_mastodon_finds_them() {
        for (text, expected) in [
            ("@alice", vec![mention("alice", None)]),
            (
                "Hi @Alice, and @bob@B.Example.",
                vec![mention("alice", None), mention("bob", Some("b.example"))],
            ),
            ("(@a@b.example)", vec![mention("a", Some("b.example"))]),
            ("@a@localhost:8080: hello", vec![mention("a", Some("localhost:8080"))]),
            ("@a@b.example: hello", vec![mention("a", Some("b.example"))]),
            ("mail me: x@y.example", vec![]),
            ("https://b.example/@alice", vec![]),
            ("@alice @alice", vec![mention("alice", None)]),
            ("@käthe@bücher.example", vec![mention("k", None)]),
            ("@k@bücher.example", vec![mention("k", Some("bücher.example"))]),
        ] {
            assert_eq!(mentions(text), expected, "{text}");
        }
    }

    #[test]
    fn hashtags_hold_a_letter_and_no_punctuation() {
        for (text, expected) in [
            ("#Rust is #rust", vec!["rust"]),
            ("#1 #2026 #c3po", vec!["c3po"]),
            ("#a, #b. (#c)", vec!["a", "b", "c"]),
            ("x#y &#39; https://a.example/#z", vec![]),
            ("#日本語", vec!["日本語"]),
            ("#snake_case #kebab-case", vec!["snake_case", "kebab"]),
        ] {
            assert_eq!(hashtags(text), expected, "{text}");
        }
    }

    #[test]
    fn a_link_ends_before_the_sentence_does() {
        let text = "See https://a.example/x?y=1#z. (Or http://b.example/(c)) ftp://d.example";
        let links: Vec<&str> = find_entities(text)
            .into_iter()
            .filter(|(_, entity)| *entity == Entity::Link)
            .map(|(range, _)| &text[range])
            .collect();
        assert_eq!(links, ["https://a.example/x?y=1#z", "http://b.example/(c)"]);
    }
}
