//! The connection to NATS, and the wakes it carries between processes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, connection::State};
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::SpineError;
use crate::wake::{JobWake, Outward, Wakes};

/// A connection to NATS. Cheap to clone; connects again by itself.
#[derive(Clone)]
pub(crate) struct Nats {
    client: Client,
    namespace: Arc<str>,
    /// Why the relay, where this process runs it, does not get on.
    trouble: Arc<Mutex<Option<String>>>,
}

impl Nats {
    /// Connects, now or as soon as the server is there.
    ///
    /// # Errors
    /// The address is none.
    pub(crate) async fn connect(url: &str, namespace: &str) -> Result<Self, SpineError> {
        let client = ConnectOptions::new()
            .name(format!("sovereign {namespace}"))
            .retry_on_initial_connect()
            .connection_timeout(Duration::from_secs(5))
            .reconnect_delay_callback(|attempts| Duration::from_millis(50 << attempts.min(6)))
            .request_timeout(Some(Duration::from_secs(5)))
            .event_callback(|event| async move {
                match event {
                    async_nats::Event::Connected => tracing::info!("connected to NATS"),
                    async_nats::Event::Disconnected => tracing::warn!("NATS is away"),
                    other => tracing::warn!(event = %other, "NATS"),
                }
            })
            .connect(url)
            .await
            .map_err(|error| SpineError::Bus(format!("NATS at {url}: {error}")))?;
        Ok(Self { client, namespace: namespace.into(), trouble: Arc::default() })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Says why the relay does not get on, or that it does.
    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Whether the server answers and the relay gets on.
    pub(crate) async fn health(&self) -> Result<(), SpineError> {
        if self.client.connection_state() != State::Connected {
            return Err(SpineError::Bus("NATS is away".to_owned()));
        }
        match tokio::time::timeout(Duration::from_secs(3), self.client.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(SpineError::Bus(error.to_string())),
            Err(_) => return Err(SpineError::Bus("NATS does not answer".to_owned())),
        }
        match &*self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(trouble) => Err(SpineError::Bus(trouble.clone())),
            None => Ok(()),
        }
    }

    /// Tells other processes of commits here and is told of commits there.
    pub(crate) fn share_wakes(&self, wakes: Arc<Wakes>, stop: CancellationToken) {
        let subject = format!("{}.wake", self.namespace);
        // Whose message it is: one's own are not news.
        let sender = Uuid::new_v4();
        let (nats, listener) = (self.clone(), Arc::clone(&wakes));
        let (listened, stopped) = (subject.clone(), stop.clone());
        tokio::spawn(async move {
            stopped.run_until_cancelled(nats.listen(&listened, sender, &listener)).await;
        });
        let nats = self.clone();
        tokio::spawn(async move {
            stop.run_until_cancelled(nats.tell(&subject, sender, &wakes)).await;
        });
    }

    async fn listen(&self, subject: &str, sender: Uuid, wakes: &Wakes) {
        loop {
            match self.client.subscribe(subject.to_owned()).await {
                Ok(mut messages) => {
                    while let Some(message) = messages.next().await {
                        match WakeMessage::read(&message.payload) {
                            Some(wake) if wake.sender != sender => {
                                if wake.events > 0 {
                                    wakes.events_committed_elsewhere(wake.events);
                                }
                                wakes.jobs_ready(wake.jobs);
                            }
                            _ => {}
                        }
                    }
                }
                Err(error) => tracing::debug!(%error, "wakes of other processes are not heard"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Commits that come faster than messages can be sent share one message.
    async fn tell(&self, subject: &str, sender: Uuid, wakes: &Wakes) {
        let mut outward = wakes.outward();
        let mut told = Outward::default();
        while outward.changed().await.is_ok() {
            let now = *outward.borrow_and_update();
            let wake = WakeMessage {
                sender,
                events: if now.events > told.events { now.events } else { 0 },
                jobs: now.jobs.since(&told.jobs),
            };
            told = now;
            if let Err(error) = self.client.publish(subject.to_owned(), wake.write().into()).await {
                tracing::debug!(%error, "other processes are not woken; they poll");
            }
        }
    }
}

/// Sender (16 bytes), highest transaction order (8 bytes), which jobs there are (1 byte).
struct WakeMessage {
    sender: Uuid,
    events: i64,
    jobs: JobWake,
}

impl WakeMessage {
    const LENGTH: usize = 25;

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LENGTH);
        bytes.extend_from_slice(self.sender.as_bytes());
        bytes.extend_from_slice(&self.events.to_be_bytes());
        bytes.push(self.jobs.bits());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::LENGTH {
            return None;
        }
        Some(Self {
            sender: Uuid::from_slice(&bytes[..16]).ok()?,
            events: i64::from_be_bytes(bytes[16..24].try_into().ok()?),
            jobs: JobWake::from_bits(bytes[24]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_reads_back_as_it_is_written() {
        let wake = WakeMessage { sender: Uuid::new_v4(), events: 1_234, jobs: JobWake::DEFERRED };
        let read = WakeMessage::read(&wake.write()).unwrap();
        assert_eq!((read.sender, read.events, read.jobs), (wake.sender, 1_234, wake.jobs));
        assert!(WakeMessage::read(b"short").is_none());
    }
}
