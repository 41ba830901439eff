//! Posts and boosts: stored, edited, deleted.

mod insert;
mod place;
mod stored;

pub use insert::{adopt, insert, remote_id};
pub use stored::{
    Application, Attachment, Distribution, Inserted, Mention, Outcome, PollOption, RemoteMedia,
    ReplyTo, StoredPoll, StoredPost,
};
