//! The life of a plugin, from its installation to its removal: each step is one transaction with its event.

mod change;
mod install;
mod source;

pub use install::Installation;
pub use source::{From, Source};

use std::sync::Arc;

use contracts::api::Conditions;
use contracts::events::plugins::PluginChanged;
use spine::{Cause, Tx};

use crate::error::PluginsError;
use crate::plugin::Installed;
use crate::service::Plugins;
use crate::store;

/// So many versions of a plugin are kept, beside the one that is called and the pending one.
const VERSIONS: usize = 5;

impl Plugins {
    /// The plugin, locked.
    pub(crate) async fn locked(&self, tx: &mut Tx, id: &str) -> Result<Installed, PluginsError> {
        store::plugins::lock(tx.conn(), id).await?.ok_or(PluginsError::NotFound)
    }

    /// Ends a transaction that changed a plugin: records the event, commits, and shows this process the
    /// new state with the commit. Running calls end on what they began with.
    pub(crate) async fn changed(
        &self,
        mut tx: Tx,
        id: &str,
        change: &'static str,
        reason: Option<&str>,
    ) -> Result<(), PluginsError> {
        let installed = Arc::new(self.locked(&mut tx, id).await?);
        record(&mut tx, &installed, change, reason)?;
        let (plugins, fresh) = (self.clone(), installed);
        tx.on_commit(move || {
            // A plugin that was put right begins anew; one that is not called has no row to go on with.
            plugins.0.health.begin_anew(fresh.id());
            plugins.0.catalogue.put(fresh);
        });
        tx.commit().await?;
        Ok(())
    }

    async fn begin(&self, cause: &Cause) -> Result<Tx, PluginsError> {
        Ok(self.0.spine.begin(cause.clone()).await?)
    }
}

/// The caller has seen the plugin as it is, if they say what they have seen (`If-Match`).
fn has_seen(seen: &Conditions, installed: &Installed) -> Result<(), PluginsError> {
    seen.check(installed.revision).map_err(PluginsError::Refused)
}

fn record(
    tx: &mut Tx,
    installed: &Installed,
    change: &'static str,
    reason: Option<&str>,
) -> Result<(), PluginsError> {
    tx.record(&PluginChanged {
        plugin: installed.id().to_owned(),
        version: installed.manifest.version.to_string(),
        digest: hex::encode(installed.digest),
        change: change.to_owned(),
        pending: installed.pending.clone(),
        account: None,
        reason: reason.map(str::to_owned),
    })?;
    Ok(())
}
