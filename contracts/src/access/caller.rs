//! Who asks, for whom, and what for.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use spine::{Cause, Snowflake};
use uuid::Uuid;

/// Somebody or something that asks for access.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// A person of this node, by account.
    Person(Snowflake),
    /// An app by itself, without a person.
    App(Snowflake),
    /// A person's device.
    Device(Uuid),
    /// A plugin, by its id.
    Plugin(String),
    /// A service of this node, by its name.
    Service(Cow<'static, str>),
    /// Somebody on another server, by actor URI.
    Remote(String),
    /// Whoever runs commands on the machine itself.
    Operator,
}

/// Text that names no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names nobody")]
pub struct UnreadablePrincipal(String);

impl Principal {
    /// What kind it is: the first part of its text.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Person(_) => "person",
            Self::App(_) => "app",
            Self::Device(_) => "device",
            Self::Plugin(_) => "plugin",
            Self::Service(_) => "service",
            Self::Remote(_) => "remote",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous | Self::Operator => f.write_str(self.kind()),
            Self::Person(account) => write!(f, "person:{account}"),
            Self::App(app) => write!(f, "app:{app}"),
            Self::Device(device) => write!(f, "device:{device}"),
            Self::Plugin(plugin) => write!(f, "plugin:{plugin}"),
            Self::Service(service) => write!(f, "service:{service}"),
            Self::Remote(actor) => write!(f, "remote:{actor}"),
        }
    }
}

impl FromStr for Principal {
    type Err = UnreadablePrincipal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || UnreadablePrincipal(text.chars().take(100).collect());
        let principal = match text.split_once(':') {
            None if text == "anonymous" => Self::Anonymous,
            None if text == "operator" => Self::Operator,
            Some(("person", id)) => Self::Person(id.parse().map_err(|_| unreadable())?),
            Some(("app", id)) => Self::App(id.parse().map_err(|_| unreadable())?),
            Some(("device", id)) => Self::Device(id.parse().map_err(|_| unreadable())?),
            Some(("plugin", id)) if !id.is_empty() => Self::Plugin(id.to_owned()),
            Some(("service", name)) if !name.is_empty() => Self::Service(name.to_owned().into()),
            Some(("remote", actor)) if !actor.is_empty() => Self::Remote(actor.to_owned()),
            _ => return Err(unreadable()),
        };
        Ok(principal)
    }
}

impl TryFrom<String> for Principal {
    type Error = UnreadablePrincipal;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> Self {
        principal.to_string()
    }
}

/// What something is done for: in every request, and what consent is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Purpose(Cow<'static, str>);

impl Purpose {
    /// A person uses their node.
    pub const USE: Self = Self(Cow::Borrowed("use"));
    /// Rules act.
    pub const AUTOMATION: Self = Self(Cow::Borrowed("automation"));
    /// Data comes in from outside services.
    pub const SYNC: Self = Self(Cow::Borrowed("sync"));
    /// Messages and calls are handled.
    pub const COMMUNICATE: Self = Self(Cow::Borrowed("communicate"));
    /// The search index is kept.
    pub const INDEX: Self = Self(Cow::Borrowed("index"));
    /// Other servers read and deliver.
    pub const FEDERATE: Self = Self(Cow::Borrowed("federate"));
    /// The node is looked after.
    pub const OPERATE: Self = Self(Cow::Borrowed("operate"));

    /// Reads a purpose: 1 to 64 of `a-z0-9:._-`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":._-".contains(&byte)
        };
        ((1..=64).contains(&text.len()) && text.bytes().all(plain))
            .then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Purpose {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no purpose"))
    }
}

impl From<Purpose> for String {
    fn from(purpose: Purpose) -> Self {
        purpose.0.into_owned()
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks, for whom, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who acts.
    pub principal: Principal,
    /// The person for whom it acts, where that is another: the owner of a rule, of a device, of a
    /// plugin's account. It can do no more than they could.
    pub behalf: Option<Snowflake>,
    /// The app through which a person acts.
    pub via: Option<Snowflake>,
    /// What the app's token may do; `None`: no token limits it (a service, a signed-in session).
    pub scopes: Option<Vec<String>>,
    /// What for.
    pub purpose: Purpose,
}

impl Caller {
    /// Nobody in particular, who uses the node.
    pub fn anonymous() -> Self {
        Self::new(Principal::Anonymous, Purpose::USE)
    }

    /// Somebody or something for a purpose, by itself.
    pub fn new(principal: Principal, purpose: Purpose) -> Self {
        Self { principal, behalf: None, via: None, scopes: None, purpose }
    }

    /// A service of this node.
    pub fn service(name: &'static str, purpose: Purpose) -> Self {
        Self::new(Principal::Service(Cow::Borrowed(name)), purpose)
    }

    /// A person, without an app.
    pub fn person(account: Snowflake) -> Self {
        Self::new(Principal::Person(account), Purpose::USE)
    }

    /// For this person.
    #[must_use]
    pub fn on_behalf_of(mut self, person: Snowflake) -> Self {
        self.behalf = Some(person);
        self
    }

    /// The person behind it: who acts, or for whom.
    pub fn responsible(&self) -> Option<Snowflake> {
        match self.principal {
            Principal::Person(account) => Some(account),
            _ => self.behalf,
        }
    }

    /// Whether a token, where there is one, covers `scope`: by name or by a broader one
    /// (`sovereign:read` for `sovereign:read:rules`). The empty one is covered by any.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| {
            scope.is_empty()
                || scopes.iter().any(|have| {
                    have == scope
                        || scope
                            .strip_prefix(have.as_str())
                            .is_some_and(|rest| rest.starts_with(':'))
                })
        })
    }

    /// The cause that whatever follows from this call carries.
    pub fn cause(&self) -> Cause {
        Cause { purpose: Some(self.purpose.to_string()), ..Cause::by(self.principal.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_read_as_it_is_written() {
        for text in [
            "anonymous",
            "operator",
            "person:12",
            "app:9",
            "plugin:rss",
            "service:rules",
            "remote:https://a.example/u/b",
        ] {
            assert_eq!(text.parse::<Principal>().unwrap().to_string(), text);
        }
        for nonsense in ["", "person", "person:x", "plugin:", "robot:1"] {
            assert!(nonsense.parse::<Principal>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_broad_scope_covers_its_parts() {
        let mut caller = Caller::person(Snowflake(1));
        assert!(caller.has_scope("sovereign:read:rules"), "no token limits it");
        caller.scopes = Some(vec!["read".to_owned(), "sovereign:read".to_owned()]);
        assert!(caller.has_scope("sovereign:read:rules"));
        assert!(!caller.has_scope("sovereign:write:rules"));
        assert!(!caller.has_scope("sovereign:ready"));
        assert!(caller.has_scope(""));
    }
}
