//! Publishing events in order: an atomic batch where the server has them (ADR-50), else one after
//! the other with all acknowledgements awaited.

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use async_nats::{HeaderMap, Request, header};
use serde::Deserialize;
use uuid::Uuid;

use super::failed;
use super::message::Outgoing;
use super::stream::LedgerStream;
use crate::SpineError;

const BATCH_ID: &str = "Nats-Batch-Id";
const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
const BATCH_COMMIT: &str = "Nats-Batch-Commit";
/// The server's error where it knows the `Nats-Msg-Id` of a message in a batch.
const REPEATED: u64 = 10_201;

/// The server's answer to a batch.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(rename = "seq")]
    sequence: Option<u64>,
    error: Option<Refusal>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

/// How publishing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// All of them, up to this number.
    UpTo(u64),
    /// The server has one of them already: they have to go one by one.
    Repeated,
}

/// Publishes the messages right after the message with the number `last`: nothing is stored where
/// that is not the last one, so that two relays can never mix theirs.
///
/// # Errors
/// NATS is away or refused. It may then have stored the messages or not: look at its last one.
pub(super) async fn publish(
    stream: &LedgerStream,
    last: u64,
    messages: &[Outgoing],
) -> Result<Published, SpineError> {
    let count = messages.len() as u64;
    let published = match messages.len() {
        2.. if stream.atomic => publish_batch(stream, last, messages).await?,
        _ => publish_together(stream, last, messages).await?,
    };
    match published {
        Published::UpTo(stored) if stored != last + count => Err(SpineError::Bus(format!(
            "{count} messages after {last} were stored up to {stored}"
        ))),
        published => Ok(published),
    }
}

/// Publishes the messages one by one and passes over those that the server has already. Returns the
/// new last number.
///
/// # Errors
/// As [`publish`].
pub(super) async fn publish_carefully(
    stream: &LedgerStream,
    mut last: u64,
    messages: &[Outgoing],
) -> Result<u64, SpineError> {
    for message in messages {
        let sent = send(stream, message, last).await?;
        let answer = sent.await.map_err(|error| failed("publishing")(&error))?;
        if !answer.duplicate {
            last = answer.sequence;
        }
    }
    Ok(last)
}

async fn publish_batch(
    stream: &LedgerStream,
    last: u64,
    messages: &[Outgoing],
) -> Result<Published, SpineError> {
    let client = stream.context.client();
    let batch = Uuid::new_v4().simple().to_string();
    for (message, sequence) in messages.iter().zip(1..) {
        let mut headers = message.headers.clone();
        headers.insert(BATCH_ID, batch.as_str());
        headers.insert(BATCH_SEQUENCE, sequence.to_string());
        if sequence == 1 {
            expect_last(&mut headers, last);
        }
        if sequence < messages.len() {
            client
                .publish_with_headers(message.subject.clone(), headers, message.body.clone())
                .await
                .map_err(|error| failed("publishing")(&error))?;
            continue;
        }
        headers.insert(BATCH_COMMIT, "1");
        let request = Request::new().headers(headers).payload(message.body.clone());
        let answer = client
            .send_request(message.subject.clone(), request)
            .await
            .map_err(|error| failed("publishing a batch")(&error))?;
        let answer: Answer = serde_json::from_slice(&answer.payload)?;
        return match answer {
            Answer { error: Some(refusal), .. } if refusal.err_code == REPEATED => {
                Ok(Published::Repeated)
            }
            Answer { error: Some(refusal), .. } => Err(SpineError::Bus(format!(
                "a batch was refused: {} ({})",
                refusal.description, refusal.err_code
            ))),
            Answer { sequence: Some(sequence), .. } => Ok(Published::UpTo(sequence)),
            Answer { .. } => Err(SpineError::Bus("a batch was not acknowledged".to_owned())),
        };
    }
    Ok(Published::UpTo(last))
}

/// All at once, each expecting the one before it: should one be refused, so are those after it.
async fn publish_together(
    stream: &LedgerStream,
    last: u64,
    messages: &[Outgoing],
) -> Result<Published, SpineError> {
    let mut answers = Vec::with_capacity(messages.len());
    for (message, before) in messages.iter().zip(last..) {
        answers.push(send(stream, message, before).await?);
    }
    let mut stored = last;
    for answer in answers {
        let answer = answer.await.map_err(|error| failed("publishing")(&error))?;
        if answer.duplicate {
            return Ok(Published::Repeated);
        }
        stored = answer.sequence;
    }
    Ok(Published::UpTo(stored))
}

async fn send(
    stream: &LedgerStream,
    message: &Outgoing,
    last: u64,
) -> Result<PublishAckFuture, SpineError> {
    let mut headers = message.headers.clone();
    expect_last(&mut headers, last);
    let publish = PublishMessage::build().headers(headers).payload(message.body.clone());
    stream
        .context
        .send_publish(message.subject.clone(), publish)
        .await
        .map_err(|error| failed("publishing")(&error))
}

fn expect_last(headers: &mut HeaderMap, last: u64) {
    headers.insert(header::NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
}
