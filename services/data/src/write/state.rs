//! Entities, locked and in memory.

use std::collections::HashMap;

use contracts::access::SpaceId;
use spine::Tx;
use uuid::Uuid;

use crate::DataError;
use crate::graph::{Contribution, Version};
use crate::store::{entities, keys};

/// An entity as it is before and while it is written.
#[derive(Default)]
pub(super) struct State {
    pub(super) last_version: i32,
    pub(super) erased: bool,
    pub(super) current: Option<Version>,
    pub(super) contributions: Vec<Contribution>,
    /// Where a person moved it.
    pub(super) moved: Option<SpaceId>,
    pub(super) dirty: bool,
}

/// Locks these entities and reads what is said of them.
pub(super) async fn load(tx: &mut Tx, roots: &[Uuid]) -> Result<HashMap<Uuid, State>, DataError> {
    let mut states: HashMap<Uuid, State> = HashMap::new();
    if roots.is_empty() {
        return Ok(states);
    }
    for root in keys::lock(tx.conn(), roots).await? {
        let state =
            State { last_version: root.last_version, erased: root.erased, ..State::default() };
        states.insert(root.id, state);
    }
    for version in entities::now(tx.conn(), roots).await? {
        if let Some(state) = states.get_mut(&version.id) {
            state.current = Some(version);
        }
    }
    for (root, contribution) in keys::contributions(tx.conn(), roots).await? {
        if let Some(state) = states.get_mut(&root) {
            state.contributions.push(contribution);
        }
    }
    Ok(states)
}
