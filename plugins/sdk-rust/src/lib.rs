//! For authors of Sovereign plugins in Rust: the interface `sovereign:plugin` (`plugins/wit`) behind
//! plain traits.
//!
//! A plugin is a type without state that implements [`Connector`], [`Channel`] or [`RuleOperators`],
//! and one line that exports it:
//!
//! ```
//! use sovereign_plugin::{Description, Host, PluginError, connector};
//!
//! struct Weather;
//!
//! impl sovereign_plugin::Connector for Weather {
//!     fn describe() -> Description {
//!         let schema = serde_json::json!({"type": "object", "properties": {}});
//!         Description::new(schema, ["weather.report/1"])
//!     }
//!
//!     fn sync<H: Host>(
//!         host: &H,
//!         _context: &connector::Context,
//!         _cursor: Option<&[u8]>,
//!     ) -> Result<connector::Batch, PluginError> {
//!         host.info("nothing but sunshine");
//!         Ok(connector::Batch::default())
//!     }
//! }
//!
//! sovereign_plugin::export_connector!(Weather);
//! ```
//!
//! Everything that a plugin gets from its node comes through a [`Host`], which is a type parameter:
//! on the node it is the node, in tests it is a [`testing::ScriptedHost`] that answers from a script.
//! A function of the host that a plugin never calls does not become an import of its component,
//! so that the imports are exactly what it uses.
//!
//! `docs/plugins.md` is the guide.

#[doc(hidden)]
pub mod bindings;
pub mod channel;
pub mod connector;
pub mod cursor;
mod error;
mod fingerprint;
mod host;
mod http;
mod meta;
pub mod rules;
mod settings;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod time;
mod webhook;

pub use channel::Channel;
pub use connector::Connector;
pub use error::{PluginError, RetryAfter};
pub use fingerprint::fingerprint;
pub use host::{Hash, Host, Level, Node, SecretError, StateError};
pub use http::{Auth, HttpError, Request, Response};
pub use meta::Description;
pub use rules::RuleOperators;
pub use webhook::{WebhookRequest, WebhookResponse};

#[doc(hidden)]
pub mod exported;
