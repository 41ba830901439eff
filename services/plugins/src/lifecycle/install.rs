//! Installs and upgrades: a component is looked through, compiled and asked to describe itself before
//! anything is stored.

use std::sync::Arc;

use contracts::api::Conditions;
use semver::Version;
use spine::{Cause, Tx};

use super::source::Source;
use super::{VERSIONS, has_seen, record};
use crate::engine::{Answer, Bounds, Call, CallError, Description, Digest};
use crate::error::PluginsError;
use crate::host::log::Log;
use crate::host::{Guest, Names};
use crate::manifest::{self, Inspected};
use crate::plugin::{Capabilities, Installed};
use crate::schema;
use crate::service::Plugins;
use crate::signature::{self, PublisherKey};
use crate::store;
use crate::store::plugins::Change;

/// What came of an installation or an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installation {
    /// It is there now.
    Done,
    /// It was there already.
    Unchanged,
    /// It asks for more than was granted: the version before stays until the operator grants it.
    Pending,
}

/// A component that may be stored.
struct Fit {
    wasm: Vec<u8>,
    digest: Digest,
    inspected: Inspected,
    description: Description,
    publisher_key: Option<PublisherKey>,
}

impl Plugins {
    /// Installs a plugin. It does nothing until it is granted what it asks for, and enabled.
    ///
    /// # Errors
    /// The component is refused, or another one of this id is installed.
    pub async fn install(
        &self,
        cause: &Cause,
        source: Source,
    ) -> Result<(String, Installation), PluginsError> {
        let (wasm, digest) = self.bring(source.from, source.sha256.as_deref()).await?;
        let inspected = manifest::inspect(&wasm)?;
        let id = inspected.manifest.id.clone();
        if let Some(there) = self.0.catalogue.find(&id) {
            return already(&there, &digest, id);
        }
        let key =
            signature::verify(&inspected, &digest, &source.signed, &self.0.trusted_keys, None)?;
        let fit = self.fit(wasm, digest, inspected, key).await?;
        let mut tx = self.begin(cause).await?;
        let now = self.0.spine.clock().now();
        let version = fit.inspected.manifest.version.to_string();
        let key = fit.publisher_key.as_ref().map(|key| &key[..]);
        if !store::plugins::insert(tx.conn(), &id, &version, key, now).await? {
            let there = self.locked(&mut tx, &id).await?;
            return already(&there, &digest, id);
        }
        self.keep(&mut tx, &fit).await?;
        self.changed(tx, &id, "installed", None).await?;
        Ok((id, Installation::Done))
    }

    /// Upgrades a plugin. Should the new version ask for more than was granted, the old one stays until
    /// the operator grants it; should it fail to describe itself, nothing changes.
    ///
    /// # Errors
    /// The component is refused, of another plugin, not newer, or not signed as the one before; or the
    /// plugin is not as the caller has seen it.
    pub async fn upgrade(
        &self,
        cause: &Cause,
        id: &str,
        source: Source,
        seen: &Conditions,
    ) -> Result<Installation, PluginsError> {
        let before = self.0.catalogue.find(id).ok_or(PluginsError::NotFound)?;
        has_seen(seen, &before)?;
        let (wasm, digest) = self.bring(source.from, source.sha256.as_deref()).await?;
        let inspected = manifest::inspect(&wasm)?;
        if let Some(done) = fits_as_upgrade(&before, &inspected, &digest)? {
            return Ok(done);
        }
        let expected = before.publisher_key.as_deref();
        let key =
            signature::verify(&inspected, &digest, &source.signed, &self.0.trusted_keys, expected)?;
        let fit = self.fit(wasm, digest, inspected, key).await?;

        let mut tx = self.begin(cause).await?;
        let now_there = self.locked(&mut tx, id).await?;
        if now_there.revision != before.revision {
            return Err(PluginsError::ChangedMeanwhile);
        }
        self.keep(&mut tx, &fit).await?;
        let now = self.0.spine.clock().now();
        let current = before.manifest.version.to_string();
        let newer = fit.inspected.manifest.version.to_string();
        let asks = Capabilities::of(&fit.inspected.manifest);
        let granted = before.granted.as_ref();
        let widens = granted.is_some_and(|granted| !asks.fits_within(&granted.capabilities));
        let key =
            fit.publisher_key.as_ref().map(|key| &key[..]).or(before.publisher_key.as_deref());
        let none = Change::none(&before, &current);
        let (change, told, done) = if widens {
            let change = Change { pending: Some(&newer), ..none };
            (change, "upgrade_pending", Installation::Pending)
        } else {
            let change = Change { version: &newer, pending: None, publisher_key: key, ..none };
            (change, "upgraded", Installation::Done)
        };
        store::plugins::update(tx.conn(), id, &change, now).await?;
        self.tidy(&mut tx, id, [change.version, change.pending.unwrap_or_default()]).await?;
        self.changed(tx, id, told, None).await?;
        Ok(done)
    }

    /// Compiles a component and asks it to describe itself.
    async fn fit(
        &self,
        wasm: Vec<u8>,
        digest: Digest,
        inspected: Inspected,
        publisher_key: Option<PublisherKey>,
    ) -> Result<Fit, PluginsError> {
        let description = self.describe(&wasm, &inspected).await?;
        schema::compile(&description.config_schema).map_err(PluginsError::Schema)?;
        Ok(Fit { wasm, digest, inspected, description, publisher_key })
    }

    /// What a component's code says of itself, asked with nothing but a log.
    async fn describe(
        &self,
        wasm: &[u8],
        inspected: &Inspected,
    ) -> Result<Description, PluginsError> {
        let manifest = &inspected.manifest;
        let prepared = self.0.engine.compile(wasm.to_vec(), manifest.world).await?;
        let limits = manifest.limits().of_description();
        let bounds = Bounds { limits, kinds: Arc::new([]), plugin: manifest.id.as_str().into() };
        let names = Names { plugin: Arc::clone(&bounds.plugin), account: None };
        let log = Log::new(names, self.log_budget(&manifest.id));
        let guest = || Guest::bare(&limits, log, self.0.spine.clock().clone());
        let outcome = self.0.engine.call(&prepared, &bounds, guest, Call::Describe).await;
        match outcome.result.map_err(PluginsError::Describe)? {
            Answer::Description(description) => Ok(description),
            _ => Err(PluginsError::Describe(CallError::Stopped(
                "it answered another call".to_owned(),
            ))),
        }
    }

    /// Stores a component and its version.
    async fn keep(&self, tx: &mut Tx, fit: &Fit) -> Result<(), PluginsError> {
        let now = self.0.spine.clock().now();
        let manifest = &fit.inspected.manifest;
        let version = manifest.version.to_string();
        store::components::keep(tx.conn(), &fit.digest, &fit.wasm, now).await?;
        store::versions::keep(
            tx.conn(),
            &manifest.id,
            &version,
            &store::versions::Release {
                digest: &fit.digest,
                manifest: &fit.inspected.text,
                description: &fit.description,
                publisher_key: fit.publisher_key.as_ref().map(|key| &key[..]),
            },
            now,
        )
        .await?;
        Ok(())
    }

    /// Drops the oldest versions, but for those that are used.
    pub(super) async fn tidy(
        &self,
        tx: &mut Tx,
        id: &str,
        used: [&str; 2],
    ) -> Result<(), PluginsError> {
        let versions = store::versions::of_locked(tx.conn(), id).await?;
        let spare = versions.into_iter().map(|version| version.version);
        let old: Vec<String> =
            spare.filter(|version| !used.contains(&version.as_str())).skip(VERSIONS).collect();
        if !old.is_empty() {
            store::versions::drop(tx.conn(), id, &old).await?;
        }
        store::components::drop_unused(tx.conn()).await?;
        Ok(())
    }

    /// Removes a plugin, with its versions, and with the secrets and the state of all of its accounts.
    ///
    /// # Errors
    /// There is none.
    pub async fn remove(
        &self,
        cause: &Cause,
        id: &str,
        seen: &Conditions,
    ) -> Result<(), PluginsError> {
        let mut tx = self.begin(cause).await?;
        let installed = self.locked(&mut tx, id).await?;
        has_seen(seen, &installed)?;
        store::plugins::delete(tx.conn(), id).await?;
        store::components::drop_unused(tx.conn()).await?;
        record(&mut tx, &installed, "removed", None)?;
        let (plugins, id, revision) = (self.clone(), id.to_owned(), installed.revision);
        tx.on_commit(move || {
            plugins.0.catalogue.remove(&id, revision);
            plugins.0.health.forget(&id);
        });
        tx.commit().await?;
        Ok(())
    }
}

/// An installation of what is there.
fn already(
    there: &Installed,
    digest: &Digest,
    id: String,
) -> Result<(String, Installation), PluginsError> {
    if there.digest == *digest {
        Ok((id, Installation::Unchanged))
    } else {
        Err(PluginsError::Installed(id))
    }
}

/// Whether a component can take the place of what is there; `Some` where nothing is to be done.
fn fits_as_upgrade(
    before: &Installed,
    inspected: &Inspected,
    digest: &Digest,
) -> Result<Option<Installation>, PluginsError> {
    let (old, new) = (&before.manifest, &inspected.manifest);
    if (&old.id, old.world) != (&new.id, new.world) {
        return Err(PluginsError::OtherPlugin {
            wanted: format!("the {} {}", old.world, old.id),
            found: format!("the {} {}", new.world, new.id),
        });
    }
    if before.digest == *digest {
        return Ok(Some(Installation::Unchanged));
    }
    // Without build metadata, which says nothing of what is newer (semver, section 10).
    if Version::cmp_precedence(&new.version, &old.version).is_le() {
        return Err(PluginsError::NotNewer {
            current: old.version.to_string(),
            found: new.version.to_string(),
        });
    }
    Ok(None)
}
