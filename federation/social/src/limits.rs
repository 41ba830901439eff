//! The limits of what people write: commands hold them, and `/api/v2/instance` tells apps the same
//! numbers. (Those that an operator sets are in [`SocialSettings`](crate::SocialSettings).)

use std::ops::RangeInclusive;

/// Options of a poll, at least and at most, as Mastodon has it.
pub(crate) const POLL_OPTIONS: RangeInclusive<usize> = 2..=4;
/// Longest option of a poll, in characters.
pub(crate) const POLL_OPTION_CHARACTERS: usize = 50;
/// How long a poll runs, in seconds: five minutes to a month.
pub(crate) const POLL_SECONDS: RangeInclusive<u64> = 300..=2_629_746;
/// What every link in a post counts, in characters.
pub(crate) const LINK_CHARACTERS: usize = 23;
/// Posts that an account pins.
pub(crate) const PINNED_POSTS: usize = 5;
/// Fields of a profile.
pub(crate) const PROFILE_FIELDS: usize = 8;
/// Longest description of a file, in characters, as Mastodon has it.
pub(crate) const DESCRIPTION_CHARACTERS: usize = 1_500;
/// Most pixels of a picture that is read (Mastodon: 7,680 × 4,320), checked before it is decoded.
pub(crate) const PICTURE_PIXELS: u64 = 33_177_600;
/// Longest side of a picture that is read, in pixels: long screenshots pass, and what no program
/// shows, yet makes every change of size costly, does not.
pub(crate) const PICTURE_SIDE: u32 = 32_768;
/// What apps should make of a video before they upload it. Videos are stored as they come, so this
/// is advice; their size in bytes is what is checked.
pub(crate) const VIDEO_FRAMES_A_SECOND: u32 = 120;
/// Filters of an account.
pub(crate) const FILTERS: i64 = 100;
/// Longest title of a filter, in characters, as Mastodon has it.
pub(crate) const FILTER_TITLE_CHARACTERS: usize = 256;
/// Longest word or phrase of a filter, in characters, as Mastodon has it.
pub(crate) const FILTER_KEYWORD_CHARACTERS: usize = 512;
/// Words of a filter.
pub(crate) const FILTER_KEYWORDS: i64 = 200;
/// Characters of all words of a filter.
pub(crate) const FILTER_CHARACTERS: i64 = 10_000;
/// Posts of a filter.
pub(crate) const FILTER_POSTS: i64 = 1_000;
/// Pixels of a video, advice too.
pub(crate) const VIDEO_PIXELS: u64 = 3_840 * 2_160;
