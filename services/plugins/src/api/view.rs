//! Plugins as the API shows them.

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::PluginsError;
use crate::health::HealthView;
use crate::manifest::{Manifest, World};
use crate::plugin::{Capabilities, Installed, PluginState};
use crate::service::Plugins;
use crate::store;

/// A plugin in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginSummary {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The version that is called.
    pub version: String,
    /// What it is.
    pub world: World,
    /// What it does.
    pub description: String,
    /// Where it is in its life.
    pub state: PluginState,
    /// Whether it was granted what it asks for.
    pub granted: bool,
    /// A newer version that asks for more than was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
}

/// A plugin.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginView {
    /// Its id.
    pub id: String,
    /// The version that is called.
    pub version: String,
    /// SHA-256 of its component, in hex.
    pub digest: String,
    /// Where it is in its life.
    pub state: PluginState,
    /// Why it is quarantined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What it asks for.
    pub asks: Capabilities,
    /// What was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<GrantView>,
    /// Whether the grant covers what it asks for.
    pub is_granted: bool,
    /// A newer version that waits for a grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingView>,
    /// JSON Schema of the settings of an account: what a form is made from.
    pub config_schema: Value,
    /// The kinds of records that it makes.
    pub kinds: Vec<String>,
    /// Whether its releases are signed.
    pub signed: bool,
    /// The versions that are kept, newest first.
    pub versions: Vec<VersionView>,
    /// How it does.
    pub health: HealthView,
    /// When it was installed.
    pub installed_at: DateTime<Utc>,
    /// When it was changed last.
    pub changed_at: DateTime<Utc>,
}

/// What was granted.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantView {
    /// What it may do.
    pub capabilities: Capabilities,
    /// Private networks that it may reach.
    #[schema(value_type = Vec<String>)]
    pub networks: Vec<IpNet>,
    /// Who granted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A version that waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingView {
    /// Which.
    pub version: String,
    /// What it asks for.
    pub asks: Capabilities,
}

/// A version that is kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginVersion)]
pub struct VersionView {
    /// Which.
    pub version: String,
    /// SHA-256 of its component, in hex.
    pub digest: String,
    /// When it came.
    pub added_at: DateTime<Utc>,
}

impl PluginSummary {
    pub(super) fn of(installed: &Installed) -> Self {
        let manifest = &installed.manifest;
        Self {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            world: manifest.world,
            description: manifest.description.clone(),
            state: installed.state,
            granted: installed.is_granted,
            pending: installed.pending.clone(),
        }
    }
}

impl Plugins {
    /// A plugin with its versions and its health.
    pub(super) async fn view(&self, installed: &Installed) -> Result<PluginView, PluginsError> {
        let id = installed.id();
        let versions = store::versions::of(self.0.spine.pool(), id).await?;
        let written = store::health::find(self.0.spine.pool(), id).await?;
        let pending = match &installed.pending {
            None => None,
            Some(version) => Some(PendingView {
                version: version.clone(),
                asks: self.pending_asks(id, version).await?,
            }),
        };
        let granted = installed.granted.as_ref().map(|granted| GrantView {
            capabilities: granted.capabilities.clone(),
            networks: granted.networks.clone(),
            by: installed.granted_by.clone(),
        });
        let version = |version: store::versions::Version| VersionView {
            version: version.version,
            digest: hex::encode(version.digest),
            added_at: version.added_at,
        };
        Ok(PluginView {
            id: id.to_owned(),
            version: installed.manifest.version.to_string(),
            digest: hex::encode(installed.digest),
            state: installed.state,
            reason: installed.reason.clone(),
            manifest: installed.manifest.clone(),
            asks: installed.asks(),
            granted,
            is_granted: installed.is_granted,
            pending,
            config_schema: installed.config_schema.clone(),
            kinds: installed.kinds.to_vec(),
            signed: installed.publisher_key.is_some(),
            versions: versions.into_iter().map(version).collect(),
            health: self.0.health.view(id, written),
            installed_at: installed.installed_at,
            changed_at: installed.changed_at,
        })
    }
}
