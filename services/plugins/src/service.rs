//! The service: what it is opened with, and how it hears of changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use contracts::api::Api;
use contracts::events::plugins::PluginChanged;
use ipnet::IpNet;
use spine::http::{GuardedClient, HttpError, HttpPolicy, PlainHttp};
use spine::{Event, EventData as _, Spine};
use tokio::sync::Notify;
use tokio_stream::StreamExt as _;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::MIGRATIONS;
use crate::catalogue::Catalogue;
use crate::engine::{Engine, Prepared};
use crate::error::PluginsError;
use crate::health::Health;
use crate::host::http::Throttle;
use crate::host::log::LogBudget;
use crate::locks::Locks;
use crate::plugin::{Grant, Installed};
use crate::signature::{self, PublisherKey};
use crate::store;
use crate::strangers::Strangers;

/// How soon a change that could not be followed is looked for again, at first...
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// ... and at last.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long counts of calls may stay in memory only.
const HEALTH: Duration = Duration::from_secs(5);

/// What the plugin manager needs to know.
#[derive(Clone, Debug)]
pub struct PluginSettings {
    /// Where the node is reached: hooks and the sign-in's way back are below it.
    pub origin: Url,
    /// What plugins' requests say who asks.
    pub user_agent: String,
    /// Private networks that a grant may name.
    pub allow_networks: Vec<IpNet>,
    /// Keys of publishers (32 bytes in base64) whose signatures need no key beside them.
    pub trusted_keys: Vec<String>,
}

/// The plugin manager. Cheap to clone.
#[derive(Clone)]
pub struct Plugins(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) api: Api,
    pub(crate) settings: PluginSettings,
    pub(crate) trusted_keys: Vec<PublisherKey>,
    pub(crate) engine: Engine,
    pub(crate) catalogue: Catalogue,
    pub(crate) health: Health,
    pub(crate) strangers: Strangers,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) refreshing: Locks<store::secrets::Place>,
    /// Counts wait to be written.
    pub(crate) counted: Arc<Notify>,
    clients: Mutex<HashMap<Vec<IpNet>, GuardedClient>>,
    logs: Mutex<HashMap<String, Arc<LogBudget>>>,
    _stop: DropGuard,
}

impl Plugins {
    /// Brings the schema up to date, learns which plugins there are, and follows their changes.
    ///
    /// # Errors
    /// The database is away, the runtime cannot be set up, or a setting is unusable.
    pub async fn open(
        spine: Spine,
        api: Api,
        settings: PluginSettings,
    ) -> Result<Self, PluginsError> {
        spine::database::migrate(spine.pool(), "plugins", &MIGRATIONS).await?;
        let trusted_keys = settings
            .trusted_keys
            .iter()
            .map(|key| signature::read_key(key))
            .collect::<Result<_, _>>()?;
        let clock = spine.clock().clone();
        let stop = CancellationToken::new();
        let counted = Arc::new(Notify::new());
        let plugins = Self(Arc::new(Inner {
            engine: Engine::new()?,
            catalogue: Catalogue::default(),
            health: Health::new(clock.clone()),
            strangers: Strangers::new(clock.clone()),
            throttle: Arc::new(Throttle::new(clock)),
            refreshing: Locks::default(),
            counted: Arc::clone(&counted),
            clients: Mutex::default(),
            logs: Mutex::default(),
            _stop: stop.clone().drop_guard(),
            spine,
            api,
            settings,
            trusted_keys,
        }));
        // Listened to before the first look, so that no change falls between the two.
        let tail = plugins.0.spine.tail();
        plugins.reload_all().await?;
        tokio::spawn(
            stop.clone().run_until_cancelled_owned(follow(Arc::downgrade(&plugins.0), tail)),
        );
        tokio::spawn(
            stop.run_until_cancelled_owned(write_counts(Arc::downgrade(&plugins.0), counted)),
        );
        Ok(plugins)
    }

    /// Reads all plugins anew.
    pub(crate) async fn reload_all(&self) -> Result<(), PluginsError> {
        let known = self.0.catalogue.all();
        let there = store::plugins::read(self.0.spine.pool(), None).await?;
        for known in known {
            if !there.iter().any(|there| there.id() == known.id()) {
                self.0.catalogue.remove(known.id(), known.revision);
            }
        }
        there.into_iter().for_each(|installed| self.0.catalogue.put(installed));
        Ok(())
    }

    /// Reads one anew, after somebody changed it.
    async fn reload(&self, id: &str) -> Result<(), PluginsError> {
        let known = self.0.catalogue.find(id);
        match store::plugins::read(self.0.spine.pool(), Some(id)).await?.pop() {
            Some(installed) => {
                let anew = known.is_none_or(|known| {
                    known.digest != installed.digest || known.state != installed.state
                });
                if anew {
                    self.0.health.begin_anew(id);
                }
                self.0.catalogue.put(installed);
            }
            None => {
                if let Some(known) = known {
                    self.0.catalogue.remove(id, known.revision);
                    self.0.health.forget(id);
                }
            }
        }
        Ok(())
    }

    /// The component of a plugin, compiled.
    pub(crate) async fn prepared(
        &self,
        installed: &Installed,
    ) -> Result<Arc<Prepared>, Arc<PluginsError>> {
        let fetch = async {
            let wasm = store::components::fetch(self.0.spine.pool(), &installed.digest).await?;
            wasm.ok_or_else(|| PluginsError::Stored("the component is missing".to_owned()))
        };
        self.0.engine.prepare(installed.digest, installed.manifest.world, fetch).await
    }

    /// The private networks of a grant that the settings still allow.
    pub(crate) fn reachable(&self, grant: &Grant) -> Vec<IpNet> {
        grant.networks.iter().filter(|network| self.allows(network)).copied().collect()
    }

    /// Whether the settings allow that plugins reach this private network.
    pub(crate) fn allows(&self, network: &IpNet) -> bool {
        self.0.settings.allow_networks.iter().any(|allowed| allowed.contains(network))
    }

    /// The client for a grant's networks.
    pub(crate) fn client(&self, networks: &[IpNet]) -> Result<GuardedClient, HttpError> {
        let mut networks = networks.to_vec();
        networks.sort_unstable();
        networks.dedup();
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&networks) {
            return Ok(client.clone());
        }
        let client = GuardedClient::new(HttpPolicy {
            allow_plain_http: if networks.is_empty() {
                PlainHttp::Never
            } else {
                PlainHttp::AllowedNetworksOnly
            },
            allow_networks: networks.clone(),
            total_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(30),
            ..HttpPolicy::new(self.0.settings.user_agent.clone())
        })?;
        // Each has connections of its own; households have a handful of grants.
        if clients.len() >= 32 {
            clients.clear();
        }
        clients.insert(networks, client.clone());
        Ok(client)
    }

    /// The budget of log lines of a plugin.
    pub(crate) fn log_budget(&self, plugin: &str) -> Arc<LogBudget> {
        let mut logs = self.0.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = logs.get(plugin) {
            return Arc::clone(budget);
        }
        let budget = Arc::new(LogBudget::new(self.0.spine.clock().clone()));
        logs.insert(plugin.to_owned(), Arc::clone(&budget));
        budget
    }

    /// Writes what was counted of calls so far.
    ///
    /// # Errors
    /// The database failed; nothing is lost then.
    pub async fn write_counts(&self) -> Result<(), PluginsError> {
        let mut counted = self.0.health.take_unwritten();
        while let Some((plugin, counts)) = counted.pop() {
            if let Err(error) =
                store::health::add(self.0.spine.worker_pool(), &plugin, &counts).await
            {
                counted.push((plugin, counts));
                self.0.health.put_back(counted);
                return Err(error.into());
            }
        }
        Ok(())
    }
}

/// Hears of changes that other processes made.
async fn follow(following: Weak<Inner>, mut tail: tokio_stream::wrappers::BroadcastStream<Event>) {
    while let Some(event) = tail.next().await {
        let Some(inner) = following.upgrade() else { return };
        let plugins = Plugins(inner);
        let mut outcome = match &event {
            Ok(event) if &*event.kind != PluginChanged::TYPE => continue,
            Ok(event) => match event.read::<PluginChanged>() {
                Ok(Some(changed)) => plugins.reload(&changed.plugin).await,
                _ => plugins.reload_all().await,
            },
            // Some were missed.
            Err(_lagged) => plugins.reload_all().await,
        };
        drop(plugins);
        // A plugin that was disabled elsewhere must not go on being called here.
        let mut pause = FIRST_PAUSE;
        while let Err(error) = outcome {
            tracing::warn!(%error, "a change of plugins could not be followed; it is tried again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let Some(inner) = following.upgrade() else { return };
            outcome = Plugins(inner).reload_all().await;
        }
    }
}

/// Writes counts a while after the first of them; a node on which nothing is called is woken by nothing.
async fn write_counts(plugins: Weak<Inner>, counted: Arc<Notify>) {
    loop {
        counted.notified().await;
        tokio::time::sleep(HEALTH).await;
        let Some(inner) = plugins.upgrade() else { return };
        if let Err(error) = Plugins(inner).write_counts().await {
            tracing::warn!(%error, "counts of plugins' calls could not be written; they are with the next ones");
        }
    }
}
