//! Many writes in one call.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, Resource, actions};
use contracts::api::problems::OfBodies;
use contracts::api::{Body, NewId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use spine::Problem;
use utoipa::ToSchema;
use uuid::{Builder, Uuid, Variant};

use super::change::amendment;
use super::seen;
use super::types::{EntityChange, NewEntity};
use crate::write::{Intent, Outcome, apply};
use crate::{Data, DataError};

/// The most writes in one call.
const MOST: usize = 200;

/// Some writes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// The writes, in their order.
    #[schema(min_items = 1, max_items = 200)]
    items: Vec<BatchItem>,
}

/// One write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
enum BatchItem {
    /// Make an entity.
    Create {
        /// The entity.
        entity: NewEntity,
    },
    /// Change one.
    Change {
        /// Which.
        id: Uuid,
        /// The version that the caller has seen.
        #[serde(default)]
        version: Option<u32>,
        /// What changes.
        change: EntityChange,
    },
    /// Remove one.
    Delete {
        /// Which.
        id: Uuid,
        /// The version that the caller has seen.
        #[serde(default)]
        version: Option<u32>,
    },
}

/// What came of each write, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchOutcomes {
    items: Vec<BatchOutcome>,
}

/// What came of a write.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct BatchOutcome {
    /// The status that the call by itself would have had.
    status: u16,
    /// The entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    /// Its version now.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// The stable name of the problem, where it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}

impl BatchOutcome {
    fn refused(problem: &Problem) -> Self {
        Self {
            status: problem.status().as_u16(),
            id: None,
            version: None,
            problem: Some(problem.kind().to_owned()),
            title: Some(problem.title().to_owned()),
        }
    }
}

/// The id of the item of this number: it follows from the call's id where that follows from a key.
fn item_id(call: Uuid, number: usize) -> Uuid {
    if call.get_version_num() == 7 {
        return Uuid::now_v7();
    }
    let mut hash = Sha256::new();
    hash.update(call.as_bytes());
    hash.update((number as u64).to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    Builder::from_custom_bytes(bytes).with_variant(Variant::RFC4122).into_uuid()
}

/// Up to 200 writes in one transaction. Each is decided by itself: one that is refused does not hold up
/// the others.
#[utoipa::path(
    post, path = "/entities/batch", operation_id = "writeEntities", tag = "data",
    request_body = Batch,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key, nothing is made twice", min_length = 1, max_length = 200)),
    responses(
        (status = 200, description = "What came of each", body = BatchOutcomes),
        OfBodies
    )
)]
pub(super) async fn batch(
    access: Access,
    State(data): State<Data>,
    NewId(call): NewId,
    Body(batch): Body<Batch>,
) -> Result<Json<BatchOutcomes>, Problem> {
    access.permitted(actions::ENTITY_WRITE)?;
    if !(1..=MOST).contains(&batch.items.len()) {
        let title = "`items` must be 1 to 200 writes";
        return Err(Problem::unprocessable("invalid-batch", title));
    }
    let ids: Vec<Uuid> = batch
        .items
        .iter()
        .enumerate()
        .map(|(number, item)| match item {
            BatchItem::Create { .. } => item_id(call, number),
            BatchItem::Change { id, .. } | BatchItem::Delete { id, .. } => *id,
        })
        .collect();
    let known = seen::several(&data, &ids).await?;
    let mut outcomes: Vec<Option<BatchOutcome>> = Vec::with_capacity(ids.len());
    let mut intents = Vec::new();
    let mut entities = Vec::with_capacity(ids.len());
    for (item, id) in batch.items.into_iter().zip(&ids) {
        match intent(&access, item, *id, known.get(id)) {
            Ok((entity, intent)) => {
                intents.extend(intent);
                outcomes.push(None);
                entities.push(entity);
            }
            Err(problem) => {
                outcomes.push(Some(BatchOutcome::refused(&problem)));
                entities.push(*id);
            }
        }
    }
    let kinds: Vec<Option<u16>> = intents.iter().map(|(status, _)| *status).collect();
    let mut written = Vec::new();
    if !intents.is_empty() {
        let mut tx = data.spine().begin(access.caller().cause()).await?;
        let intents = intents.into_iter().filter_map(|(_, intent)| intent).collect();
        written = apply(&mut tx, intents).await?;
        tx.commit().await?;
    }
    let now = seen::several(&data, &entities).await?;
    let (mut kinds, mut written) = (kinds.into_iter(), written.into_iter());
    let items = outcomes
        .into_iter()
        .zip(entities)
        .map(|(outcome, id)| {
            if let Some(refused) = outcome {
                return refused;
            }
            let version = now.get(&id).map(|(version, _)| version.number());
            let done =
                |status| BatchOutcome { status, id: Some(id), version, problem: None, title: None };
            match kinds.next().flatten() {
                // It was made by the same call before.
                None => done(201),
                Some(status) => match written.next().map(|written| written.outcome) {
                    Some(Outcome::ChangedMeanwhile) => {
                        BatchOutcome::refused(&DataError::ChangedMeanwhile.into())
                    }
                    Some(Outcome::Gone) | None => BatchOutcome::refused(&Problem::not_found()),
                    Some(_) => done(status),
                },
            }
        })
        .collect();
    Ok(Json(BatchOutcomes { items }))
}

type Known = (crate::graph::Version, Option<String>);

/// The status of success and what is to be written; nothing where that was done before.
type Planned = (Uuid, [(Option<u16>, Option<Intent>); 1]);

fn intent(
    access: &Access,
    item: BatchItem,
    id: Uuid,
    known: Option<&Known>,
) -> Result<Planned, Problem> {
    let visible = || {
        let (version, keeper) = known.ok_or_else(|| seen::absent(access))?;
        let resource: Resource = seen::resource(version, keeper.clone());
        access.require_visible(actions::ENTITY_READ, &resource)?;
        Ok::<_, Problem>((version, resource))
    };
    let unchanged = |seen: Option<u32>, version: &crate::graph::Version| {
        if seen.is_some_and(|seen| seen != version.number()) {
            return Err(Problem::from(DataError::ChangedMeanwhile));
        }
        Ok(())
    };
    match item {
        BatchItem::Create { entity } => {
            let draft = entity.into_draft(id, access.caller());
            draft.check().map_err(DataError::from)?;
            let resource = Resource::new("entity", id.to_string(), draft.space.clone())
                .labelled(draft.labels.iter().cloned())
                .of_class(draft.r#type.clone());
            access.require(actions::ENTITY_WRITE, &resource)?;
            match known {
                Some((version, _)) => Ok((version.id, [(None, None)])),
                None => Ok((id, [(Some(201), Some(Intent::make(draft, id)))])),
            }
        }
        BatchItem::Change { version: seen, change, .. } => {
            let (version, resource) = visible()?;
            unchanged(seen, version)?;
            let intent = amendment(access, version, &resource, change)?;
            Ok((version.id, [(Some(200), Some(intent))]))
        }
        BatchItem::Delete { version: seen, .. } => {
            let (version, resource) = visible()?;
            access.require(actions::ENTITY_WRITE, &resource)?;
            unchanged(seen, version)?;
            let intent = Intent::Close { entity: version.id, seen: version.version };
            Ok((version.id, [(Some(204), Some(intent))]))
        }
    }
}
