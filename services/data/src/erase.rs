//! Erasure: the keys of an entity's events are destroyed, and its content in all versions.

use chrono::SubsecRound as _;
use contracts::events::data::{EntityDeleted, EntityErased};
use spine::{Spine, Tx};
use uuid::Uuid;

use crate::DataError;
use crate::graph::key_hash;
use crate::store::changes::{self, Change, ChangeKind};
use crate::store::{entities, erase, keys, turns};

/// What an entity's events are sealed under.
fn subject(id: Uuid) -> String {
    format!("entity:{id}")
}

/// The entity that a subject of the ledger names.
pub(crate) fn entity_of(subject: &str) -> Option<Uuid> {
    subject.strip_prefix("entity:").and_then(|id| Uuid::parse_str(id).ok())
}

/// Erases an entity and all that became part of it. Its sources do not bring it back.
///
/// # Errors
/// The database failed.
pub(crate) async fn entity(tx: &mut Tx, id: Uuid) -> Result<(), DataError> {
    let members = drop_content(tx, id).await?;
    let cause = tx.cause().clone();
    let subjects: Vec<_> = members.iter().map(|id| (subject(*id), cause.clone())).collect();
    Ok(Spine::erase_all(tx, &subjects).await?)
}

/// Drops an entity's content, whoever destroyed its keys; nothing where that is done already.
///
/// # Errors
/// The database failed.
pub(crate) async fn drop_content(tx: &mut Tx, id: Uuid) -> Result<Vec<Uuid>, DataError> {
    turns::hold_back_writes(tx.conn()).await?;
    let now = tx.spine().clock().now().trunc_subsecs(6);
    let roots = keys::roots(tx.conn(), &[id]).await?;
    let Some((_, root)) = roots.first().copied() else { return Ok(Vec::new()) };
    if keys::lock(tx.conn(), &[root]).await?.iter().all(|root| root.erased) {
        return Ok(Vec::new());
    }
    let members = erase::members(tx.conn(), root).await?;
    let records = erase::records(tx.conn(), &members).await?;
    let hashes: Vec<Vec<u8>> = keys::contributions(tx.conn(), &[root])
        .await?
        .iter()
        .map(|(_, contribution)| key_hash(&contribution.key))
        .collect();
    for version in entities::now(tx.conn(), &[root]).await? {
        let change = Change {
            entity: root,
            version: version.version,
            kind: ChangeKind::Deleted,
            class: version.content.r#type.clone(),
            space: version.content.space.clone(),
            labels: version.content.labels.clone(),
        };
        changes::append(tx.conn(), &[change], now).await?;
        tx.record(&EntityDeleted {
            entity: root,
            version: version.number(),
            r#type: version.content.r#type,
            space: version.content.space,
        })?;
    }
    erase::content(tx.conn(), &members, &hashes, now).await?;
    tx.record(&EntityErased { entity: root, records })?;
    Ok(members)
}
