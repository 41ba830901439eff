//! An installed plugin: its state, what it asks for, what was granted.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use jsonschema::Validator;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use crate::engine::{Bounds, Digest};
use crate::manifest::{HostPattern, Limits, Manifest, SecretAsked};
use crate::schema;

/// Where a plugin is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PluginState {
    /// It is here, and was never enabled.
    Installed,
    /// It is called.
    Enabled,
    /// It was enabled, and is not called.
    Disabled,
    /// It broke its limits or trapped too often in a row, and is not called until somebody enables it.
    Quarantined,
}

impl PluginState {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Quarantined => "quarantined",
        }
    }
}

impl fmt::Display for PluginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PluginState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Installed, Self::Enabled, Self::Disabled, Self::Quarantined]
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| format!("{text:?} is no state of a plugin"))
    }
}

/// What a plugin asks for, or may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Hosts that it talks to, as its manifest writes them.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub hosts: Vec<String>,
    /// Secrets that it uses.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub secrets: Vec<SecretCapability>,
    /// Whether outside services call it.
    #[serde(default)]
    pub webhooks: bool,
    /// How much state it keeps for each account, in KiB.
    #[serde(default)]
    pub state_kib: u32,
    /// How often it wants to sync, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_seconds: Option<u32>,
    /// The limits of its calls.
    pub limits: Limits,
}

/// A secret that a plugin uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretCapability {
    /// Its name.
    pub name: String,
    /// Whether the plugin itself reads it; otherwise only the host uses it.
    #[serde(default)]
    pub readable: bool,
    /// Where people sign in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in_at: Option<String>,
}

/// What the operator grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// What the plugin may do: at least what it asks for.
    pub capabilities: Capabilities,
    /// Private networks that it may reach, also by plain http. Each must lie within those that the node's
    /// own settings allow.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 20)]
    pub networks: Vec<IpNet>,
}

impl Capabilities {
    /// What a manifest asks for.
    pub fn of(manifest: &Manifest) -> Self {
        let asked = &manifest.capabilities;
        Self {
            hosts: asked.hosts.clone(),
            secrets: manifest.secrets.iter().map(SecretCapability::of).collect(),
            webhooks: asked.webhooks,
            state_kib: asked.state_kib,
            schedule_seconds: asked.schedule_seconds,
            limits: manifest.limits(),
        }
    }

    /// Whether this is no more than was granted.
    pub fn fits_within(&self, granted: &Self) -> bool {
        // A named host is more than `*` where secrets are: they go only to named ones.
        let host = |host: &String| {
            granted.hosts.contains(host)
                || (self.secrets.is_empty() && granted.hosts.iter().any(|granted| granted == "*"))
        };
        let secret = |secret: &SecretCapability| {
            granted.secrets.iter().any(|granted| {
                granted.name == secret.name
                    && granted.sign_in_at == secret.sign_in_at
                    && (granted.readable || !secret.readable)
            })
        };
        let schedule = match (self.schedule_seconds, granted.schedule_seconds) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(asked), Some(granted)) => asked >= granted,
        };
        self.hosts.iter().all(host)
            && self.secrets.iter().all(secret)
            && (granted.webhooks || !self.webhooks)
            && self.state_kib <= granted.state_kib
            && schedule
            && self.limits.fits_within(&granted.limits)
    }
}

impl SecretCapability {
    fn of(secret: &SecretAsked) -> Self {
        Self {
            name: secret.name.clone(),
            readable: !secret.inject_only,
            sign_in_at: secret.oauth2.as_ref().map(|oauth| oauth.token_endpoint.clone()),
        }
    }
}

/// A plugin as it is called now.
pub(crate) struct Installed {
    pub(crate) revision: i64,
    pub(crate) state: PluginState,
    pub(crate) manifest: Manifest,
    pub(crate) digest: Digest,
    pub(crate) config_schema: Value,
    pub(crate) kinds: Arc<[String]>,
    pub(crate) granted: Option<Grant>,
    pub(crate) granted_by: Option<String>,
    pub(crate) pending: Option<String>,
    pub(crate) publisher_key: Option<Vec<u8>>,
    pub(crate) reason: Option<String>,
    pub(crate) installed_at: DateTime<Utc>,
    pub(crate) changed_at: DateTime<Utc>,
    pub(crate) hosts: Arc<[HostPattern]>,
    pub(crate) secrets: Arc<[SecretAsked]>,
    /// Whether what it asks for was granted.
    pub(crate) is_granted: bool,
    /// What bounds its calls.
    pub(crate) bounds: Bounds,
    /// Places for calls: what one plugin may hold of the node at once is bounded.
    pub(crate) slots: Semaphore,
    pub(crate) validator: OnceLock<Result<Validator, String>>,
}

/// So many calls of a plugin run at once, evaluations apart: each may hold its memory limit.
pub(crate) const SLOTS: usize = 8;

impl Installed {
    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.manifest.id
    }

    /// What it asks for.
    pub(crate) fn asks(&self) -> Capabilities {
        Capabilities::of(&self.manifest)
    }

    /// Checks an account's configuration.
    pub(crate) fn check_config(&self, config: &Value) -> Result<(), String> {
        let made = self.validator.get_or_init(|| schema::compile(&self.config_schema));
        schema::check(made.as_ref().map_err(Clone::clone)?, config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::World;

    fn capabilities() -> Capabilities {
        Capabilities {
            hosts: vec!["a.example".to_owned()],
            secrets: vec![SecretCapability {
                name: "key".to_owned(),
                readable: false,
                sign_in_at: None,
            }],
            webhooks: false,
            state_kib: 64,
            schedule_seconds: Some(600),
            limits: Limits::usual(World::Connector),
        }
    }

    #[test]
    fn narrowing_asks_nothing_and_widening_does() {
        let granted = capabilities();
        let mut narrower = capabilities();
        narrower.hosts.clear();
        narrower.state_kib = 0;
        narrower.schedule_seconds = Some(900);
        assert!(narrower.fits_within(&granted));
        let widenings: [fn(&mut Capabilities); 7] = [
            |wider| wider.hosts.push("b.example".to_owned()),
            |wider| wider.secrets[0].readable = true,
            |wider| wider.secrets[0].sign_in_at = Some("https://evil.example".to_owned()),
            |wider| wider.webhooks = true,
            |wider| wider.state_kib = 65,
            |wider| wider.schedule_seconds = Some(300),
            |wider| wider.limits.memory_mib = 65,
        ];
        for widen in widenings {
            let mut wider = capabilities();
            widen(&mut wider);
            assert!(!wider.fits_within(&granted), "{wider:?}");
        }
    }

    #[test]
    fn the_star_covers_other_hosts_where_there_are_no_secrets() {
        let mut granted = capabilities();
        granted.hosts = vec!["*".to_owned()];
        let mut asked = capabilities();
        assert!(!asked.fits_within(&granted), "secrets go only to hosts that are named");
        asked.secrets.clear();
        assert!(asked.fits_within(&granted));
    }
}
