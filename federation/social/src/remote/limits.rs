//! How much of a stranger's document is kept, where that is less than what the vocabulary reads.
//! Longer texts are cut, longer lists end early.

/// Longest display name, in characters.
pub(crate) const DISPLAY_NAME: usize = 500;
/// Most aliases of an actor.
pub(crate) const ALIASES: usize = 32;
/// Longest content warning, in characters.
pub(crate) const SUMMARY: usize = 2_048;
/// Most people a post mentions or addresses.
pub(crate) const MENTIONS: usize = 256;
/// Most hashtags of a post.
pub(crate) const HASHTAGS: usize = 64;
/// Longest hashtag, in characters.
pub(crate) const HASHTAG_TEXT: usize = 128;
/// Most custom emojis of a post or a profile.
pub(crate) const EMOJIS: usize = 64;
/// Longest name of a custom emoji, in characters.
pub(crate) const EMOJI_TEXT: usize = 128;
/// Most attachments of a post.
pub(crate) const ATTACHMENTS: usize = 16;
/// Most options of a poll.
pub(crate) const POLL_OPTIONS: usize = 100;
/// Longest option of a poll, in characters.
pub(crate) const POLL_OPTION_TEXT: usize = 500;
/// Longest comment of a report, in characters.
pub(crate) const REPORT_COMMENT: usize = 5_000;
/// Most posts that a report names.
pub(crate) const REPORTED_POSTS: usize = 100;
/// Most pinned posts of an actor.
pub(crate) const PINNED: usize = 20;

/// The first `limit` characters of `text`.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => text[..end].to_owned(),
    }
}
