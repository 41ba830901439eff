//! Changing and removing entities.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use contracts::access::{Access, Resource, actions};
use contracts::api::{Body, Conditions, Path, Query, etag};
use serde::Deserialize;
use spine::Problem;
use utoipa::IntoParams;
use uuid::Uuid;

use super::problems::{OfChanges, OfDecisions};
use super::seen;
use super::types::{Entity, EntityChange, own_key, own_provenance};
use crate::erase::{self, Scope};
use crate::graph::Version;
use crate::write::{Amendment, Intent, Outcome, apply};
use crate::{Data, DataError};

/// How often a change is tried again that somebody else came before.
const ATTEMPTS: u8 = 5;

/// A change of an entity as it was seen, if the caller may make it.
///
/// # Errors
/// The policy's, and what cannot be written.
pub(super) fn amendment(
    access: &Access,
    current: &Version,
    resource: &Resource,
    change: EntityChange,
) -> Result<Intent, Problem> {
    access.require(actions::ENTITY_WRITE, resource)?;
    let patch = change.into_patch(current).map_err(DataError::from)?;
    if patch.space.is_some() || patch.labels.is_some() {
        // As it will be, too.
        let mut after = resource.clone();
        if let Some(space) = &patch.space {
            after = Resource { subject: space.person(), space: space.clone(), ..after };
        }
        let after = after.labelled(patch.labels.iter().flatten().cloned());
        access.require(actions::ENTITY_WRITE, &after)?;
    }
    let mut aliases = patch.aliases.clone().unwrap_or_default();
    if patch.space.is_some() {
        aliases.extend(current.content.aliases.iter().cloned());
    }
    Ok(Intent::Amend(Box::new(Amendment {
        aliases,
        entity: current.id,
        seen: current.version,
        space: current.content.space.clone(),
        key: own_key(current.id, access.caller()),
        patch,
        provenance: own_provenance(access.caller()),
    })))
}

/// Changes an entity, by the word of the person who asks; what its sources say stays known.
#[utoipa::path(
    patch, path = "/entities/{id}", operation_id = "changeEntity", tag = "data",
    request_body = EntityChange,
    params(("id" = Uuid, Path, description = "The entity"),
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen")),
    responses(
        (status = 200, description = "The entity; `ETag` is its version", body = Entity),
        OfChanges
    )
)]
pub(super) async fn change(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
    conditions: Conditions,
    Body(change): Body<EntityChange>,
) -> Result<([(header::HeaderName, HeaderValue); 1], Json<Entity>), Problem> {
    for _ in 0..ATTEMPTS {
        let (current, resource) = seen::readable(&data, &access, id).await?;
        conditions.check(seen::tag(id, &current))?;
        let intent = amendment(&access, &current, &resource, change.clone())?;
        let mut tx = data.spine().begin(access.caller().cause()).await?;
        let written = apply(&mut tx, vec![intent]).await?;
        tx.commit().await?;
        match written.first().map(|written| written.outcome) {
            Some(Outcome::ChangedMeanwhile) => {}
            Some(Outcome::Gone) | None => return Err(Problem::not_found()),
            Some(_) => {
                let (changed, _) = seen::readable(&data, &access, id).await?;
                let tag = etag(seen::tag(id, &changed));
                return Ok(([(header::ETAG, tag)], Json(changed.into())));
            }
        }
    }
    Err(DataError::ChangedMeanwhile.into())
}

/// How it is removed.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteQuery {
    /// Erase it: its content in all versions is destroyed, for ever, and its sources do not bring it
    /// back. Else it is closed, and its history stays.
    #[serde(default)]
    erase: bool,
}

/// Removes an entity. Its sources bring it back when they say something new of it, unless it is erased.
#[utoipa::path(
    delete, path = "/entities/{id}", operation_id = "deleteEntity", tag = "data",
    params(("id" = Uuid, Path, description = "The entity"), DeleteQuery,
        ("If-Match" = Option<String>, Header, description = "The version that the caller has seen")),
    responses(
        (status = 204, description = "It is gone"),
        OfDecisions
    )
)]
pub(super) async fn delete(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
    Query(how): Query<DeleteQuery>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    if how.erase {
        return erase_entity(&access, &data, id, &conditions).await;
    }
    for _ in 0..ATTEMPTS {
        let (current, _) = seen::writable(&data, &access, id).await?;
        conditions.check(seen::tag(id, &current))?;
        let intent = Intent::Close { entity: current.id, seen: current.version };
        let mut tx = data.spine().begin(access.caller().cause()).await?;
        let written = apply(&mut tx, vec![intent]).await?;
        tx.commit().await?;
        match written.first().map(|written| written.outcome) {
            Some(Outcome::ChangedMeanwhile) => {}
            Some(Outcome::Gone) | None => return Err(Problem::not_found()),
            Some(_) => return Ok(StatusCode::NO_CONTENT),
        }
    }
    Err(DataError::ChangedMeanwhile.into())
}

/// Also what was closed before can be erased: its history is still there.
async fn erase_entity(
    access: &Access,
    data: &Data,
    id: Uuid,
    conditions: &Conditions,
) -> Result<StatusCode, Problem> {
    let (version, resource) = seen::readable_history(data, access, id).await?;
    access.require(actions::ENTITY_WRITE, &resource)?;
    conditions.check(seen::tag(id, &version))?;
    let mut tx = data.spine().begin(access.caller().cause()).await?;
    erase::forget(&mut tx, &Scope::Entity(version.id)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
