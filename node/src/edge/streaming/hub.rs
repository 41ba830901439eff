//! Who listens to what, and the handing over of messages.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use identity::Identity;
use identity::events::AccessRevoked;
use social::events::AccountChanged;
use social::read::stream::{Delivery, Stream, StreamEvent, Subscription};
use social::{AccountId, Social};
use spine::{Event, Snowflake, Spine};
use tokio::sync::mpsc;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_util::sync::CancellationToken;

/// Messages that wait for one reader before it counts as too slow.
const QUEUE: usize = 256;
/// Events that are worked out at one time; their messages still go out in order.
const AT_ONCE: usize = 8;

/// Every open stream of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<Connections>>);

#[derive(Default)]
struct Connections {
    last_id: u64,
    open: HashMap<u64, Connection>,
    /// Each pair of viewer and stream once, with who has it; `None` after a change.
    index: Option<Arc<Index>>,
}

struct Connection {
    viewer: AccountId,
    token: Snowflake,
    notifications: bool,
    streams: HashSet<Stream>,
    queue: mpsc::Sender<Arc<StreamEvent>>,
    closed: CancellationToken,
}

#[derive(Default)]
struct Index {
    subscriptions: Vec<Subscription>,
    /// By the place of the subscription: the connections that have it.
    listeners: Vec<Vec<u64>>,
}

/// A new connection, as its own task sees it. Leaves the hub when dropped.
pub(super) struct Listener {
    hub: Hub,
    id: u64,
    /// What the connection is told.
    pub queue: mpsc::Receiver<Arc<StreamEvent>>,
    /// Cancelled when the connection must end: revoked, too slow, or the node stops.
    pub closed: CancellationToken,
}

/// Who opens a connection.
pub(super) struct Opening {
    pub viewer: AccountId,
    pub token: Snowflake,
    /// Whether its scopes let it hear of notifications.
    pub notifications: bool,
}

impl Hub {
    /// Adds a connection that listens to nothing yet.
    pub(super) fn open(&self, opening: Opening, stop: &CancellationToken) -> Listener {
        let (sender, queue) = mpsc::channel(QUEUE);
        let closed = stop.child_token();
        let mut connections = self.lock();
        connections.last_id += 1;
        let id = connections.last_id;
        connections.open.insert(
            id,
            Connection {
                viewer: opening.viewer,
                token: opening.token,
                notifications: opening.notifications,
                streams: HashSet::new(),
                queue: sender,
                closed: closed.clone(),
            },
        );
        Listener { hub: self.clone(), id, queue, closed }
    }

    /// Feeds the connections from the spine's tail until `stop`.
    pub async fn run(
        self,
        spine: Spine,
        social: Social,
        identity: Identity,
        stop: CancellationToken,
    ) {
        let messages = spine
            .tail()
            .map(|event| {
                let (hub, social, identity) = (self.clone(), social.clone(), identity.clone());
                async move {
                    match event {
                        Ok(event) => hub.work_out(&event, &social, &identity).await,
                        Err(BroadcastStreamRecvError::Lagged(missed)) => {
                            tracing::warn!(missed, "streams fell behind; clients will read again");
                            hub.close_where(|_| true);
                            Vec::new()
                        }
                    }
                }
            })
            .buffered(AT_ONCE);
        tokio::pin!(messages);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                next = messages.next() => match next {
                    Some(told) => self.hand_over(told),
                    None => return,
                },
            }
        }
    }

    async fn work_out(
        &self,
        event: &Event,
        social: &Social,
        identity: &Identity,
    ) -> Vec<(Vec<u64>, Arc<StreamEvent>)> {
        identity.observe(event);
        self.close_if_over(event);
        let index = self.index();
        if index.subscriptions.is_empty() {
            return Vec::new();
        }
        match social.stream_events(event, &index.subscriptions).await {
            Ok(deliveries) => deliveries
                .into_iter()
                .filter_map(|Delivery { subscription, message }| {
                    Some((index.listeners.get(subscription)?.clone(), Arc::new(message)))
                })
                .collect(),
            Err(error) => {
                tracing::warn!(event.id = %event.id, error = &error as &dyn std::error::Error, "an event did not reach the streams");
                Vec::new()
            }
        }
    }

    /// Closes the connections whose right to listen has ended.
    fn close_if_over(&self, event: &Event) {
        if let Ok(Some(revoked)) = event.read::<AccessRevoked>() {
            self.close_where(|connection| revoked.tokens.contains(&connection.token));
        } else if let Ok(Some(changed)) = event.read::<AccountChanged>()
            && matches!(changed.change.as_str(), "suspended" | "deleted")
        {
            self.close_where(|connection| connection.viewer == changed.account);
        }
    }

    fn close_where(&self, over: impl Fn(&Connection) -> bool) {
        for connection in self.lock().open.values().filter(|connection| over(connection)) {
            connection.closed.cancel();
        }
    }

    fn hand_over(&self, told: Vec<(Vec<u64>, Arc<StreamEvent>)>) {
        if told.is_empty() {
            return;
        }
        let connections = self.lock();
        for (listeners, message) in told {
            for connection in listeners.iter().filter_map(|id| connections.open.get(id)) {
                if message.event == "notification" && !connection.notifications {
                    continue;
                }
                if connection.queue.try_send(Arc::clone(&message)).is_err() {
                    tracing::debug!(account.id = %connection.viewer, "a stream was too slow");
                    connection.closed.cancel();
                }
            }
        }
    }

    fn index(&self) -> Arc<Index> {
        let mut connections = self.lock();
        if let Some(index) = &connections.index {
            return Arc::clone(index);
        }
        let mut places: HashMap<Subscription, usize> = HashMap::new();
        let mut index = Index::default();
        for (id, connection) in &connections.open {
            for stream in &connection.streams {
                let subscription =
                    Subscription { viewer: connection.viewer, stream: stream.clone() };
                let place = *places.entry(subscription.clone()).or_insert_with(|| {
                    index.subscriptions.push(subscription);
                    index.listeners.push(Vec::new());
                    index.subscriptions.len() - 1
                });
                index.listeners[place].push(*id);
            }
        }
        let index = Arc::new(index);
        connections.index = Some(Arc::clone(&index));
        index
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<u64, Connection>)) {
        let mut connections = self.lock();
        change(&mut connections.open);
        connections.index = None;
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Starts to listen to a stream.
    pub fn subscribe(&self, stream: Stream) {
        self.hub.change(|open| {
            if let Some(connection) = open.get_mut(&self.id) {
                connection.streams.insert(stream);
            }
        });
    }

    /// Listens to a stream no more.
    pub fn unsubscribe(&self, stream: &Stream) {
        self.hub.change(|open| {
            if let Some(connection) = open.get_mut(&self.id) {
                connection.streams.remove(stream);
            }
        });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.change(|open| {
            open.remove(&self.id);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(hub: &Hub, viewer: i64, notifications: bool) -> Listener {
        let opening = Opening {
            viewer: AccountId::from_number(viewer),
            token: Snowflake(viewer * 10),
            notifications,
        };
        hub.open(opening, &CancellationToken::new())
    }

    fn message(event: &'static str) -> Arc<StreamEvent> {
        Arc::new(StreamEvent { stream: vec!["user".into()], event, payload: None })
    }

    #[test]
    fn each_pair_of_viewer_and_stream_is_listed_once() {
        let hub = Hub::default();
        let (a, b, c) = (open(&hub, 1, true), open(&hub, 1, true), open(&hub, 2, true));
        for listener in [&a, &b, &c] {
            listener.subscribe(Stream::User);
        }
        let index = hub.index();
        assert_eq!(index.subscriptions.len(), 2);
        let mut listeners: Vec<usize> = index.listeners.iter().map(Vec::len).collect();
        listeners.sort_unstable();
        assert_eq!(listeners, [1, 2]);
        c.unsubscribe(&Stream::User);
        drop((a, b));
        assert!(hub.index().subscriptions.is_empty());
    }

    #[test]
    fn a_slow_reader_is_cut_off() {
        let hub = Hub::default();
        let listener = open(&hub, 1, true);
        for _ in 0..QUEUE {
            hub.hand_over(vec![(vec![listener.id], message("update"))]);
        }
        assert!(!listener.closed.is_cancelled());
        hub.hand_over(vec![(vec![listener.id], message("update"))]);
        assert!(listener.closed.is_cancelled());
    }

    #[test]
    fn notifications_need_their_scope() {
        let hub = Hub::default();
        let (mut with, mut without) = (open(&hub, 1, true), open(&hub, 1, false));
        hub.hand_over(vec![(vec![with.id, without.id], message("notification"))]);
        assert!(with.queue.try_recv().is_ok());
        assert!(without.queue.try_recv().is_err());
    }

    #[test]
    fn a_revoked_token_ends_its_connections() {
        let hub = Hub::default();
        let (a, b) = (open(&hub, 1, true), open(&hub, 2, true));
        hub.close_where(|connection| connection.token == Snowflake(10));
        assert!(a.closed.is_cancelled());
        assert!(!b.closed.is_cancelled());
    }
}
