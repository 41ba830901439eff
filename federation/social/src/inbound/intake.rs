//! Verified activities on their way to disk: many requests, one transaction.
//!
//! A commit costs a disk write, however much is in it. Requests that arrive while one commit is
//! under way wait together and share the next: nobody waits for a timer, and a busy inbox writes
//! in batches by itself. Nothing is answered before it is on disk.

use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::Duration;

use moka::sync::Cache;
use spine::{Cause, JobOptions, Spine};
use tokio::sync::{mpsc, oneshot};

use super::apply::ApplyActivity;
use super::{InboxRefusal, Receipt};
use crate::SocialError;
use crate::events::ActivityReceived;
use crate::store::inbound_activities;

/// Requests that may wait for a commit; more are told to come back.
const WAITING: usize = 4_096;
/// Most activities of one transaction.
const BATCH: usize = 256;
/// Ids of activities that were taken lately: a repeat of one of them costs no transaction.
const RECENT: u64 = 50_000;
/// How long such an id is remembered here; the database remembers longer.
const RECENT_LIFE: Duration = Duration::from_secs(3_600);

/// The way in. One task of the process takes what waits and commits it.
pub(crate) struct Intake {
    sender: OnceLock<mpsc::Sender<Waiting>>,
    recent: Cache<String, ()>,
}

struct Waiting {
    received: ActivityReceived,
    job: ApplyActivity,
    answer: oneshot::Sender<Result<Receipt, IntakeError>>,
}

/// Why a whole batch was not written; logged where it happened.
#[derive(Clone, Copy, Debug)]
enum IntakeError {
    Unavailable,
    Failed,
}

impl Intake {
    pub(crate) fn new() -> Self {
        Self {
            sender: OnceLock::new(),
            recent: Cache::builder().max_capacity(RECENT).time_to_live(RECENT_LIFE).build(),
        }
    }

    /// Puts a verified activity on disk, with the job that applies it; returns after the commit.
    ///
    /// # Errors
    /// [`InboxRefusal::Busy`] where too many wait; [`InboxRefusal::Failed`] where nothing was
    /// written.
    pub(super) async fn take(
        &self,
        spine: &Spine,
        received: ActivityReceived,
        job: ApplyActivity,
    ) -> Result<Receipt, InboxRefusal> {
        if self.recent.contains_key(&received.activity) {
            return Ok(Receipt::Duplicate);
        }
        let activity = received.activity.clone();
        let (answer, answered) = oneshot::channel();
        let sender = self.sender.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(WAITING);
            tokio::spawn(write_batches(spine.clone(), receiver));
            sender
        });
        sender.try_send(Waiting { received, job, answer }).map_err(|_full| InboxRefusal::Busy)?;
        match answered.await {
            Ok(Ok(receipt)) => {
                self.recent.insert(activity, ());
                Ok(receipt)
            }
            Ok(Err(IntakeError::Failed)) => Err(InboxRefusal::Failed(SocialError::Store(
                sqlx::Error::Protocol("the activity could not be stored".to_owned()),
            ))),
            // The task ended, or the database is away.
            Ok(Err(IntakeError::Unavailable)) | Err(_) => {
                Err(InboxRefusal::Failed(SocialError::Store(sqlx::Error::PoolTimedOut)))
            }
        }
    }
}

/// Runs as long as the service lives: ends when the last sender is gone.
async fn write_batches(spine: Spine, mut receiver: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    while receiver.recv_many(&mut batch, BATCH).await > 0 {
        match write(&spine, &batch).await {
            Ok(receipts) => answer_each(batch.drain(..).zip(receipts.into_iter().map(Ok))),
            Err(error) if error.is_unavailable() => {
                tracing::error!(%error, count = batch.len(), "activities could not be stored");
                answer_each(
                    batch.drain(..).map(|waiting| (waiting, Err(IntakeError::Unavailable))),
                );
            }
            // One of them cannot be stored: it must not take the others with it.
            Err(_) => {
                for waiting in batch.drain(..) {
                    let result = write(&spine, std::slice::from_ref(&waiting)).await;
                    let result = result.map(|receipts| receipts[0]).map_err(|error| {
                        tracing::error!(%error, activity = waiting.received.activity, "an activity could not be stored");
                        if error.is_unavailable() { IntakeError::Unavailable } else { IntakeError::Failed }
                    });
                    answer_each([(waiting, result)]);
                }
            }
        }
    }
}

fn answer_each(answers: impl IntoIterator<Item = (Waiting, Result<Receipt, IntakeError>)>) {
    for (waiting, result) in answers {
        if waiting.answer.send(result).is_err() {
            tracing::debug!("a sender hung up before its activity was answered");
        }
    }
}

/// One transaction for all of them.
async fn write(spine: &Spine, batch: &[Waiting]) -> Result<Vec<Receipt>, SocialError> {
    let mut tx = spine.begin(Cause::system()).await?;
    let ids: Vec<&str> = batch.iter().map(|waiting| waiting.received.activity.as_str()).collect();
    let mut known: HashSet<String> =
        inbound_activities::applied(tx.conn(), &ids).await?.into_iter().collect();
    let mut receipts = Vec::with_capacity(batch.len());
    for Waiting { received, job, .. } in batch {
        if !known.insert(received.activity.clone()) {
            receipts.push(Receipt::Duplicate);
            continue;
        }
        tx.set_cause(Cause::by(received.actor.as_str()));
        let event = tx.record(received)?;
        tx.schedule_item(job, JobOptions::because_of(event))?;
        receipts.push(Receipt::Accepted);
    }
    tx.commit().await?;
    Ok(receipts)
}
