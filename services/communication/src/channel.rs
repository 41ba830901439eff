//! Channels: what they are and what is decided about them. No I/O.

use chrono::{DateTime, Utc};
use contracts::access::{Resource, SpaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::Snowflake;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Address, CommunicationError, Scheme};
use contracts::input;

/// The largest configuration, as JSON.
const LARGEST_CONFIG: usize = 64 << 10;

/// Whether a channel carries anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// It does.
    Active,
    /// Its owner wants a break.
    Paused,
    /// The service does not accept the credential any more.
    NeedsSignIn,
}

impl ChannelState {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::NeedsSignIn => "needs_sign_in",
        }
    }

    /// The state of this name, as stored. What is unknown carries nothing: it counts as paused.
    pub(crate) fn from_stored(name: &str) -> Self {
        match name {
            "active" => Self::Active,
            "needs_sign_in" => Self::NeedsSignIn,
            _ => Self::Paused,
        }
    }
}

/// An account at a service that carries messages or calls.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Names it for ever; also the key of its webhooks.
    pub id: Uuid,
    /// Which plugin.
    pub plugin: String,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub owner: Snowflake,
    /// Where its messages and calls belong.
    pub space: SpaceId,
    /// What they are labelled with.
    pub labels: Vec<String>,
    /// The plugin's settings.
    pub config: Value,
    /// Which addresses it reaches.
    pub scheme: Scheme,
    /// Its own address.
    pub address: String,
    /// Whether its owner's messages to such addresses go through it where nothing else is said.
    pub is_default: bool,
    /// Whether it carries anything.
    pub state: ChannelState,
    /// What went wrong last, while it waits for its owner.
    pub last_error: Option<String>,
    /// The version of what people set.
    pub version: i64,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
}

impl Channel {
    /// As the policy sees it.
    pub(crate) fn resource(&self) -> Resource {
        Resource::new("channel", self.id.to_string(), self.space.clone())
            .labelled(self.labels.iter().cloned())
    }
}

/// A channel to be added.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// Its id.
    pub id: Uuid,
    /// Which plugin.
    pub plugin: String,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub owner: Snowflake,
    /// Where its messages and calls belong.
    pub space: SpaceId,
    /// What they are labelled with.
    pub labels: Vec<String>,
    /// The plugin's settings.
    pub config: Value,
    /// Its own address: tells which addresses it reaches.
    pub address: String,
    /// Whether it is its owner's default for such addresses; none: where they have none yet.
    pub is_default: Option<bool>,
}

impl NewChannel {
    /// With everything checked and in its normal form.
    pub(crate) fn checked(self) -> Result<(Self, Address), CommunicationError> {
        plugin(&self.plugin)?;
        config(&self.config)?;
        let address = own_address(&self.address)?;
        let (name, labels) = (input::name(&self.name)?, input::labels(self.labels)?);
        Ok((Self { name, labels, ..self }, address))
    }
}

/// The address of a channel itself.
pub(crate) fn own_address(text: &str) -> Result<Address, CommunicationError> {
    Address::parse(text).filter(|address| !address.is_room()).ok_or_else(|| {
        CommunicationError::Invalid(
            "`address` must be a phone number with its country's code (+43…), an email address, or a \
             Matrix id (@user:server)"
                .to_owned(),
        )
    })
}

fn plugin(id: &str) -> Result<(), CommunicationError> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if (1..=64).contains(&id.len()) && id.bytes().all(plain) {
        Ok(())
    } else {
        Err(CommunicationError::Invalid(
            "`plugin` must be 1 to 64 small letters, digits, `.`, `_` or `-`".to_owned(),
        ))
    }
}

/// A plugin's settings: an object of at most 64 KiB.
pub(crate) fn config(config: &Value) -> Result<(), CommunicationError> {
    if !config.is_object() || input::has_nul(config) {
        return Err(CommunicationError::Invalid(
            "`config` must be an object, without the character NUL".to_owned(),
        ));
    }
    if config.to_string().len() > LARGEST_CONFIG {
        return Err(CommunicationError::Invalid("`config` must be at most 64 KiB".to_owned()));
    }
    Ok(())
}
