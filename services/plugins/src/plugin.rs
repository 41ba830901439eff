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

use crate::engine::{Bounds, Digest, MEMORY_MIB};
use crate::manifest::{HostPattern, Limits, Manifest, SecretAsked, is_secret_name};
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
    /// Where people sign in for it: which endpoint gives its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in_at: Option<String>,
    /// The page that people are sent to for it. A grant that does not say was made before this was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in_page: Option<String>,
    /// What the sign-in asks for there. A grant that does not say was made before this was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
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

impl Grant {
    /// Whether it can be kept: of the sizes that manifests have, and readable as one.
    ///
    /// # Errors
    /// Says what is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        let granted = &self.capabilities;
        if granted.hosts.len() > 50 || granted.secrets.len() > 20 || self.networks.len() > 20 {
            return Err("a grant has at most 50 hosts, 20 secrets and 20 networks".to_owned());
        }
        for host in &granted.hosts {
            host.parse::<HostPattern>()?;
        }
        for secret in &granted.secrets {
            if !is_secret_name(&secret.name) {
                return Err("a grant names a secret that no plugin can have".to_owned());
            }
            let scopes = secret.scopes.as_deref().unwrap_or_default();
            if scopes.len() > 50 {
                return Err("a grant has at most 50 scopes of a secret".to_owned());
            }
            let mut texts =
                [&secret.sign_in_at, &secret.sign_in_page].into_iter().flatten().chain(scopes);
            if texts.any(|text| text.len() > 2_000 || text.chars().any(char::is_control)) {
                return Err("a grant holds a text that no manifest can have".to_owned());
            }
        }
        Ok(())
    }
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
                    && (granted.sign_in_page.is_none()
                        || granted.sign_in_page == secret.sign_in_page)
                    && granted.scopes.as_ref().is_none_or(|granted| {
                        secret.scopes.iter().flatten().all(|scope| granted.contains(scope))
                    })
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
            sign_in_page: secret.oauth2.as_ref().map(|oauth| oauth.authorization_endpoint.clone()),
            scopes: secret.oauth2.as_ref().map(|oauth| oauth.scopes.clone()),
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

/// So many calls of a plugin run at once at most, evaluations apart...
const SLOTS: u32 = 8;

/// ... each of which may hold its memory limit: together no more than half of what all plugins have.
pub(crate) fn slots(limits: &Limits) -> usize {
    (MEMORY_MIB / 2 / limits.memory_mib.max(1)).clamp(1, SLOTS) as usize
}

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
                sign_in_at: Some("https://a.example/token".to_owned()),
                sign_in_page: Some("https://a.example/sign-in".to_owned()),
                scopes: Some(vec!["read".to_owned(), "mail".to_owned()]),
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
        narrower.secrets[0].scopes = Some(vec!["read".to_owned()]);
        assert!(narrower.fits_within(&granted));
        let widenings: [fn(&mut Capabilities); 9] = [
            |wider| wider.hosts.push("b.example".to_owned()),
            |wider| wider.secrets[0].readable = true,
            |wider| wider.secrets[0].sign_in_at = Some("https://evil.example".to_owned()),
            |wider| wider.secrets[0].sign_in_page = Some("https://evil.example".to_owned()),
            |wider| wider.secrets[0].scopes = Some(vec!["read".to_owned(), "write".to_owned()]),
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
    fn a_grant_from_before_sign_ins_were_told_whole_stays_good() {
        let mut granted = capabilities();
        granted.secrets[0].sign_in_page = None;
        granted.secrets[0].scopes = None;
        assert!(capabilities().fits_within(&granted));
    }

    #[test]
    fn one_plugin_cannot_hold_all_memory() {
        let slots = |memory_mib| slots(&Limits { memory_mib, ..Limits::usual(World::Connector) });
        assert_eq!((slots(1), slots(64), slots(128), slots(256)), (8, 8, 4, 2));
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
