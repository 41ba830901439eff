//! What each change makes untrue.

use spine::{Event, EventData};

use super::epochs::{Slot, Thing};
use crate::events::{
    AccountChanged, FilterChanged, PostDeleted, PostEdited, PostReacted, PostStored,
    RelationshipChanged,
};
use crate::{AccountId, PostId, Social};

/// What a change makes untrue. Made from the change's event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalidation(Vec<Thing>);

impl Invalidation {
    fn post(mut self, post: impl Into<Option<PostId>>) -> Self {
        self.0.extend(post.into().map(Thing::Post));
        self
    }

    fn account(mut self, account: AccountId) -> Self {
        self.0.push(Thing::Account(account));
        self
    }

    fn viewer(mut self, viewer: AccountId) -> Self {
        self.0.push(Thing::Viewer(viewer));
        self
    }
}

impl From<&PostStored> for Invalidation {
    fn from(event: &PostStored) -> Self {
        let mut made = Self::default()
            .post(event.post)
            .post(event.boost_of)
            .post(event.in_reply_to)
            .account(event.author)
            .viewer(event.author);
        made.0.push(Thing::Address(event.uri.clone()));
        made.0.extend(event.home.iter().copied().map(Thing::Viewer));
        made
    }
}

impl From<&PostEdited> for Invalidation {
    fn from(event: &PostEdited) -> Self {
        Self::default().post(event.post)
    }
}

impl From<&PostDeleted> for Invalidation {
    fn from(event: &PostDeleted) -> Self {
        Self::default()
            .post(event.post)
            .post(event.boost_of)
            .post(event.in_reply_to)
            .account(event.author)
            .viewer(event.author)
    }
}

impl From<&PostReacted> for Invalidation {
    fn from(event: &PostReacted) -> Self {
        Self::default().post(event.post).viewer(event.account)
    }
}

impl From<&AccountChanged> for Invalidation {
    fn from(event: &AccountChanged) -> Self {
        let mut made = Self::default().account(event.account).viewer(event.account);
        made.0.push(Thing::Profile(event.account));
        made
    }
}

impl From<&RelationshipChanged> for Invalidation {
    fn from(event: &RelationshipChanged) -> Self {
        Self::default()
            .account(event.account)
            .account(event.target)
            .viewer(event.account)
            .viewer(event.target)
    }
}

impl From<&FilterChanged> for Invalidation {
    fn from(event: &FilterChanged) -> Self {
        let mut made = Self::default().viewer(event.account);
        made.0.push(Thing::Filters(event.account));
        made
    }
}

/// What an event says about the caches.
pub(super) enum Told {
    /// These things changed.
    Changed(Invalidation),
    /// Something changed, and what is no longer readable.
    Unknown,
    /// Nothing that is cached changed.
    Nothing,
}

/// What this event makes untrue.
pub(super) fn told_by(event: &Event) -> Told {
    fn read<E: EventData>(event: &Event) -> Told
    where
        for<'e> Invalidation: From<&'e E>,
    {
        match event.read::<E>() {
            Ok(Some(data)) => Told::Changed(Invalidation::from(&data)),
            // Erased before it was read here.
            Ok(None) => Told::Unknown,
            Err(error) => {
                tracing::error!(event.id = %event.id, event.kind = %event.kind, %error, "an event could not be read");
                Told::Unknown
            }
        }
    }
    match &*event.kind {
        PostStored::TYPE => read::<PostStored>(event),
        PostEdited::TYPE => read::<PostEdited>(event),
        PostDeleted::TYPE => read::<PostDeleted>(event),
        PostReacted::TYPE => read::<PostReacted>(event),
        FilterChanged::TYPE => read::<FilterChanged>(event),
        AccountChanged::TYPE => read::<AccountChanged>(event),
        RelationshipChanged::TYPE => read::<RelationshipChanged>(event),
        _ => Told::Nothing,
    }
}

impl Social {
    /// Drops what a committed change made untrue. Call it right after the commit and before
    /// answering, with the event that was recorded (`social.invalidate(&event)`): the same process
    /// then reads its own writes. Other processes follow when the event reaches them.
    pub fn invalidate(&self, change: impl Into<Invalidation>) {
        let Invalidation(things) = change.into();
        self.0.cache.epochs().touch(things.iter().map(Slot::from));
    }

    /// Drops everything that is cached: for changes that concern everyone (a blocked domain of the
    /// whole node) and after missed events.
    pub fn forget_cached(&self) {
        self.0.cache.epochs().touch_everything();
    }
}
