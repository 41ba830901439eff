//! Live streams: which open connections an event concerns, and what each is told.

mod names;
mod posts;

pub use names::{Origin, Stream};

use std::collections::HashMap;

use spine::{Event, EventData};

use crate::events::{FilterChanged, NotificationMade, PostDeleted, PostEdited, PostStored};
use crate::{AccountId, Social, SocialError};

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
    /// An entity's JSON, or an id; clients get it as a string inside the message. None where the
    /// event says it all.
    pub payload: Option<String>,
}

/// Subscriptions with their places in the caller's slice.
type Listeners<'a> = [(usize, &'a Subscription)];

impl Social {
    /// Tells which of `subscriptions` an event concerns and renders what each is told, in a few
    /// statements however many listen. `subscriptions` should hold each pair once; the edge keeps
    /// the sockets and hands a message to each that has the pair.
    ///
    /// The post is read as it is now: an update of a post that was deleted meanwhile is told to
    /// nobody. A deletion is told to everyone whose stream could have shown the post; it carries
    /// nothing but the id, and who could see the post is no longer known.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stream_events(
        &self,
        event: &Event,
        subscriptions: &[Subscription],
    ) -> Result<Vec<Delivery>, SocialError> {
        let listeners: Vec<(usize, &Subscription)> = subscriptions.iter().enumerate().collect();
        if listeners.is_empty() {
            return Ok(Vec::new());
        }
        match &*event.kind {
            PostStored::TYPE => match read::<PostStored>(event) {
                Some(stored) => self.tell_stored(&stored, &listeners).await,
                None => Ok(Vec::new()),
            },
            PostEdited::TYPE => match read::<PostEdited>(event) {
                Some(edited) => self.tell_edited(&edited, &listeners).await,
                None => Ok(Vec::new()),
            },
            PostDeleted::TYPE => {
                Ok(read(event).map_or_else(Vec::new, |deleted| tell_deleted(&deleted, &listeners)))
            }
            NotificationMade::TYPE => match read::<NotificationMade>(event) {
                Some(made) => self.tell_notification(&made, &listeners).await,
                None => Ok(Vec::new()),
            },
            FilterChanged::TYPE => {
                Ok(read(event).map_or_else(Vec::new, |changed| tell_filters(&changed, &listeners)))
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn tell_notification(
        &self,
        made: &NotificationMade,
        listeners: &Listeners<'_>,
    ) -> Result<Vec<Delivery>, SocialError> {
        let theirs: Vec<_> = listeners
            .iter()
            .filter(|(_, subscription)| {
                subscription.viewer == made.account
                    && matches!(subscription.stream, Stream::User | Stream::UserNotification)
            })
            .collect();
        if theirs.is_empty() {
            return Ok(Vec::new());
        }
        let notification = match self.notification(made.account, made.notification).await {
            Ok(notification) => notification,
            // Dismissed meanwhile, or of someone who was blocked meanwhile.
            Err(SocialError::NotFound) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let payload = json(&notification)?;
        Ok(theirs
            .into_iter()
            .map(|(place, subscription)| {
                deliver(*place, &subscription.stream, "notification", payload.clone())
            })
            .collect())
    }
}

/// The event's payload; none where it was erased or (with a line in the log) not of its shape.
fn read<E: EventData>(event: &Event) -> Option<E> {
    event.read().unwrap_or_else(|error| {
        tracing::error!(event.id = %event.id, %error, "an event could not be read for streams");
        None
    })
}

fn tell_deleted(deleted: &PostDeleted, listeners: &Listeners<'_>) -> Vec<Delivery> {
    let was_boost = deleted.boost_of.is_some();
    listeners
        .iter()
        .filter(|(_, subscription)| match &subscription.stream {
            Stream::User | Stream::List(_) => true,
            Stream::UserNotification => false,
            Stream::Public { origin, .. } => !was_boost && origin.admits(deleted.local),
            Stream::Hashtag { local, .. } => !was_boost && (deleted.local || !local),
            Stream::Direct => !was_boost,
        })
        .map(|(place, subscription)| {
            deliver(*place, &subscription.stream, "delete", deleted.post.to_string())
        })
        .collect()
}

/// Apps of whose filters changed read them again.
fn tell_filters(changed: &FilterChanged, listeners: &Listeners<'_>) -> Vec<Delivery> {
    listeners
        .iter()
        .filter(|(_, subscription)| {
            subscription.viewer == changed.account && subscription.stream == Stream::User
        })
        .map(|(place, subscription)| {
            deliver(*place, &subscription.stream, "filters_changed", None::<String>)
        })
        .collect()
}

fn deliver(
    place: usize,
    stream: &Stream,
    event: &'static str,
    payload: impl Into<Option<String>>,
) -> Delivery {
    let message = StreamEvent { stream: stream.names(), event, payload: payload.into() };
    Delivery { subscription: place, message }
}

fn json<T: serde::Serialize>(entity: &T) -> Result<String, SocialError> {
    Ok(serde_json::to_string(entity).map_err(spine::SpineError::from)?)
}

/// Payloads that were rendered already, by who sees them.
type Rendered = HashMap<AccountId, String>;
