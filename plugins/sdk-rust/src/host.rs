//! What a node lends to its plugins.

use crate::bindings::host::sovereign::plugin as lent;
use crate::{HttpError, Request, Response};

pub use lent::hmac::Hash;
pub use lent::log::Level;
pub use lent::state::StateError;
pub use lent::types::SecretError;

/// What a node lends to its plugins. [`Node`] is the real one; in tests it is a
/// [`ScriptedHost`](crate::testing::ScriptedHost).
///
/// Which of these functions a plugin calls decides which interfaces its component imports, and its
/// manifest must name a capability for each but `log` and `now`.
pub trait Host {
    /// Writes a line into the node's log. The node limits how much, and masks secrets.
    fn log(&self, level: Level, message: &str);

    /// The time, in milliseconds since 1970.
    fn now(&self) -> u64;

    /// Calls out, as the manifest's `hosts` permit.
    ///
    /// # Errors
    /// There was no answer. An answer with an unhappy status is an answer: see
    /// [`Response::success`].
    fn fetch(&self, request: &Request) -> Result<Response, HttpError>;

    /// A secret by its name in the manifest, unless it is `inject_only`.
    ///
    /// # Errors
    /// It is not declared, not set, or not for reading.
    fn secret(&self, name: &str) -> Result<String, SecretError>;

    /// An HMAC (RFC 2104) under a secret, whose value stays with the node.
    ///
    /// # Errors
    /// It is not declared or not set.
    fn hmac(&self, secret: &str, hash: Hash, data: &[u8]) -> Result<Vec<u8>, SecretError>;

    /// What is kept under a key for this account.
    ///
    /// # Errors
    /// The node cannot read it now.
    fn state(&self, key: &str) -> Result<Option<Vec<u8>>, StateError>;

    /// Keeps a value under a key for this account.
    ///
    /// # Errors
    /// It is more than the manifest's `state_kib`, or the node cannot store it now.
    fn set_state(&self, key: &str, value: &[u8]) -> Result<(), StateError>;

    /// Forgets a key.
    ///
    /// # Errors
    /// The node cannot do it now.
    fn delete_state(&self, key: &str) -> Result<(), StateError>;

    /// Keys that begin with `prefix`, sorted, at most `limit`, after `after`.
    ///
    /// # Errors
    /// The node cannot read them now.
    fn state_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StateError>;

    /// Logs what an operator of the node may want to know.
    fn info(&self, message: &str) {
        self.log(Level::Info, message);
    }

    /// Logs what should not be so.
    fn warn(&self, message: &str) {
        self.log(Level::Warn, message);
    }

    /// Logs what only the plugin's author wants to know.
    fn debug(&self, message: &str) {
        self.log(Level::Debug, message);
    }
}

/// The node that runs this plugin.
#[derive(Clone, Copy, Debug)]
pub struct Node;

impl Host for Node {
    fn log(&self, level: Level, message: &str) {
        lent::log::write(level, message);
    }

    fn now(&self) -> u64 {
        lent::clock::now()
    }

    fn fetch(&self, request: &Request) -> Result<Response, HttpError> {
        lent::http::fetch(request)
    }

    fn secret(&self, name: &str) -> Result<String, SecretError> {
        lent::secrets::get(name)
    }

    fn hmac(&self, secret: &str, hash: Hash, data: &[u8]) -> Result<Vec<u8>, SecretError> {
        lent::hmac::sign(secret, hash, data)
    }

    fn state(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        lent::state::get(key)
    }

    fn set_state(&self, key: &str, value: &[u8]) -> Result<(), StateError> {
        lent::state::set(key, value)
    }

    fn delete_state(&self, key: &str) -> Result<(), StateError> {
        lent::state::delete(key)
    }

    fn state_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StateError> {
        lent::state::keys(prefix, after, limit)
    }
}
