//! Runs a component without a node and without a database, for those who write plugins: `sovereign plugin
//! try`. The limits, the capabilities and the checks are those of a node; what comes over HTTP was recorded, or
//! comes through the guarded client.

mod asked;
mod memory;
mod recorded;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contracts::plugins::{
    ConnectorBatch, HookRequest, InboundResult, OperatorInfo, OutgoingMessage, PluginFailure,
    Receipt, WebhookOutcome,
};
use ipnet::IpNet;
use serde_json::Value;
use spine::Clock;
use spine::http::{GuardedClient, HttpPolicy, PlainHttp};
use uuid::Uuid;

use crate::engine::{
    Answer, Bounds, Call, CallError, Context, Description, Engine, Prepared, digest,
};
use crate::error::PluginsError;
use crate::host::http::{HttpAccess, Live, Throttle, Wire};
use crate::host::log::{Line, Log, LogBudget};
use crate::host::secrets::Secrets;
use crate::host::state::State;
use crate::host::{Guest, Names};
use crate::manifest::{self, Limits, Manifest};
use crate::schema;
use asked::Asked;
use memory::{GivenSecrets, MemoryState};
use recorded::Recorded;
pub use recorded::{RecordedAnswer, RecordedExchange};

/// A component to be tried.
pub struct Trial {
    engine: Engine,
    prepared: Prepared,
    manifest: Manifest,
    description: Description,
    setting: Setting,
    clock: Clock,
    state: Arc<MemoryState>,
    throttle: Arc<Throttle>,
    outside: Arc<dyn Wire>,
}

/// What a component is tried with.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// The account's configuration.
    pub config: Value,
    /// Its secrets: a sign-in's is its token.
    pub secrets: BTreeMap<String, String>,
    /// What the outside answers.
    pub outside: Outside,
    /// The account's id; absent: all zeros.
    pub account: Uuid,
}

/// What is beyond a component that is tried.
#[derive(Clone, Debug)]
pub enum Outside {
    /// Answers that were recorded, each given once, in the order in which they are asked for.
    Recorded(Vec<RecordedExchange>),
    /// The real one: public addresses, and these private networks.
    Network(Vec<IpNet>),
}

impl Default for Outside {
    fn default() -> Self {
        Self::Recorded(Vec::new())
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct Tried<T> {
    /// The answer, or why there is none.
    pub result: Result<Result<T, PluginFailure>, CallError>,
    /// What the guest logged.
    pub log: Vec<LogLine>,
    /// What it asked for over HTTP: method and address, with what came of it.
    pub requests: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// How long the guest computed, in ticks of 10 ms, rounded up.
    pub computed: Duration,
    /// How much memory it had, in bytes.
    pub memory: usize,
}

/// A line of a guest's log.
pub type LogLine = Line;

impl Trial {
    /// Reads, checks and compiles a component, and asks it to describe itself: what an installation does.
    ///
    /// # Errors
    /// The component would be refused by a node.
    pub async fn new(wasm: Vec<u8>, setting: Setting, clock: Clock) -> Result<Self, PluginsError> {
        let inspected = manifest::inspect(&wasm)?;
        let engine = Engine::new()?;
        let prepared = engine.compile(wasm, inspected.manifest.world).await?;
        let outside = reach(&setting.outside)?;
        let mut trial = Self {
            engine,
            outside,
            prepared,
            manifest: inspected.manifest,
            description: Description { config_schema: Value::Null, kinds: Vec::new() },
            setting,
            throttle: Arc::new(Throttle::new(clock.clone())),
            clock,
            state: Arc::default(),
        };
        let limits = trial.manifest.limits().of_description();
        let told = trial.call(limits, false, Call::Describe, |answer| match answer {
            Answer::Description(description) => Some(Ok(description)),
            _ => None,
        });
        match told.await.result.map_err(PluginsError::Describe)? {
            Ok(description) => trial.description = description,
            Err(failure) => {
                return Err(PluginsError::Describe(CallError::Stopped(failure.to_string())));
            }
        }
        schema::compile(&trial.description.config_schema).map_err(PluginsError::Schema)?;
        Ok(trial)
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What its code says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Checks the configuration against the component's schema.
    ///
    /// # Errors
    /// Says where it is wrong.
    pub fn check_config(&self) -> Result<(), String> {
        schema::check(&schema::compile(&self.description.config_schema)?, &self.setting.config)
    }

    /// One page of a connector's work.
    pub async fn sync(&self, cursor: Option<Vec<u8>>) -> Tried<ConnectorBatch> {
        let call = Call::Sync { context: self.context(), cursor };
        self.call(self.manifest.limits(), true, call, |answer| match answer {
            Answer::Batch(batch) => Some(batch),
            _ => None,
        })
        .await
    }

    /// A webhook for a connector.
    pub async fn webhook(&self, request: HookRequest) -> Tried<WebhookOutcome> {
        let call = Call::Webhook { context: self.context(), request };
        self.call(self.manifest.limits(), true, call, |answer| match answer {
            Answer::Webhook(outcome) => Some(outcome),
            _ => None,
        })
        .await
    }

    /// A message to send.
    pub async fn send(&self, message: OutgoingMessage) -> Tried<Receipt> {
        let call = Call::Send { context: self.context(), message };
        self.call(self.manifest.limits(), true, call, |answer| match answer {
            Answer::Receipt(receipt) => Some(receipt),
            _ => None,
        })
        .await
    }

    /// A webhook for a channel.
    pub async fn inbound(&self, request: HookRequest) -> Tried<InboundResult> {
        let call = Call::Inbound { context: self.context(), request };
        self.call(self.manifest.limits(), true, call, |answer| match answer {
            Answer::Inbound(result) => Some(result),
            _ => None,
        })
        .await
    }

    /// The operators of a rule operator.
    pub async fn operators(&self) -> Tried<Vec<OperatorInfo>> {
        self.call(self.manifest.limits(), true, Call::Operators, |answer| match answer {
            Answer::Operators(operators) => Some(Ok(operators)),
            _ => None,
        })
        .await
    }

    /// An operator to evaluate.
    pub async fn evaluate(&self, operator: &str, args: Value) -> Tried<Value> {
        let call = Call::Evaluate { operator: operator.to_owned(), args: args.to_string() };
        self.call(self.manifest.limits(), true, call, |answer| match answer {
            Answer::Value(value) => Some(value),
            _ => None,
        })
        .await
    }

    /// The same as rules have it: in an instance that stays warm, of which only the answer is told.
    ///
    /// # Errors
    /// It was stopped, or said no.
    pub async fn evaluate_warm(
        &self,
        operator: &str,
        args: Value,
    ) -> Result<Result<Value, PluginFailure>, CallError> {
        let call = Call::Evaluate { operator: operator.to_owned(), args: args.to_string() };
        let limits = self.manifest.limits();
        let wire = Arc::new(Asked::new(Arc::clone(&self.outside)));
        let guest = || self.guest(&limits, true, wire);
        let outcome = self.engine.call(&self.prepared, &self.bounds(limits), guest, call).await;
        match outcome.result? {
            Answer::Value(value) => Ok(value),
            _ => Err(CallError::Stopped("it answered another call".to_owned())),
        }
    }

    fn bounds(&self, limits: Limits) -> Bounds {
        Bounds {
            limits,
            kinds: self.description.kinds.clone().into(),
            plugin: self.manifest.id.as_str().into(),
        }
    }

    async fn call<T>(
        &self,
        limits: Limits,
        lent: bool,
        call: Call,
        take: impl FnOnce(Answer) -> Option<Result<T, PluginFailure>>,
    ) -> Tried<T> {
        let bounds = self.bounds(limits);
        let wire = Arc::new(Asked::new(Arc::clone(&self.outside)));
        let guest = || self.guest(&limits, lent, Arc::clone(&wire));
        let outcome = self.engine.call_fresh(&self.prepared, &bounds, guest, call).await;
        let result = outcome.result.and_then(|answer| {
            let answer = match &outcome.guest {
                Some(guest) => answer.map_failure(|failure| guest.judge(failure)),
                None => answer,
            };
            take(answer).ok_or_else(|| CallError::Stopped("it answered another call".to_owned()))
        });
        let memory = outcome.guest.as_ref().map_or(0, |guest| guest.limiter.used());
        let computed =
            outcome.guest.as_ref().map_or(Duration::ZERO, |guest| guest.computed(&limits));
        let log = outcome.guest.map(|guest| guest.log.lines()).unwrap_or_default();
        Tried { result, log, requests: wire.asked(), took: outcome.took, computed, memory }
    }

    fn context(&self) -> Context {
        let account = self.setting.account;
        Context {
            account: account.to_string(),
            config: self.setting.config.clone(),
            hook_url: hook_url(account),
        }
    }

    fn guest(&self, limits: &Limits, lent: bool, wire: Arc<Asked>) -> Guest {
        let plugin: Arc<str> = self.manifest.id.as_str().into();
        let names = Names { plugin: Arc::clone(&plugin), account: Some(self.setting.account) };
        let log = Log::kept(names, Arc::new(LogBudget::new(self.clock.clone())));
        let guest = Guest::bare(limits, log, self.clock.clone());
        if !lent {
            return guest;
        }
        let quota = u64::from(self.manifest.capabilities.state_kib) * 1_024;
        let state = (quota > 0).then(|| State {
            values: Arc::clone(&self.state) as _,
            account: self.setting.account,
            quota,
        });
        let declared: Arc<[_]> = self.manifest.secrets.clone().into();
        let secrets = (!declared.is_empty()).then(|| Secrets {
            declared,
            vault: Arc::new(GivenSecrets(self.setting.secrets.clone())),
        });
        let hosts: Arc<[_]> = self.manifest.hosts().into();
        let http = (!hosts.is_empty()).then(|| HttpAccess {
            hosts,
            config: self.setting.config.clone(),
            wire,
            throttle: Arc::clone(&self.throttle),
            plugin,
            requests_left: limits.requests_per_call,
            largest: limits.response(),
        });
        guest.with_state(state).with_secrets(secrets).with_http(http)
    }
}

/// Reads recorded answers: a JSON file with a list of [`RecordedExchange`].
///
/// # Errors
/// The file cannot be read, or is none.
pub fn read_exchanges(file: &Path) -> std::io::Result<Vec<RecordedExchange>> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

/// The way to the outside.
fn reach(outside: &Outside) -> Result<Arc<dyn Wire>, PluginsError> {
    let networks = match outside {
        Outside::Recorded(exchanges) => return Ok(Arc::new(Recorded::new(exchanges))),
        Outside::Network(networks) => networks.clone(),
    };
    let policy = HttpPolicy {
        allow_plain_http: if networks.is_empty() {
            PlainHttp::Never
        } else {
            PlainHttp::AllowedNetworksOnly
        },
        allow_networks: networks,
        total_timeout: Duration::from_secs(60),
        read_timeout: Duration::from_secs(30),
        ..HttpPolicy::new(concat!("sovereign-plugin-try/", env!("CARGO_PKG_VERSION")))
    };
    let client =
        GuardedClient::new(policy).map_err(|error| PluginsError::Fetch(error.to_string()))?;
    Ok(Arc::new(Live(client)))
}

/// Where the outside would reach an account that is tried.
pub fn hook_url(account: Uuid) -> String {
    format!("https://node.example/hooks/{account}/")
}

/// The SHA-256 of a component, in hex: what an installation may be told to expect.
pub fn sha256(wasm: &[u8]) -> String {
    hex::encode(digest(wasm))
}
