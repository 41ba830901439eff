//! Caps on what a document may hold; those with a name are Mastodon's.

/// Bytes of an id or link.
pub(super) const URL_BYTES: usize = 2048;
/// Characters of `preferredUsername`; a longer one is refused, not cut.
pub(super) const USERNAME: usize = 2048;
/// Characters of a display name, a poll option, a custom emoji's name.
pub(super) const NAME: usize = 2047;
/// Characters of an actor's biography.
pub(super) const BIOGRAPHY: usize = 20_000;
/// Profile fields, and characters of each half of one.
pub(super) const PROFILE_FIELDS: usize = 50;
/// Characters of a profile field's name and value.
pub(super) const PROFILE_FIELD: usize = 2047;
/// Keys of one actor.
pub(super) const KEYS: usize = 10;
/// Other accounts an actor says are the same person.
pub(super) const ALIASES: usize = 100;
/// Characters of a post's text.
pub(super) const CONTENT: usize = 200_000;
/// Characters of a content warning, a report's comment, a reaction.
pub(super) const SUMMARY: usize = 5_000;
/// Characters of an attachment's description.
pub(super) const DESCRIPTION: usize = 10_000;
/// Attachments of one post.
pub(super) const ATTACHMENTS: usize = 32;
/// Mentions, hashtags and emoji of one post.
pub(super) const TAGS: usize = 200;
/// Links in one `url` property.
pub(super) const LINKS: usize = 50;
/// Options of one poll.
pub(super) const POLL_OPTIONS: usize = 500;
/// Recipients of one activity.
pub(super) const RECIPIENTS: usize = 1_000;
/// Objects of one activity (a report names several).
pub(super) const OBJECTS: usize = 100;
/// Items of one collection page.
pub(super) const PAGE_ITEMS: usize = 1_000;
/// Characters of a type, a media type, a blurhash, a language tag.
pub(super) const TOKEN: usize = 200;
