//! What the host lends to a guest: one module a capability. Each call checks again what was granted.

mod clock;
mod hmac;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod secrets;
pub(crate) mod state;

use std::sync::Arc;
use std::time::Duration;

use contracts::plugins::PluginFailure;
use spine::Clock;
use tokio::time::Instant;

use crate::engine::bindings::{types, webhooks};
use crate::engine::{Limiter, TICK, Unacceptable, ticks};
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
    /// It waits for the node's own store now.
    pub(crate) waits_for_us: bool,
    /// How often it may yet ask the node's store.
    asks_left: u32,
    /// Until when it may wait for the outside.
    patience: Option<Instant>,
}

/// How often one call asks the node's store for state and secrets.
const ASKS: u32 = 10_000;

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
            waits_for_us: false,
            asks_left: ASKS,
            patience: None,
        }
    }

    /// A call begins, and may take so long. Of that the guest keeps a tenth for itself: where the outside does
    /// not answer, it is told so while it can still say what that means. Otherwise whoever is silent would
    /// get the plugin stopped, and quarantined in the end.
    pub(crate) fn begins(&mut self, deadline: Duration) {
        let own = (deadline / 10).min(Duration::from_secs(2));
        self.patience = Some(Instant::now() + (deadline - own));
    }

    /// How long it computed in its call.
    pub(crate) fn computed(&self, limits: &Limits) -> Duration {
        let ticks = ticks(limits).saturating_sub(self.ticks_left);
        TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// How long the guest may yet wait for the outside.
    fn patience(&self) -> Duration {
        self.patience.map_or(Duration::MAX, |until| until.duration_since(Instant::now()))
    }

    /// Takes one of the call's questions to the node's store.
    fn ask(&mut self) -> wasmtime::Result<()> {
        match self.asks_left.checked_sub(1) {
            Some(left) => {
                self.asks_left = left;
                Ok(())
            }
            None => {
                let text =
                    format!("it asked for state and secrets more than {ASKS} times in a call");
                Err(Unacceptable(text).into())
            }
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
        let words = |text: String| short(&self.log.hidden(&text, WORDS));
        match (failure, &self.sign_in) {
            // It failed for want of a secret, and has no word for that: our SDKs call it a wrong configuration,
            // as the request was not allowed.
            (Failed(_) | Retry { .. } | BadConfig(_), Some(reason)) => Unauthorized(reason.clone()),
            (Retry { after, reason }, None) => Retry { after, reason: words(reason) },
            (Unauthorized(text), _) => Unauthorized(words(text)),
            (BadConfig(text), None) => BadConfig(words(text)),
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
        Retry { after, reason } => Retry { after, reason: short(&reason) },
        Unauthorized(text) => Unauthorized(short(&text)),
        BadConfig(text) => BadConfig(short(&text)),
        Rejected(text) => Rejected(short(&text)),
        Failed(text) => Failed(short(&text)),
        CursorExpired => CursorExpired,
    }
}

/// How much of what a guest says of a failure is looked at, in bytes: four for each character that is kept.
const WORDS: usize = 4_000;

/// What a guest says, as long as people read it, in one line: it goes into logs and onto pages.
fn short(text: &str) -> String {
    let plain = |character: char| match character {
        '\n' | '\r' | '\t' => ' ',
        character if character.is_control() => '\u{fffd}',
        character => character,
    };
    let mut characters = text.chars().map(plain);
    let mut short: String = characters.by_ref().take(1_000).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

/// What kind of failure it is, without the guest's words.
pub(crate) fn kind_of(failure: &PluginFailure) -> &'static str {
    match failure {
        PluginFailure::Retry { .. } => "it asks to be called again later",
        PluginFailure::Unauthorized(_) => "the account has to sign in again",
        PluginFailure::BadConfig(_) => "the account's configuration is wrong",
        PluginFailure::CursorExpired => "the source does not accept the cursor any more",
        PluginFailure::Rejected(_) => "it refused what it was given",
        PluginFailure::Failed(_) => "it failed",
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
