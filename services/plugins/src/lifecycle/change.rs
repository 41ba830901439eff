//! Grants, enabling and disabling, going back, quarantine.

use contracts::api::Conditions;
use semver::Version;
use spine::Cause;

use super::has_seen;
use crate::error::PluginsError;
use crate::manifest::Manifest;
use crate::plugin::{Capabilities, Grant, Installed, PluginState};
use crate::service::Plugins;
use crate::store;
use crate::store::plugins::Change;
use crate::store::versions::Version as Kept;

impl Plugins {
    /// Grants a plugin what it asks for, or more; a version that waited for it takes over.
    ///
    /// # Errors
    /// It is less than what the plugin asks for, names a network that the settings do not allow, or the plugin
    /// is not as the caller has seen it.
    pub async fn grant(
        &self,
        cause: &Cause,
        id: &str,
        grant: &Grant,
        seen: &Conditions,
    ) -> Result<(), PluginsError> {
        grant.check().map_err(PluginsError::Invalid)?;
        if let Some(network) = grant.networks.iter().find(|network| !self.allows(network)) {
            return Err(PluginsError::Invalid(format!(
                "the network {network} is not within those that the node's settings allow"
            )));
        }
        let mut tx = self.begin(cause).await?;
        let before = self.locked(&mut tx, id).await?;
        has_seen(seen, &before)?;
        let current = before.manifest.version.to_string();
        let now = self.0.spine.clock().now();
        let by = cause.actor.as_deref();
        let none = Change::none(&before, &current);
        let granted = Change { granted: Some(grant), granted_by: by, ..none };
        if let Some(pending) = &before.pending {
            let kept = store::versions::of_locked(tx.conn(), id).await?;
            let waiting = waiting(id, pending, kept)?;
            if asks(&waiting)?.fits_within(&grant.capabilities) {
                // From now on its publisher signs, if this one did.
                let signed = waiting.publisher_key.as_deref();
                let change = Change {
                    version: pending,
                    pending: None,
                    publisher_key: signed.or(before.publisher_key.as_deref()),
                    ..granted
                };
                store::plugins::update(tx.conn(), id, &change, now).await?;
                self.tidy(&mut tx, id, [pending, ""]).await?;
                return self.changed(tx, id, "upgraded", None).await;
            }
        }
        if !before.asks().fits_within(&grant.capabilities) {
            return Err(PluginsError::Invalid(
                "the grant is less than what the plugin asks for".to_owned(),
            ));
        }
        store::plugins::update(tx.conn(), id, &granted, now).await?;
        self.changed(tx, id, "granted", None).await
    }

    /// What a pending version asks for.
    pub(crate) async fn pending_asks(
        &self,
        id: &str,
        pending: &str,
    ) -> Result<Capabilities, PluginsError> {
        asks(&waiting(id, pending, store::versions::of(self.0.spine.pool(), id).await?)?)
    }

    /// Lets a plugin be called; a quarantined one begins anew.
    ///
    /// # Errors
    /// It was not granted what it asks for.
    pub async fn enable(
        &self,
        cause: &Cause,
        id: &str,
        seen: &Conditions,
    ) -> Result<(), PluginsError> {
        let mut tx = self.begin(cause).await?;
        let before = self.locked(&mut tx, id).await?;
        has_seen(seen, &before)?;
        if !before.is_granted {
            return Err(PluginsError::NotGranted(Box::new(before.asks())));
        }
        let told = match before.state {
            PluginState::Enabled => return Ok(()),
            PluginState::Quarantined => "recovered",
            PluginState::Installed | PluginState::Disabled => "enabled",
        };
        let current = before.manifest.version.to_string();
        let change =
            Change { state: PluginState::Enabled, reason: None, ..Change::none(&before, &current) };
        store::plugins::update(tx.conn(), id, &change, self.0.spine.clock().now()).await?;
        self.changed(tx, id, told, None).await
    }

    /// Lets a plugin not be called.
    ///
    /// # Errors
    /// There is none.
    pub async fn disable(
        &self,
        cause: &Cause,
        id: &str,
        seen: &Conditions,
    ) -> Result<(), PluginsError> {
        let mut tx = self.begin(cause).await?;
        let before = self.locked(&mut tx, id).await?;
        has_seen(seen, &before)?;
        if before.state == PluginState::Disabled {
            return Ok(());
        }
        let current = before.manifest.version.to_string();
        let change = Change {
            state: PluginState::Disabled,
            reason: None,
            ..Change::none(&before, &current)
        };
        store::plugins::update(tx.conn(), id, &change, self.0.spine.clock().now()).await?;
        self.changed(tx, id, "disabled", None).await
    }

    /// Goes back to a version that was kept: to the one before, where none is named.
    ///
    /// # Errors
    /// There is no such version, or it asks for more than was granted.
    pub async fn roll_back(
        &self,
        cause: &Cause,
        id: &str,
        to: Option<&str>,
        seen: &Conditions,
    ) -> Result<(), PluginsError> {
        let mut tx = self.begin(cause).await?;
        let before = self.locked(&mut tx, id).await?;
        has_seen(seen, &before)?;
        let current = &before.manifest.version;
        let kept = store::versions::of_locked(tx.conn(), id).await?;
        let older = |text: &str| Version::parse(text).ok().filter(|version| version < current);
        let target = match to {
            Some(wanted) => kept.iter().find(|version| {
                version.version == wanted && version.version != current.to_string()
            }),
            None => kept
                .iter()
                .filter(|v| older(&v.version).is_some())
                .max_by_key(|v| older(&v.version)),
        };
        let target =
            target.ok_or(PluginsError::Conflict("There is no such version to go back to"))?;
        let asks = asks(target)?;
        let fits =
            before.granted.as_ref().is_none_or(|granted| asks.fits_within(&granted.capabilities));
        if !fits {
            return Err(PluginsError::NotGranted(Box::new(asks)));
        }
        let change = Change { pending: None, ..Change::none(&before, &target.version) };
        store::plugins::update(tx.conn(), id, &change, self.0.spine.clock().now()).await?;
        self.changed(tx, id, "rolled_back", None).await
    }

    /// Takes a plugin that was stopped too often in a row out of service.
    pub(crate) async fn quarantine(
        &self,
        called: &Installed,
        reason: &str,
    ) -> Result<(), PluginsError> {
        let id = called.id();
        let mut tx = self.0.spine.begin_worker(Cause::system()).await?;
        let Some(before) = store::plugins::lock(tx.conn(), id).await? else { return Ok(()) };
        // Somebody saw to it meanwhile.
        if before.state != PluginState::Enabled || before.digest != called.digest {
            return Ok(());
        }
        let reason: String = reason.replace('\0', "\u{fffd}").chars().take(500).collect();
        let current = before.manifest.version.to_string();
        let change = Change {
            state: PluginState::Quarantined,
            reason: Some(&reason),
            ..Change::none(&before, &current)
        };
        store::plugins::update(tx.conn(), id, &change, self.0.spine.clock().now()).await?;
        self.changed(tx, id, "quarantined", Some(&reason)).await?;
        tracing::error!(plugin.id = id, reason, "a plugin is quarantined");
        Ok(())
    }
}

/// The version that waits, of those that are kept.
fn waiting(id: &str, pending: &str, kept: Vec<Kept>) -> Result<Kept, PluginsError> {
    kept.into_iter().find(|version| version.version == pending).ok_or_else(|| {
        PluginsError::Stored(format!("the pending version {pending} of {id} is missing"))
    })
}

/// What a kept version asks for.
fn asks(version: &Kept) -> Result<Capabilities, PluginsError> {
    Ok(Capabilities::of(&Manifest::parse(&version.manifest)?))
}
