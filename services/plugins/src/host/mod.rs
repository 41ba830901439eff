//! What the host lends to a guest: one module a capability. Each call checks again what was granted.

mod clock;
mod hmac;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod secrets;
pub(crate) mod state;

use std::sync::Arc;

use contracts::plugins::PluginFailure;
use spine::Clock;

use crate::engine::Limiter;
use crate::engine::bindings::{types, webhooks};
use crate::manifest::Limits;
use http::HttpAccess;
use log::Log;
use secrets::Secrets;
use state::State;

/// The data of a guest's store: its capabilities, and what is left of its limits.
pub(crate) struct Guest {
    pub(crate) limiter: Limiter,
    /// How many ticks of the epoch it may still compute.
    pub(crate) ticks_left: u64,
    pub(crate) log: Log,
    clock: Clock,
    state: Option<State>,
    pub(crate) secrets: Option<Secrets>,
    pub(crate) http: Option<HttpAccess>,
    /// Why a secret could not be used, should the guest fail for it.
    pub(crate) sign_in: Option<String>,
}

/// Our own side failed while a guest waited: the call ends, and it is not the guest's fault.
#[derive(Debug, thiserror::Error)]
#[error("the host failed")]
pub(crate) struct HostFailure(#[source] pub(crate) Box<dyn std::error::Error + Send + Sync>);

impl HostFailure {
    /// What ends a call with this failure.
    fn ending(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> wasmtime::Error {
        wasmtime::Error::from(Self(error.into()))
    }
}

impl Guest {
    /// A guest that can only log and tell the time.
    pub(crate) fn bare(limits: &Limits, log: Log, clock: Clock) -> Self {
        Self {
            limiter: Limiter::new(limits.memory()),
            ticks_left: 0,
            log,
            clock,
            state: None,
            secrets: None,
            http: None,
            sign_in: None,
        }
    }

    pub(crate) fn with_state(mut self, state: Option<State>) -> Self {
        self.state = state;
        self
    }

    pub(crate) fn with_secrets(mut self, secrets: Option<Secrets>) -> Self {
        self.secrets = secrets;
        self
    }

    pub(crate) fn with_http(mut self, http: Option<HttpAccess>) -> Self {
        self.http = http;
        self
    }

    pub(crate) fn has_http(&self) -> bool {
        self.http.is_some()
    }

    /// What a guest's failure means, without the secrets that it may have written into it.
    pub(crate) fn judge(&self, failure: PluginFailure) -> PluginFailure {
        use PluginFailure::{BadConfig, CursorExpired, Failed, Rejected, Retry, Unauthorized};
        let words = |text: String| self.log.masked(&short(text));
        match (failure, &self.sign_in) {
            // It failed for want of a secret, and has no word for that.
            (Failed(_) | Retry { .. }, Some(reason)) => Unauthorized(reason.clone()),
            (Retry { after, reason }, None) => Retry { after, reason: words(reason) },
            (Unauthorized(text), _) => Unauthorized(words(text)),
            (BadConfig(text), _) => BadConfig(words(text)),
            (Rejected(text), _) => Rejected(words(text)),
            (Failed(text), None) => Failed(words(text)),
            (CursorExpired, _) => CursorExpired,
        }
    }
}

/// A failure whose words can be stored and shown; of guests that hold no secrets.
pub(crate) fn plain(failure: PluginFailure) -> PluginFailure {
    use PluginFailure::{BadConfig, CursorExpired, Failed, Rejected, Retry, Unauthorized};
    match failure {
        Retry { after, reason } => Retry { after, reason: short(reason) },
        Unauthorized(text) => Unauthorized(short(text)),
        BadConfig(text) => BadConfig(short(text)),
        Rejected(text) => Rejected(short(text)),
        Failed(text) => Failed(short(text)),
        CursorExpired => CursorExpired,
    }
}

/// What a guest says, as long as people read it.
fn short(text: String) -> String {
    let text = text.replace('\0', "\u{fffd}");
    if text.chars().count() > 1_000 {
        text.chars().take(1_000).chain("…".chars()).collect()
    } else {
        text
    }
}

// They hold types only.
impl types::Host for Guest {}
impl webhooks::Host for Guest {}

/// What a call of a guest stands for, in the logs and the books of the host.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) plugin: Arc<str>,
    pub(crate) account: Option<uuid::Uuid>,
}
