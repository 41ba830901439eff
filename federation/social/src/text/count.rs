//! How long a post is, as Mastodon counts: a link is 23 characters, a mention ends before its host.

use unicode_segmentation::UnicodeSegmentation;

use super::entities::{Entity, find_entities};
use crate::limits::LINK_CHARACTERS;

/// The length of a post in characters as a person sees them.
pub fn count_characters(text: &str) -> usize {
    let mut count = 0;
    let mut counted = 0;
    for (range, entity) in find_entities(text) {
        count += text[counted..range.start].graphemes(true).count();
        count += match entity {
            Entity::Link => LINK_CHARACTERS,
            Entity::Mention(mention) => 1 + mention.username.graphemes(true).count(),
            Entity::Hashtag(_) => text[range.clone()].graphemes(true).count(),
        };
        counted = range.end;
    }
    count + text[counted..].graphemes(true).count()
}

#[cfg(test)]
mod tests {
    use super::count_characters;

    #[test]
    fn links_and_hosts_do_not_count_in_full() {
        assert_eq!(count_characters("abc"), 3);
        assert_eq!(count_characters("👨‍👩‍👧 ä"), 3);
        assert_eq!(count_characters("https://a.example/a/very/long/path/that/goes/on x"), 25);
        assert_eq!(count_characters("@alice@a.very.long.host.example hi"), 9);
    }
}
