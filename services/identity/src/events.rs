//! The events that the identity service publishes: contracts, only ever added to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::{EventData, Snowflake};

macro_rules! identity_event {
    ($name:ident, $kind:literal, |$event:ident| $subject:expr, personal: $personal:expr) => {
        impl EventData for $name {
            const TYPE: &'static str = $kind;
            const SOURCE: &'static str = "identity";

            fn subject(&self) -> String {
                let $event = self;
                $subject
            }

            fn sealed_under(&self) -> Option<String> {
                $personal.then(|| self.subject())
            }
        }
    };
}

/// A person has an account that can log in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PersonRegistered {
    /// The social account.
    pub account: Snowflake,
    /// The name they log in with.
    pub username: String,
    /// `owner`, `admin`, `member`.
    pub role: String,
    /// `active`, `pending`.
    pub state: String,
}
identity_event!(PersonRegistered, "identity.PersonRegistered.v1", |e| format!("account:{}", e.account), personal: true);

/// A person's password, role or state changed, or the person is gone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PersonChanged {
    /// The social account.
    pub account: Snowflake,
    /// `password`, `role`, `approved`, `suspended`, `restored`, `deleted`.
    pub change: String,
}
identity_event!(PersonChanged, "identity.PersonChanged.v1", |e| format!("account:{}", e.account), personal: false);

/// An app registered itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AppRegistered {
    /// The app.
    pub app: Snowflake,
    /// Its name.
    pub name: String,
    /// What it may ask for.
    pub scopes: Vec<String>,
}
identity_event!(AppRegistered, "identity.AppRegistered.v1", |e| format!("app:{}", e.app), personal: false);

/// An app was given a token.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccessGranted {
    /// The token's number, not the token.
    pub token: Snowflake,
    /// The app.
    pub app: Snowflake,
    /// For whom; none for the app itself.
    pub account: Option<Snowflake>,
    /// What it may do.
    pub scopes: Vec<String>,
}
identity_event!(AccessGranted, "identity.AccessGranted.v1", |e| format!("token:{}", e.token), personal: false);

/// Tokens stopped working: caches forget them, open streams close.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccessRevoked {
    /// The tokens' numbers.
    pub tokens: Vec<Snowflake>,
    /// Whose.
    pub account: Option<Snowflake>,
}
identity_event!(AccessRevoked, "identity.AccessRevoked.v1", |e| e.account.map_or_else(|| "tokens".to_owned(), |account| format!("account:{account}")), personal: false);
