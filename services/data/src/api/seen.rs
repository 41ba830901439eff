//! Entities as somebody may see or write them.

use contracts::access::{Access, Action, Resource, actions};
use spine::Problem;
use uuid::Uuid;

use crate::graph::Version;
use crate::store::{keys, read};
use crate::{Data, DataError};

/// An entity, as the policy sees it.
pub(super) fn resource(version: &Version, keeper: Option<String>) -> Resource {
    let content = &version.content;
    let resource = Resource::new("entity", version.id.to_string(), content.space.clone())
        .labelled(content.labels.iter().cloned())
        .of_class(content.r#type.clone());
    match keeper {
        Some(keeper) => resource.kept_by(keeper),
        None => resource,
    }
}

/// Its keeper, for the policy.
pub(super) async fn keeper(data: &Data, id: Uuid) -> Result<Option<String>, DataError> {
    let keepers = read::keepers(data.spine().pool(), &[id]).await?;
    Ok(keepers.into_iter().next().map(|(_, by)| by))
}

/// The entity that has this id now, if the caller may read it, as the policy sees it.
///
/// # Errors
/// 404 where it is not there or hidden; 401 and 403 as the policy says.
pub(super) async fn readable(
    data: &Data,
    access: &Access,
    id: Uuid,
) -> Result<(Version, Resource), Problem> {
    allowed(data, access, id, None).await
}

/// The same, if the caller may also write it.
///
/// # Errors
/// 404 where it is not there or hidden; 401 and 403 as the policy says.
pub(super) async fn writable(
    data: &Data,
    access: &Access,
    id: Uuid,
) -> Result<(Version, Resource), Problem> {
    allowed(data, access, id, Some(actions::ENTITY_WRITE)).await
}

async fn allowed(
    data: &Data,
    access: &Access,
    id: Uuid,
    also: Option<Action>,
) -> Result<(Version, Resource), Problem> {
    let Some((version, keeper)) = read::current(data.spine().pool(), id).await? else {
        return Err(absent(access));
    };
    let resource = resource(&version, keeper);
    access.require_visible(actions::ENTITY_READ, &resource)?;
    if let Some(also) = also {
        access.require(also, &resource)?;
    }
    Ok((version, resource))
}

/// What is not there looks like what is hidden: who asks without a token is told so either way.
pub(super) fn absent(access: &Access) -> Problem {
    match access.permitted(actions::ENTITY_READ) {
        Ok(_) => Problem::not_found(),
        Err(problem) => problem,
    }
}

/// The tag of what is shown under an id. What became part of another one is shown as that, whose versions
/// are counted by themselves: its tag names it.
pub(super) fn tag(asked: Uuid, version: &Version) -> String {
    match version.id == asked {
        true => version.number().to_string(),
        false => format!("{}.{}", version.id, version.number()),
    }
}

/// Entities by the ids under which they are asked for, as they are now.
pub(super) async fn several(
    data: &Data,
    ids: &[Uuid],
) -> Result<std::collections::HashMap<Uuid, (Version, Option<String>)>, DataError> {
    let pool = data.spine().pool();
    let mut conn = pool.acquire().await?;
    let roots = keys::roots(&mut conn, ids).await?;
    drop(conn);
    let wanted: Vec<Uuid> = roots.iter().map(|(_, root)| *root).collect();
    let versions: std::collections::HashMap<Uuid, Version> =
        read::many(pool, &wanted).await?.into_iter().map(|v| (v.id, v)).collect();
    let keepers: std::collections::HashMap<Uuid, String> =
        read::keepers(pool, &wanted).await?.into_iter().collect();
    Ok(roots
        .into_iter()
        .filter_map(|(id, root)| {
            Some((id, (versions.get(&root)?.clone(), keepers.get(&root).cloned())))
        })
        .collect())
}

/// The newest version of an entity that the caller may read, also where it holds no more.
///
/// # Errors
/// 404 where it was never there or is hidden; 401 and 403 as the policy says.
pub(super) async fn readable_history(
    data: &Data,
    access: &Access,
    id: Uuid,
) -> Result<(Version, Resource), Problem> {
    let pool = data.spine().pool();
    let Some(root) = read::root(pool, id).await? else { return Err(absent(access)) };
    let Some(version) = read::newest(pool, root).await? else { return Err(absent(access)) };
    let resource = resource(&version, keeper(data, version.id).await?);
    access.require_visible(actions::ENTITY_READ, &resource)?;
    Ok((version, resource))
}
