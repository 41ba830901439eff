//! Calls of installed plugins: within what was granted, and with what follows from how they go.

use std::sync::Arc;

use contracts::plugins::{PluginError, PluginFailure};
use serde_json::Value;
use uuid::Uuid;

use crate::engine::{Answer, Call, CallError, Context, EngineError};
use crate::error::PluginsError;
use crate::health::{Consequence, Went};
use crate::host::http::{HttpAccess, Live};
use crate::host::log::Log;
use crate::host::secrets::Secrets;
use crate::host::state::State;
use crate::host::{Guest, Names, kind_of, plain};
use crate::manifest::World;
use crate::plugin::{Installed, PluginState};
use crate::service::Plugins;
use crate::store::state::PluginStates;
use crate::vault::AccountVault;

/// For whom a call is, and with which settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForAccount<'a> {
    pub(crate) account: Uuid,
    pub(crate) config: &'a Value,
}

impl Plugins {
    /// The plugin, where it may be called as one of this world.
    pub(crate) fn callable(
        &self,
        plugin: &str,
        world: World,
    ) -> Result<Arc<Installed>, PluginError> {
        let unavailable =
            |reason: String| PluginError::Unavailable { plugin: plugin.to_owned(), reason };
        let Some(installed) = self.0.catalogue.find(plugin) else {
            return Err(unavailable("it is not installed".to_owned()));
        };
        if installed.manifest.world != world {
            return Err(unavailable(format!(
                "it is no {world}, but a {}",
                installed.manifest.world
            )));
        }
        match installed.state {
            PluginState::Enabled if installed.is_granted => Ok(installed),
            PluginState::Enabled => {
                Err(unavailable("it asks for more than was granted".to_owned()))
            }
            state => Err(unavailable(format!("it is {state}"))),
        }
    }

    /// Calls a plugin for an account.
    pub(crate) async fn call_for(
        &self,
        installed: &Arc<Installed>,
        on: ForAccount<'_>,
        call: impl FnOnce(Context) -> Call,
    ) -> Result<Answer, PluginError> {
        let context = Context {
            account: on.account.to_string(),
            config: on.config.clone(),
            hook_url: self.hook_url(on.account),
        };
        self.call(installed, Some(on), call(context)).await
    }

    /// Calls a plugin.
    pub(crate) async fn call(
        &self,
        installed: &Arc<Installed>,
        on: Option<ForAccount<'_>>,
        call: Call,
    ) -> Result<Answer, PluginError> {
        let plugin = installed.id();
        if let Some(after) = self.0.health.rest(plugin) {
            return Err(PluginError::Resting { plugin: plugin.to_owned(), after });
        }
        let from_outside = matches!(call, Call::Webhook { .. } | Call::Inbound { .. });
        let stranger = on.filter(|_| from_outside).map(|on| on.account);
        if let Some(after) = stranger.and_then(|account| self.0.strangers.rest(account)) {
            return Err(PluginError::Resting { plugin: plugin.to_owned(), after });
        }
        let limits = &installed.bounds.limits;
        // It could only break its memory's limit with it, and whoever sent it could have it stopped so.
        if call.weight() > limits.input() {
            let reason = format!(
                "this is more than the {} KiB that the plugin takes",
                limits.input() / 1_024
            );
            return Err(PluginFailure::Rejected(reason).into());
        }
        let prepared =
            self.prepared(installed).await.map_err(|error| unprepared(plugin, &error))?;
        let name = call.name();
        let places = async {
            let slot = match &call {
                Call::Evaluate { .. } => None,
                _ => Some(installed.slots.acquire().await),
            };
            (slot, self.0.engine.room(limits).await)
        };
        // Waited for as long as a call may take.
        let places = tokio::time::timeout(limits.deadline(), places).await;
        let _places = places.map_err(|_elapsed| PluginError::Unavailable {
            plugin: plugin.to_owned(),
            reason: "as many calls are under way as may be".to_owned(),
        })?;
        let guest = || self.guest(installed, on);
        let outcome = self.0.engine.call(&prepared, &installed.bounds, guest, call).await;
        let (result, took) = (outcome.result, outcome.took);
        let masked = |text: String| match &outcome.guest {
            Some(guest) => guest.log.masked(&text),
            None => text,
        };
        let result = result.map(|answer| match &outcome.guest {
            Some(guest) => answer.map_failure(|failure| guest.judge(failure)),
            None => answer.map_failure(plain),
        });
        match result {
            Ok(answer) => {
                let went = match answer.failure() {
                    None | Some(PluginFailure::CursorExpired) => Went::Well,
                    // Its words concern an account and whoever has it, not all who look after plugins.
                    Some(failure) => Went::Failed(kind_of(failure).to_owned()),
                };
                self.noted(installed, stranger, took, went).await;
                Ok(answer)
            }
            Err(CallError::Stopped(reason)) => {
                let reason = masked(reason);
                tracing::warn!(plugin.id = plugin, call = name, reason, "a plugin was stopped");
                let went = Went::Stopped(format!("{name}: {reason}"));
                self.noted(installed, stranger, took, went).await;
                Err(PluginError::Stopped { plugin: plugin.to_owned(), reason })
            }
            Err(CallError::Host(error)) => Err(PluginError::Internal(error)),
        }
    }

    /// Where the outside reaches an account.
    pub(crate) fn hook_url(&self, account: Uuid) -> String {
        let origin = self.0.settings.origin.as_str().trim_end_matches('/');
        format!("{origin}/hooks/{account}/")
    }

    /// What a call is lent: what the manifest asks for, was granted, and this account has.
    fn guest(&self, installed: &Installed, on: Option<ForAccount<'_>>) -> Guest {
        let limits = installed.manifest.limits();
        let plugin: Arc<str> = installed.id().into();
        let names = Names { plugin: Arc::clone(&plugin), account: on.map(|on| on.account) };
        let log = Log::new(names, self.log_budget(installed.id()));
        let guest = Guest::bare(&limits, log, self.0.spine.clock().clone());
        let (Some(on), Some(granted)) = (on, &installed.granted) else { return guest };
        let networks = self.reachable(granted);
        let quota = u64::from(
            installed.manifest.capabilities.state_kib.min(granted.capabilities.state_kib),
        ) * 1_024;
        let state = (quota > 0).then(|| State {
            values: Arc::new(PluginStates {
                pool: self.0.spine.worker_pool().clone(),
                plugin: plugin.to_string(),
            }),
            account: on.account,
            quota,
        });
        let secrets = (!installed.secrets.is_empty()).then(|| Secrets {
            declared: Arc::clone(&installed.secrets),
            vault: Arc::new(AccountVault {
                plugins: self.clone(),
                plugin: plugin.to_string(),
                account: on.account,
                networks: networks.clone(),
            }),
        });
        let http = match self.client(&networks) {
            Ok(client) if !installed.hosts.is_empty() => Some(HttpAccess {
                hosts: Arc::clone(&installed.hosts),
                config: on.config.clone(),
                wire: Arc::new(Live(client)),
                throttle: Arc::clone(&self.0.throttle),
                plugin,
                requests_left: limits.requests_per_call,
                largest: limits.response(),
            }),
            Ok(_) => None,
            Err(error) => {
                tracing::error!(%error, "no client for a plugin's requests: its call has no network");
                None
            }
        };
        guest.with_state(state).with_secrets(secrets).with_http(http)
    }

    /// Takes note of how a call went, and draws the consequence.
    async fn noted(
        &self,
        installed: &Arc<Installed>,
        stranger: Option<Uuid>,
        took: std::time::Duration,
        went: Went,
    ) {
        if let Some(account) = stranger {
            self.0.strangers.note(account, matches!(went, Went::Stopped(_)));
            self.0.health.count(installed.id(), took, &went);
            self.0.counted.notify_one();
            return;
        }
        let reason = match &went {
            Went::Stopped(reason) => reason.clone(),
            Went::Well | Went::Failed(_) => String::new(),
        };
        let consequence = self.0.health.note(installed.id(), took, went);
        self.0.counted.notify_one();
        match consequence {
            Consequence::None => {}
            Consequence::Rest => {
                tracing::warn!(plugin.id = installed.id(), "a plugin rests after stops in a row");
            }
            Consequence::Quarantine => {
                if let Err(error) = self.quarantine(installed, &reason).await {
                    tracing::error!(plugin.id = installed.id(), %error, "a plugin could not be quarantined");
                }
            }
        }
    }
}

/// A component that cannot be had: away with the database, or refused by this machine.
fn unprepared(plugin: &str, error: &Arc<PluginsError>) -> PluginError {
    match &**error {
        PluginsError::Engine(EngineError::Component(reason)) => {
            PluginError::Unavailable { plugin: plugin.to_owned(), reason: reason.clone() }
        }
        _ => PluginError::Internal(Box::new(Arc::clone(error))),
    }
}
