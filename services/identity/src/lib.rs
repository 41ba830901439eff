//! Who may log in: people, web sessions, OAuth 2 apps, codes and tokens.
//!
//! Secrets (passwords, tokens, codes, client secrets) are random and stored hashed; what a token
//! may do is decided by its [`Scopes`] and, beyond that, by the node's policy. An `account_id` here
//! is the social account of the same person; this service knows nothing else of it. Who waits for
//! approval has no such account yet, only its number.

mod apps;
mod authorization;
mod error;
pub mod events;
mod password;
mod people;
mod scopes;
mod secret;
mod service;
mod sessions;
mod setup;
mod store;
mod throttle;
mod tokens;

pub use apps::{App, NewApp, RegisteredApp};
pub use authorization::{AuthorizationRequest, CodeExchange};
pub use error::IdentityError;
pub use people::{NewPerson, Person, PersonState, Role};
pub use scopes::Scopes;
pub use service::{Identity, IdentitySettings, RegistrationMode};
pub use sessions::Session;
pub use tokens::{Grant, Holder, IssuedToken};
