//! The keys of remote actors, parsed once and kept for as long as they are used.

use std::sync::Arc;
use std::time::Duration;

use activitypub::keys::PublicKey;
use moka::sync::Cache;
use sqlx::PgPool;

use crate::store::inbound_accounts;

/// Actors whose keys are kept parsed.
const CAPACITY: u64 = 20_000;
/// After this long the database is asked again, in case another process changed the actor and the
/// news was lost.
const LIFE: Duration = Duration::from_secs(600);
/// Which actor lists a key never changes while the actor lists it; kept for signed GETs.
const OWNERS: u64 = 20_000;

/// An actor as far as checking its signatures goes.
#[derive(Debug)]
pub(crate) struct ActorKeys {
    /// Suspended by this node: nothing of it is taken.
    pub(crate) suspended: bool,
    /// Deleted; its tombstone is left.
    pub(crate) deleted: bool,
    /// The host of its inbox, with its port: where our deliveries go.
    pub(crate) inbox_host: String,
    /// The domain of its handle, which need not be its host; `None`: ours.
    pub(crate) domain: Option<String>,
    keys: Vec<(String, PublicKey)>,
}

impl ActorKeys {
    /// The key with this id, if the actor lists it.
    pub(crate) fn find(&self, key_id: &str) -> Option<&PublicKey> {
        self.keys.iter().find(|(id, _)| id == key_id).map(|(_, key)| key)
    }
}

/// The keys of one process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct KeyCache {
    actors: Cache<String, Arc<ActorKeys>>,
    owners: Cache<String, Arc<str>>,
}

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self {
            actors: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build(),
            owners: Cache::builder().max_capacity(OWNERS).time_to_live(LIFE).build(),
        }
    }

    /// The known keys of this actor; `None` where the actor is unknown.
    pub(crate) async fn of_actor(
        &self,
        pool: &PgPool,
        actor: &str,
    ) -> sqlx::Result<Option<Arc<ActorKeys>>> {
        if let Some(known) = self.actors.get(actor) {
            return Ok(Some(known));
        }
        let Some(row) = inbound_accounts::actor_keys(pool, actor).await? else { return Ok(None) };
        let keys = row
            .key_ids
            .into_iter()
            .zip(row.materials)
            .filter_map(|(id, material)| match parse_key(&material) {
                Some(key) => Some((id, key)),
                None => {
                    tracing::debug!(key.id = id, "a stored key cannot be used");
                    None
                }
            })
            .collect();
        let known = Arc::new(ActorKeys {
            suspended: row.suspended,
            deleted: row.deleted,
            domain: row.domain,
            inbox_host: row.inbox_host,
            keys,
        });
        self.actors.insert(actor.to_owned(), known.clone());
        Ok(Some(known))
    }

    /// The actor that lists this key, if it is known.
    pub(crate) async fn owner(
        &self,
        pool: &PgPool,
        key_id: &str,
    ) -> sqlx::Result<Option<Arc<str>>> {
        if let Some(known) = self.owners.get(key_id) {
            return Ok(Some(known));
        }
        let owner = inbound_accounts::owner_of_key(pool, key_id).await?.map(Arc::<str>::from);
        if let Some(owner) = &owner {
            self.owners.insert(key_id.to_owned(), owner.clone());
        }
        Ok(owner)
    }

    /// Forgets an actor: it changed.
    pub(crate) fn forget(&self, actor: &str) {
        self.actors.invalidate(actor);
    }

    /// Forgets everybody.
    pub(crate) fn forget_all(&self) {
        self.actors.invalidate_all();
        self.owners.invalidate_all();
    }
}

/// A key in either form in which actors publish them.
pub(crate) fn parse_key(material: &str) -> Option<PublicKey> {
    let material = material.trim();
    if material.starts_with("-----") {
        PublicKey::from_pem(material).ok()
    } else {
        PublicKey::from_multibase(material).ok()
    }
}
