//! The plugin manager: sandboxed WebAssembly components, their life cycle and their limits.
//!
//! A plugin is a component of one of three worlds (`plugins/wit`) with its manifest inside. It is looked
//! through, compiled and asked to describe itself when it is installed ([`Plugins::install`]); it is called
//! only once the operator has granted what it asks for and enabled it. Other services call plugins through the
//! ports in [`contracts::plugins`], which [`Plugins`] implements: each call gets an instance of its own,
//! within its limits, with the capabilities that were granted and the secrets of one account. A guest that
//! breaks its limits again and again rests, and is quarantined in the end.
//!
//! This crate alone knows wasmtime. Plugin authors run a component without a node through [`harness`].

pub mod api;
pub mod bench_support;
mod calls;
mod catalogue;
mod engine;
mod error;
pub mod harness;
mod health;
mod host;
mod lifecycle;
mod locks;
pub mod manifest;
mod oauth;
mod plugin;
mod ports;
mod schema;
mod secrets;
mod service;
mod sign_in;
mod signature;
mod store;
mod strangers;
mod vault;

pub use api::routes;
pub use engine::{CallError, Description, Digest, EngineError, digest};
pub use error::PluginsError;
pub use health::HealthView;
pub use lifecycle::{From, Installation, Source};
pub use plugin::{Capabilities, Grant, PluginState, SecretCapability};
pub use service::{PluginSettings, Plugins};
pub use sign_in::{SignInAnswer, SignedIn};
pub use signature::{Signed, signed_text};

/// The schema `plugins`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/plugins");
