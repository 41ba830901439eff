//! The data platform of one process: its services, opened and wired.
//!
//! They meet here and nowhere else: each gets the ports that it needs, and reads the others through the
//! Sovereign API, which is connected once all of them stand.

use std::sync::Arc;

use anyhow::Context as _;
use communication::Communication;
use connectors::Connectors;
use contracts::api::Api;
use data::Data;
use etl::{Etl, EtlSettings};
use plugins::{PluginSettings, Plugins};
use policy::{PolicyService, PolicySettings};
use present::{Present, PresentSettings};
use rules::Rules;
use search::{MeilisearchSettings, Search, SearchSettings};
use spine::{Runtime, Spine};
use url::Url;

use crate::config::Config;

/// The platform's services.
#[derive(Clone)]
pub struct Platform {
    /// How they read each other.
    pub api: Api,
    /// Who may do what, and the proof of it.
    pub policy: PolicyService,
    /// WebAssembly plugins.
    pub plugins: Plugins,
    /// Accounts at outside services, and devices.
    pub connectors: Connectors,
    /// Messages and calls.
    pub communication: Communication,
    /// From raw records to the unified model.
    pub etl: Etl,
    /// The knowledge graph.
    pub data: Data,
    /// Search over it.
    pub search: Search,
    /// The state of now.
    pub present: Present,
    /// When this, then that.
    pub rules: Rules,
}

impl Platform {
    /// Opens all of them.
    ///
    /// # Errors
    /// The database, or a server that the configuration names, cannot be used.
    pub async fn open(config: &Config, spine: &Spine, origin: &Url) -> anyhow::Result<Self> {
        let api = Api::new();
        let policy = open_policy(config, spine, origin).await?;
        let plugins = open_plugins(config, spine, origin, api.clone()).await?;
        let connectors = Connectors::open(spine.clone(), Arc::new(plugins.clone()))
            .await
            .context("the connector service did not start")?;
        let communication = Communication::open(
            spine.clone(),
            Arc::new(plugins.clone()),
            api.clone(),
            policy.port(),
        )
        .await
        .context("the communication service did not start")?;
        let etl = Etl::open(
            spine.clone(),
            EtlSettings {
                default_region: config.platform.default_region.clone(),
                keep_replaced_days: match config.platform.keep_replaced_records_days {
                    0 => None,
                    days => Some(days),
                },
            },
        )
        .await
        .context("the ETL service did not start")?;
        let data = Data::open(spine.clone(), api.clone())
            .await
            .context("the data service did not start")?;
        let search = Search::open(spine.clone(), search_settings(config))
            .await
            .context("the search service did not start")?;
        let redis_url = config.present.redis.url.as_ref().map(|url| url.reveal().to_owned());
        let present = Present::open(spine.clone(), PresentSettings { redis_url })
            .await
            .context("the present service did not start")?;
        let rules = Rules::open(spine.clone(), api.clone(), Arc::new(plugins.clone()))
            .await
            .context("the rules service did not start")?;
        Ok(Self {
            api,
            policy,
            plugins,
            connectors,
            communication,
            etl,
            data,
            search,
            present,
            rules,
        })
    }

    /// Adds the jobs, handlers and schedules of all of them. (The plugin manager has none.)
    #[must_use]
    pub fn register(&self, runtime: Runtime) -> Runtime {
        let runtime = policy::register(runtime, &self.policy);
        let runtime = connectors::register(runtime, &self.connectors);
        let runtime = communication::register(runtime, &self.communication);
        let runtime = etl::register(runtime, &self.etl);
        let runtime = data::register(runtime, &self.data);
        let runtime = search::register(runtime, &self.search);
        let runtime = present::register(runtime, &self.present);
        rules::register(runtime, &self.rules)
    }
}

/// The policy service alone, for commands about it.
///
/// # Errors
/// The database cannot be used.
pub async fn open_policy(
    config: &Config,
    spine: &Spine,
    origin: &Url,
) -> anyhow::Result<PolicyService> {
    let settings = PolicySettings {
        origin: origin.as_str().trim_end_matches('/').to_owned(),
        kept_head: Some(config.audit_head_file()),
    };
    PolicyService::open(spine.clone(), settings).await.context("the policy service did not start")
}

/// The plugin manager alone, for commands about it.
///
/// # Errors
/// The database cannot be used.
pub async fn open_plugins(
    config: &Config,
    spine: &Spine,
    origin: &Url,
    api: Api,
) -> anyhow::Result<Plugins> {
    let settings = PluginSettings {
        origin: origin.clone(),
        user_agent: format!("Sovereign/{} (+{origin})", env!("CARGO_PKG_VERSION")),
        allow_networks: config.plugins.allow_networks.clone(),
        trusted_keys: config.plugins.trusted_keys.clone(),
    };
    Plugins::open(spine.clone(), api, settings).await.context("the plugin manager did not start")
}

fn search_settings(config: &Config) -> SearchSettings {
    let meilisearch = &config.search.meilisearch;
    SearchSettings {
        meilisearch: meilisearch.url.clone().map(|url| MeilisearchSettings {
            url,
            key: meilisearch.key.as_ref().map(|key| key.reveal().to_owned()),
            prefix: config.namespace.clone(),
        }),
    }
}
