//! What clients read most, kept in memory until an event makes it untrue.

use spine::Clock;

use crate::events::{
    AccountChanged, PostDeleted, PostEdited, PostReacted, PostStored, RelationshipChanged,
};
use crate::{AccountId, PostId, Social};

/// What a change makes untrue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalidation {
    posts: Vec<PostId>,
    accounts: Vec<AccountId>,
    viewers: Vec<AccountId>,
}

impl From<&PostStored> for Invalidation {
    fn from(event: &PostStored) -> Self {
        todo!()
    }
}

impl From<&PostEdited> for Invalidation {
    fn from(event: &PostEdited) -> Self {
        todo!()
    }
}

impl From<&PostDeleted> for Invalidation {
    fn from(event: &PostDeleted) -> Self {
        todo!()
    }
}

impl From<&PostReacted> for Invalidation {
    fn from(event: &PostReacted) -> Self {
        todo!()
    }
}

impl From<&AccountChanged> for Invalidation {
    fn from(event: &AccountChanged) -> Self {
        todo!()
    }
}

impl From<&RelationshipChanged> for Invalidation {
    fn from(event: &RelationshipChanged) -> Self {
        todo!()
    }
}

/// The caches of one process.
pub(crate) struct ReadCache {}

impl ReadCache {
    pub fn new(clock: Clock) -> Self {
        Self {}
    }
}

impl Social {
    /// Drops what a committed change made untrue. Call it right after the commit and before
    /// answering, with the event that was recorded (`social.invalidate(&event)`): the same process
    /// then reads its own writes. Other processes follow when the event reaches them.
    pub fn invalidate<'e, E>(&self, event: &'e E)
    where
        Invalidation: From<&'e E>,
    {
        todo!()
    }
}
