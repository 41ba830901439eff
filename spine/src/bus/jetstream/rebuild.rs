//! What an operator sees of the stream, and how it is made anew.

use super::agreement::{self, Parting};
use super::failed;
use super::stream::{LedgerStream, stream_name};
use crate::ledger::{self, Position};
use crate::nats::Nats;
use crate::{Cause, Spine, SpineError};

/// The stream beside the ledger.
#[derive(Clone, Debug)]
pub struct StreamState {
    /// Its name.
    pub name: String,
    /// How many messages it has; `None` where it does not exist.
    pub messages: Option<u64>,
    /// Where it and the ledger parted. While it says something, nothing is published or handled.
    pub parted: Option<Parting>,
}

/// A consumer that was sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulledBack {
    /// Which.
    pub consumer: String,
    /// Where it was.
    pub from: Position,
    /// Where it goes on after.
    pub to: Position,
}

/// What making the stream anew did.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// The stream as it was before.
    pub before: StreamState,
    /// The consumers that had gone beyond what the ledger has.
    pub pulled_back: Vec<PulledBack>,
}

/// Looks at the stream and compares it with the ledger.
///
/// # Errors
/// NATS or the database is away, the stream carries another node's ledger, or this node has no
/// NATS.
pub async fn stream_state(spine: &Spine) -> Result<StreamState, SpineError> {
    look(spine, nats_of(spine)?).await.map(|(state, _)| state)
}

/// Deletes the stream; the relay then makes it anew from the ledger. For a stream that went another
/// way than the ledger, as after the database was restored from a backup that is older than the
/// stream: what only the stream has is lost with it.
///
/// Consumers that are beyond what the ledger has are sent back first: to where stream and ledger
/// parted, since what the ledger recorded after that may have taken places they passed. They see a
/// few events again rather than miss one. Safe to repeat after it was cut off.
///
/// # Errors
/// NATS or the database is away, the stream carries another node's ledger, or this node has no
/// NATS.
pub async fn rebuild_stream(spine: &Spine) -> Result<Rebuilt, SpineError> {
    let (before, stream) = look(spine, nats_of(spine)?).await?;
    let limit = match before.parted {
        Some(parting) => parting.last_shared,
        // Nobody who follows this ledger can be beyond it.
        None => ledger::readable_end(spine).await?,
    };
    // While stream and ledger differ no consumer moves, so none overtakes this.
    let pulled_back = pull_back(spine, limit).await?;
    if let Some(stream) = stream {
        stream
            .context
            .delete_stream(&before.name)
            .await
            .map_err(|error| failed("the stream cannot be deleted")(&error))?;
    }
    Ok(Rebuilt { before, pulled_back })
}

fn nats_of(spine: &Spine) -> Result<&Nats, SpineError> {
    spine.nats().ok_or_else(|| SpineError::Settings("this node has no NATS".to_owned()))
}

async fn look(
    spine: &Spine,
    nats: &Nats,
) -> Result<(StreamState, Option<LedgerStream>), SpineError> {
    let name = stream_name(spine.namespace());
    let Some(mut stream) = LedgerStream::find(spine, nats).await? else {
        return Ok((StreamState { name, messages: None, parted: None }, None));
    };
    let bounds = stream.bounds().await?;
    let messages = if bounds.empty { 0 } else { bounds.last - bounds.first + 1 };
    let parted = agreement::find_parting(spine, &stream, &bounds).await?;
    Ok((StreamState { name, messages: Some(messages), parted }, Some(stream)))
}

/// Sends consumers that are beyond a place back to it, and forgets how far the relay was.
async fn pull_back(spine: &Spine, limit: Position) -> Result<Vec<PulledBack>, SpineError> {
    let mut tx = spine.begin_worker(Cause::system()).await?;
    let rows = sqlx::query!(
        r#"WITH beyond AS (
               SELECT name, transaction_order, sequence FROM spine.consumer
                WHERE (transaction_order, sequence) > ($1, $2)
                  FOR NO KEY UPDATE
           )
           UPDATE spine.consumer AS consumer
              SET transaction_order = $1, sequence = $2, moved_at = $3,
                  failing_event = NULL, failing_attempts = 0, failing_error = NULL
             FROM beyond WHERE beyond.name = consumer.name
           RETURNING consumer.name, beyond.transaction_order AS "transaction_order!",
                     beyond.sequence AS "sequence!""#,
        limit.transaction_order,
        limit.sequence,
        spine.clock().now()
    )
    .fetch_all(tx.conn())
    .await?;
    sqlx::query!("DELETE FROM spine.relay WHERE stream = $1", spine.namespace())
        .execute(tx.conn())
        .await?;
    tx.commit().await?;
    let mut pulled_back: Vec<PulledBack> = rows
        .into_iter()
        .map(|row| PulledBack {
            consumer: row.name,
            from: Position { transaction_order: row.transaction_order, sequence: row.sequence },
            to: limit,
        })
        .collect();
    pulled_back.sort_by(|one, other| one.consumer.cmp(&other.consumer));
    Ok(pulled_back)
}
