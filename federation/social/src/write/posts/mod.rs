//! Posts and boosts: stored, edited, deleted.

mod admit;
mod delete;
mod edit;
mod insert;
mod place;
mod stored;

pub use admit::admit;
pub use delete::{DeletedPost, delete};
pub use edit::{EditedPost, edit};
pub use insert::{adopt, insert, remote_id};
pub use stored::{
    Application, Attachment, Distribution, Inserted, MediaChange, Mention, Outcome, PollOption,
    RemoteMedia, ReplyTo, StoredPoll, StoredPost,
};
