//! Live streams: which open connections an event concerns, and what each is told.

use spine::Event;

use crate::{AccountId, ListId, Social, SocialError};

/// A stream that a connection can listen to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Home timeline and notifications of the connection's own account.
    User,
    /// Notifications of the connection's own account.
    UserNotification,
    /// Public posts.
    Public {
        /// Whose.
        origin: Origin,
        /// Only with attachments.
        only_media: bool,
    },
    /// Public posts with a hashtag, lower case and without `#`.
    Hashtag {
        /// Its name.
        name: String,
        /// Only ours.
        local: bool,
    },
    /// Posts of a list's members.
    List(ListId),
    /// Direct posts.
    Direct,
}

/// Whose public posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Everyone's.
    All,
    /// Ours.
    Local,
    /// Others'.
    Remote,
}

impl Stream {
    /// The stream's name and parameter as clients know it: `["hashtag", "rust"]`.
    pub fn names(&self) -> Vec<String> {
        todo!()
    }

    /// The stream that a client asks for by name, with its `tag` or `list` parameter.
    pub fn parse(name: &str, tag: Option<&str>, list: Option<&str>) -> Option<Self> {
        todo!()
    }
}

/// One connection's interest in one stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subscription {
    /// Who listens.
    pub viewer: AccountId,
    /// To what.
    pub stream: Stream,
}

/// What one subscription is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its place in the slice of subscriptions.
    pub subscription: usize,
    /// The message.
    pub message: StreamEvent,
}

/// A message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEvent {
    /// The stream's name and parameter, such as `["user"]` or `["hashtag", "rust"]`.
    pub stream: Vec<String>,
    /// `update`, `status.update`, `delete`, `notification`, `conversation`, `filters_changed`.
    pub event: &'static str,
    /// An entity's JSON, or an id; clients get it as a string inside the message.
    pub payload: String,
}

impl Social {
    /// Tells which of `subscriptions` an event concerns and renders what each is told, in a few
    /// statements however many listen. `subscriptions` should hold each pair once; the edge keeps
    /// the sockets and hands a message to each that has the pair.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stream_events(
        &self,
        event: &Event,
        subscriptions: &[Subscription],
    ) -> Result<Vec<Delivery>, SocialError> {
        todo!()
    }
}
