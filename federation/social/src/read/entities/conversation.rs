//! Conversations.

use serde::Serialize;

use super::{Account, Shared, Status};
use crate::PostId;

/// A thread of direct posts.
#[derive(Clone, Debug, Serialize)]
pub struct Conversation {
    /// The thread's id: that of its first known post.
    pub id: PostId,
    /// Whether something in it is unread.
    pub unread: bool,
    /// Who takes part, without the asker.
    pub accounts: Vec<Shared<Account>>,
    /// Its newest post.
    pub last_status: Status,
}
