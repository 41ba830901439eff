//! What a plugin says of itself, in `plugin.toml`, which is packed into its component: who it is, what
//! it asks for, and its limits. Read without running anything.

mod component;
mod hosts;
mod limits;

use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

pub use component::{Inspected, MAX_COMPONENT, inspect};
pub use hosts::{HostPattern, Origin};
pub use limits::{Limits, LimitsAsked};

/// The version of the interface (`plugins/wit`) that this node speaks.
pub const INTERFACE: &str = "0.1.0";
/// The largest quota of state for each account, in KiB.
const MAX_STATE_KIB: u32 = 64 * 1024;

/// Why a manifest or a component is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are no component.
    #[error("this is no WebAssembly component: {0}")]
    NotAComponent(String),
    /// It is larger than the node takes.
    #[error("the component has {bytes} bytes, and the node takes at most {MAX_COMPONENT}")]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// The component holds no manifest.
    #[error("the component has no section `sovereign:manifest` with its plugin.toml")]
    NoManifest,
    /// The manifest cannot be read.
    #[error("plugin.toml cannot be read: {0}")]
    Unreadable(String),
    /// A value of the manifest is not acceptable.
    #[error("plugin.toml: {0}")]
    Invalid(String),
    /// It was made for another interface.
    #[error("the plugin was made for the interface {plugin}, and this node speaks {INTERFACE}")]
    OtherInterface {
        /// The version that it wants.
        plugin: String,
    },
    /// It imports what its manifest does not ask for, or what no plugin gets.
    #[error("the component imports `{import}`, {reason}")]
    Import {
        /// What it imports.
        import: String,
        /// Why that is refused.
        reason: &'static str,
    },
    /// It does not export what its world must.
    #[error("the component does not export `{0}`, which a plugin of its world must")]
    MissingExport(String),
}

/// What a plugin is: which of the interface's worlds it implements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// Brings records from an outside service.
    Connector,
    /// Carries messages and calls.
    Channel,
    /// Gives operators to rules.
    RuleOperator,
}

impl World {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connector => "connector",
            Self::Channel => "channel",
            Self::RuleOperator => "rule-operator",
        }
    }

    /// The interface that its plugins export beside `meta`.
    fn export(self) -> &'static str {
        self.name()
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The manifest of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Names the plugin for ever: `[a-z][a-z0-9-]{1,39}`.
    #[schema(pattern = "^[a-z][a-z0-9-]{1,39}$")]
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its version (semver).
    #[schema(value_type = String)]
    pub version: Version,
    /// The version of the interface that it was made for.
    pub interface: String,
    /// What it is.
    pub world: World,
    /// What it does, in a sentence or two.
    pub description: String,
    /// The actor URI of who publishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// Under which licence, as SPDX writes it.
    pub licence: String,
    /// What it asks for.
    #[serde(default)]
    pub capabilities: CapabilitiesAsked,
    /// The secrets that an account needs.
    #[serde(default)]
    pub secrets: Vec<SecretAsked>,
    /// Its limits, where it needs others than the usual ones.
    #[serde(default)]
    pub limits: LimitsAsked,
}

/// What a plugin asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapabilitiesAsked {
    /// Which hosts it talks to: see [`HostPattern`].
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Whether outside services call it.
    #[serde(default)]
    pub webhooks: bool,
    /// How much state it keeps for each account, in KiB; 0: none.
    #[serde(default)]
    pub state_kib: u32,
    /// How often it wants to sync, in seconds; absent: only after webhooks and by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_seconds: Option<u32>,
    /// The shortest interval that a person may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_schedule_seconds: Option<u32>,
}

/// A secret that an account needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretAsked {
    /// Its name in the plugin's calls.
    pub name: String,
    /// What a person sees beside the field.
    pub title: String,
    /// Text that a person fills in, or a sign-in.
    #[serde(default)]
    pub kind: SecretKind,
    /// Whether only the host ever holds it: then it is usable in `auth` and `hmac`, and never readable.
    #[serde(default = "yes")]
    pub inject_only: bool,
    /// Whether nothing works without it.
    #[serde(default = "yes")]
    pub required: bool,
    /// Where the sign-in happens, of the kind `oauth2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuthAsked>,
}

fn yes() -> bool {
    true
}

/// What kind of secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretKind {
    /// Text that a person fills in.
    #[default]
    Text,
    /// A sign-in with OAuth 2; the host refreshes the token.
    OAuth2,
}

/// Where a sign-in happens (RFC 6749). `{config:/pointer}` stands for the account's configuration value
/// at that JSON pointer, `{config:/pointer|default}` for the default where it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuthAsked {
    /// Where the person is sent.
    pub authorization_endpoint: String,
    /// Where the host gets tokens.
    pub token_endpoint: String,
    /// What is asked for there.
    #[serde(default)]
    pub scopes: Vec<String>,
}

impl Manifest {
    /// Reads and checks a `plugin.toml`.
    ///
    /// # Errors
    /// It is no manifest, or a value is not acceptable.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        // The interface first: a manifest made for a later one may hold fields that are unknown here.
        #[derive(Deserialize)]
        struct Opening {
            interface: Option<String>,
        }
        let unreadable =
            |error: toml::de::Error| ManifestError::Unreadable(error.message().to_owned());
        let opening: Opening = toml::from_str(text).map_err(unreadable)?;
        if let Some(interface) = opening.interface {
            check_interface(&interface)?;
        }
        let manifest: Self = toml::from_str(text).map_err(unreadable)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The limits that bind it.
    pub fn limits(&self) -> Limits {
        self.limits.of(self.world)
    }

    /// The secret of this name.
    pub fn secret(&self, name: &str) -> Option<&SecretAsked> {
        self.secrets.iter().find(|secret| secret.name == name)
    }

    /// The hosts it asks for. Checked when the manifest was read.
    pub fn hosts(&self) -> Vec<HostPattern> {
        self.capabilities.hosts.iter().filter_map(|host| host.parse().ok()).collect()
    }

    fn check(&self) -> Result<(), ManifestError> {
        let invalid = |text: String| Err(ManifestError::Invalid(text));
        if !is_plugin_id(&self.id) {
            return invalid(format!(
                "id {:?} is not of the form [a-z][a-z0-9-]{{1,39}}",
                cut(&self.id)
            ));
        }
        if self.version.to_string().len() > 64 {
            return invalid("version has more than 64 characters".to_owned());
        }
        check_interface(&self.interface)?;
        for (field, text, most) in [
            ("name", &self.name, 80),
            ("description", &self.description, 2_000),
            ("licence", &self.licence, 100),
        ] {
            check_text(field, text, most)?;
        }
        if let Some(publisher) = &self.publisher {
            check_text("publisher", publisher, 500)?;
            if !Url::parse(publisher).is_ok_and(|url| matches!(url.scheme(), "https" | "http")) {
                return invalid("publisher is not the URI of an actor".to_owned());
            }
        }
        self.check_capabilities()?;
        self.check_secrets()?;
        self.limits.check().map_err(ManifestError::Invalid)
    }

    fn check_capabilities(&self) -> Result<(), ManifestError> {
        let invalid = |text: &str| Err(ManifestError::Invalid(text.to_owned()));
        let asked = &self.capabilities;
        if asked.hosts.len() > 50 {
            return invalid("capabilities.hosts has more than 50 entries");
        }
        for host in &asked.hosts {
            host.parse::<HostPattern>().map_err(ManifestError::Invalid)?;
        }
        if asked.state_kib > MAX_STATE_KIB {
            return invalid("capabilities.state_kib is more than 65536");
        }
        let seconds = [asked.schedule_seconds, asked.minimum_schedule_seconds];
        if seconds.into_iter().flatten().any(|seconds| !(10..=604_800).contains(&seconds)) {
            return invalid("schedules must be between 10 seconds and 7 days");
        }
        if let [Some(usual), Some(least)] = seconds
            && usual < least
        {
            return invalid("capabilities.schedule_seconds is less than minimum_schedule_seconds");
        }
        match self.world {
            World::RuleOperator
                if *asked != CapabilitiesAsked::default() || !self.secrets.is_empty() =>
            {
                invalid(
                    "rule operators are pure: they get no hosts, webhooks, state, schedule or secrets",
                )
            }
            World::Channel if asked.schedule_seconds.is_some() => {
                invalid("channels have no schedule")
            }
            _ => Ok(()),
        }
    }

    fn check_secrets(&self) -> Result<(), ManifestError> {
        let invalid = |text: String| Err(ManifestError::Invalid(text));
        if self.secrets.len() > 20 {
            return invalid("more than 20 secrets".to_owned());
        }
        for (place, secret) in self.secrets.iter().enumerate() {
            let name = &secret.name;
            if !is_secret_name(name) {
                return invalid(format!(
                    "the secret {:?} is not of the form [a-z][a-z0-9_-]{{0,39}}",
                    cut(name)
                ));
            }
            if self.secrets[..place].iter().any(|other| other.name == *name) {
                return invalid(format!("the secret {name} is there twice"));
            }
            check_text("the title of a secret", &secret.title, 200)?;
            match (secret.kind, &secret.oauth2) {
                (SecretKind::Text, None) => {}
                (SecretKind::Text, Some(_)) => {
                    return invalid(format!("the secret {name} is text and has [secrets.oauth2]"));
                }
                (SecretKind::OAuth2, None) => {
                    return invalid(format!("the secret {name} needs [secrets.oauth2]"));
                }
                (SecretKind::OAuth2, Some(oauth)) => oauth.check(name)?,
            }
        }
        Ok(())
    }
}

impl OAuthAsked {
    fn check(&self, secret: &str) -> Result<(), ManifestError> {
        for endpoint in [&self.authorization_endpoint, &self.token_endpoint] {
            check_text("an endpoint of a sign-in", endpoint, 500)?;
            if !(endpoint.starts_with("https://") || endpoint.starts_with("{config:/")) {
                return Err(ManifestError::Invalid(format!(
                    "the endpoints of the secret {secret} must begin with https:// or {{config:/…}}"
                )));
            }
        }
        if self.scopes.len() > 50 {
            return Err(ManifestError::Invalid(format!(
                "the secret {secret} asks for more than 50 scopes"
            )));
        }
        self.scopes.iter().try_for_each(|scope| check_text("a scope", scope, 200))
    }
}

/// Whether this is the id of a plugin.
pub fn is_plugin_id(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether this is the name of a secret.
pub fn is_secret_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        })
}

/// Within 0.1 a plugin made for an older patch version links with a newer node.
fn check_interface(wanted: &str) -> Result<(), ManifestError> {
    let fits = match (Version::from_str(wanted), Version::from_str(INTERFACE)) {
        (Ok(wanted), Ok(ours)) => {
            (wanted.major, wanted.minor) == (ours.major, ours.minor)
                && wanted.patch <= ours.patch
                && wanted.pre.is_empty()
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(ManifestError::OtherInterface { plugin: cut(wanted) }) }
}

fn check_text(field: &str, text: &str, most: usize) -> Result<(), ManifestError> {
    if text.trim().is_empty() {
        return Err(ManifestError::Invalid(format!("{field} is empty")));
    }
    if text.chars().count() > most {
        return Err(ManifestError::Invalid(format!("{field} has more than {most} characters")));
    }
    if text.chars().any(|character| character.is_control() && character != '\n') {
        return Err(ManifestError::Invalid(format!("{field} has control characters")));
    }
    Ok(())
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests;
