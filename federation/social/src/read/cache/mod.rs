//! What clients read most, kept in memory until an event makes it untrue.
//!
//! Four caches, each bounded by weight: bodies of posts (the same for every viewer), accounts, whole
//! pages of home timelines as JSON, and what each viewer's filters hold back. What a viewer may see and has to do with a post is never
//! kept outside a page: it is read anew with every list.
//!
//! **How an entry becomes untrue.** Every entry names the *things* that it was made from (a post, an
//! account, an account's profile, a viewer, an address) and carries the *mark* at which its reading
//! began. A change touches its things with a newer mark. An entry holds as long as none of its
//! things was touched after its mark, so nothing has to be searched and removed, and a reader that
//! was overtaken by a change stores an entry that is already untrue. See [`epochs`].
//!
//! **Which event drops which entry.**
//!
//! | event | bodies of posts | accounts | pages of home |
//! |---|---|---|---|
//! | `PostStored` | the boosted post, the parent (numbers); replies that waited for this address | the author (numbers) | of `home`; those that show one of these |
//! | `PostEdited` | the post | | those that show it |
//! | `PostDeleted` | the post, the boosted post, the parent | the author | those that show one of these |
//! | `PostReacted` | the post (numbers, poll) | | those that show it; all of who reacted (flags) |
//! | `AccountChanged` | those that name it | the account; those that moved to it | those that show it; all of its own |
//! | `RelationshipChanged` | | both (numbers) | all of both |
//! | `FilterChanged` | | | all of whose filter it is; and those filters |
//!
//! Polls end, filters end and mutes run out without an event: a page says itself until when it holds, at most a
//! minute.
//!
//! **When.** In the process that made the change: before the command's answer, through
//! [`Social::invalidate`] right after the commit. Everywhere, also for changes that jobs made: when
//! the event arrives by [`spine::Spine::tail`]. A process that missed events forgets everything.

pub(crate) mod epochs;
mod follow;
mod invalidation;
mod store;

pub use invalidation::Invalidation;

pub(crate) use follow::follow;
pub(crate) use store::{PageKey, ReadCache};
