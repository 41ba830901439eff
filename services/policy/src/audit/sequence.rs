//! Gives entries their places in the Merkle log, and signs its head.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::key::LogKey;
use super::tree::Tree;
use super::witness::Witness;
use crate::{PolicyError, store};

/// So many leaves have a checkpoint of their own.
const LEAVES: i64 = 1_000;

/// Sequences what waits, a thousand entries a checkpoint, and keeps the newest head outside of the
/// database; how many entries it was. One process at a time: where another does it, this one does nothing.
///
/// # Errors
/// The database is away, or the log's tiles are not those of its last checkpoint.
pub(crate) async fn sequence(
    pool: &PgPool,
    key: &LogKey,
    witness: &Witness,
    now: DateTime<Utc>,
) -> Result<usize, PolicyError> {
    let (mut all, mut newest) = (0, None);
    loop {
        let (sequenced, head) = sequence_some(pool, key, now).await?;
        all += sequenced;
        newest = head.or(newest);
        if sequenced < usize::try_from(LEAVES).unwrap_or(usize::MAX) {
            break;
        }
    }
    if let Some(head) = newest
        && let Err(error) = witness.keep(pool, key, head).await
    {
        // The log goes on, as new entries need their places; what is kept stays as it is, for the proof.
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%error, cause, "the audit log's newest head is not kept");
    }
    Ok(all)
}

/// A signed head, with its size.
type Head = (u64, String);

async fn sequence_some(
    pool: &PgPool,
    key: &LogKey,
    now: DateTime<Utc>,
) -> Result<(usize, Option<Head>), PolicyError> {
    let mut transaction = pool.begin().await?;
    let conn = &mut *transaction;
    if !store::audit::try_lock(conn).await? {
        return Ok((0, None));
    }
    let entries = store::audit::waiting(conn, LEAVES).await?;
    if entries.is_empty() {
        return Ok((0, None));
    }
    let mut tree = resume(conn, key).await?;
    let first = tree.size();
    let mut leaves = Vec::with_capacity(entries.len());
    for entry in &entries {
        let leaf = entry.leaf()?;
        tree.append(leaf).map_err(|error| PolicyError::AuditDamaged(error.to_string()))?;
        leaves.push((entry.id, leaf));
    }
    let root = tree.root().map_err(|error| PolicyError::AuditDamaged(error.to_string()))?;
    let note = key.sign(tree.size(), root)?;
    store::audit::insert_leaves(conn, first, &leaves).await?;
    store::audit::put_tiles(conn, &tree.take_grown()).await?;
    store::audit::insert_checkpoint(conn, (tree.size(), root), &note, now).await?;
    transaction.commit().await?;
    Ok((entries.len(), Some((tree.size(), note))))
}

/// The tree as of the last checkpoint. Nothing is ever signed on top of a damaged one.
async fn resume(conn: &mut sqlx::PgConnection, key: &LogKey) -> Result<Tree, PolicyError> {
    let damaged = |why: String| PolicyError::AuditDamaged(why);
    let (size, root) = match store::audit::last_checkpoint(conn).await? {
        None => return Ok(Tree::default()),
        Some(note) => key.read(&note).map_err(|why| damaged(format!("its last head: {why}")))?,
    };
    let tiles = store::audit::tiles(conn, &Tree::edge(size)).await?;
    let tree = Tree::resume(size, tiles)
        .ok_or_else(|| damaged(format!("tiles of its {size} leaves are missing")))?;
    match tree.root() {
        Ok(found) if found == root => Ok(tree),
        _ => Err(damaged(format!("its tiles are not those of its head of {size} leaves"))),
    }
}
