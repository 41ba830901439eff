//! Starting and stopping a node.

mod banner;
mod database;
mod listening;

use std::time::Duration;

use anyhow::Context as _;
use identity::{Identity, IdentitySettings};
use ipnet::IpNet;
use social::commands::HostBlocks;
use social::{Social, SocialSettings};
use spine::http::{GuardedClient, HttpPolicy, PlainHttp};
use spine::{Clock, Roles, Running, Runtime, Spine, SpineSettings};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

pub use database::Database;
pub use listening::origin_for_command;

use crate::config::{self, Config, PasswordGrant, RoleName};
use crate::edge::health::Counters;
use crate::edge::limits::Limits;
use crate::edge::streaming::Hub;
use crate::edge::{self, serve, sovereign};
use crate::platform::Platform;
use crate::services::{Inner, Services};
use crate::store;

/// How long open streams get to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);
const STOPPED_AT_ONCE: &str = "stopped at once: what was under way is done at the next start";
/// What outgoing requests say they are.
const USER_AGENT: &str = concat!("Sovereign/", env!("CARGO_PKG_VERSION"));

/// Runs a node until it is told to stop.
///
/// # Errors
/// It could not start; the message says what to do.
pub fn serve(config: Config) -> anyhow::Result<()> {
    // Started on the thread that lives longest: the server dies with it, not before.
    let database = Database::obtain(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the threads could not be started")?;
    let outcome = runtime.block_on(run(config, database.url().to_owned()));
    runtime.shutdown_timeout(Duration::from_secs(1));
    database.stop();
    outcome
}

/// The spine alone, with every schema that it and the node itself need.
///
/// # Errors
/// The database cannot be reached or used.
pub async fn connect(config: &Config, database_url: String) -> anyhow::Result<Spine> {
    // One choice for all of TLS: to the database, to NATS, to other servers.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("the TLS provider was chosen already");
    }
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("the data folder {} could not be made", config.data.display()))?;
    let settings = SpineSettings {
        database_url,
        connections: config.database.connections,
        key_file: config.key_file(),
        namespace: config.namespace.clone(),
        nats_url: config.nats.url.as_ref().map(|url| url.reveal().to_owned()),
    };
    let spine =
        Spine::connect(settings, Clock::system()).await.context("the spine did not start")?;
    store::migrate(&spine).await.context("the node's schema could not be brought up to date")?;
    Ok(spine)
}

/// The social service over a spine.
///
/// # Errors
/// The database or the media folder cannot be used.
pub async fn open_social(config: &Config, spine: &Spine, origin: &Url) -> anyhow::Result<Social> {
    let client = GuardedClient::new(http_policy(config, origin))
        .context("the client for outgoing requests could not be made")?;
    let settings = social_settings(config, origin);
    Social::open(spine.clone(), settings, client).await.context("the social service did not start")
}

/// The identity service over a spine.
///
/// # Errors
/// The database cannot be used.
pub async fn open_identity(
    config: &Config,
    spine: &Spine,
    origin: &Url,
) -> anyhow::Result<Identity> {
    let password_grant = match config.oauth.password_grant {
        PasswordGrant::Auto => config::is_loopback(origin),
        PasswordGrant::On => true,
        PasswordGrant::Off => false,
    };
    let settings = IdentitySettings { registration: config.registration.mode, password_grant };
    Identity::open(spine.clone(), settings).await.context("the identity service did not start")
}

/// All services of a process, wired.
///
/// # Errors
/// The database, or a server that the configuration names, cannot be used.
pub async fn services(
    config: Config,
    spine: Spine,
    origin: &Url,
    stop: CancellationToken,
) -> anyhow::Result<Services> {
    let (social, identity, platform) = tokio::try_join!(
        open_social(&config, &spine, origin),
        open_identity(&config, &spine, origin),
        Platform::open(&config, &spine, origin)
    )?;
    let services = Services::new(Inner {
        origin: origin.as_str().trim_end_matches('/').to_owned(),
        limits: Limits::new(&config.limits),
        config,
        spine,
        social,
        identity,
        platform,
        hub: Hub::default(),
        counters: Counters::default(),
        stop,
        tasks: TaskTracker::new(),
    });
    sovereign::connect(&services);
    Ok(services)
}

async fn run(config: Config, database_url: String) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Without a handler a file that may not grow (a quota, RLIMIT_FSIZE) ends the process; with one
    // the write fails like that on a full disk, and only the request that needs it.
    let _too_large = signal(SignalKind::from_raw(nix::sys::signal::Signal::SIGXFSZ as i32))?;
    let stop = CancellationToken::new();
    let mut node = tokio::select! {
        node = Node::start(config, database_url, stop.clone()) => node?,
        // Nothing is served yet: leaving at once loses nothing.
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    let asked = tokio::select! {
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
        () = node.failed() => false,
    };
    tracing::info!("stopping; a second signal stops at once");
    tokio::select! {
        () = node.stop() => tracing::info!("stopped"),
        _ = interrupt.recv() => tracing::warn!("{STOPPED_AT_ONCE}"),
        _ = terminate.recv() => tracing::warn!("{STOPPED_AT_ONCE}"),
    }
    if asked { Ok(()) } else { anyhow::bail!("the server failed; see the log") }
}

/// A node at work.
struct Node {
    services: Services,
    running: Running,
    server: Option<tokio::task::JoinHandle<()>>,
}

impl Node {
    async fn start(
        config: Config,
        database_url: String,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let spine = connect(&config, database_url).await?;
        let (origin, listener) = listening::settle(&config, &spine).await?;
        let services = services(config, spine, &origin, stop).await?;
        let config = &services.config;
        services
            .social
            .block_hosts(&config.federation.blocked_hosts, HostBlocks::Configured)
            .await
            .context("the setting `federation.blocked_hosts` could not be applied")?;
        let roles = Roles {
            edge: config.has_role(RoleName::Edge),
            workers: config.has_role(RoleName::Workers),
            relay: config.has_role(RoleName::Relay),
        };
        let runtime = social::register(Runtime::new(services.spine.clone()), &services.social);
        let running = services
            .platform
            .register(runtime)
            .start(roles)
            .await
            .context("the workers did not start")?;
        let mut server = None;
        if let Some(listener) = listener {
            let address = listener.local_addr()?;
            server = Some(Self::open_edge(&services, listener));
            banner::show(&services, &origin, address).await;
        } else {
            tracing::info!(roles = ?services.config.roles, "working");
        }
        Ok(Self { services, running, server })
    }

    fn open_edge(
        services: &Services,
        listener: tokio::net::TcpListener,
    ) -> tokio::task::JoinHandle<()> {
        let hub = services.hub.clone();
        services.tasks.spawn(hub.run(
            services.spine.clone(),
            services.social.clone(),
            services.identity.clone(),
            services.stop.clone(),
        ));
        tokio::spawn(serve::serve(
            listener,
            edge::router(services.clone()),
            services.config.http.max_connections,
            services.stop.clone(),
        ))
    }

    /// Waits until the server ends, which it does by itself only if it failed.
    async fn failed(&mut self) {
        match &mut self.server {
            Some(server) => {
                if let Err(error) = server.await {
                    tracing::error!(%error, "the server failed");
                }
                self.server = None;
            }
            None => std::future::pending().await,
        }
    }

    /// Stops accepting, lets what is under way finish, gives leases back.
    async fn stop(self) {
        self.services.stop.cancel();
        if let Some(server) = self.server
            && let Err(error) = server.await
        {
            tracing::error!(%error, "the server failed");
        }
        self.services.tasks.close();
        if tokio::time::timeout(GOODBYE, self.services.tasks.wait()).await.is_err() {
            tracing::debug!("some streams did not close in time");
        }
        self.running.stop().await;
        self.services.spine.pool().close().await;
    }
}

fn social_settings(config: &Config, origin: &Url) -> SocialSettings {
    use identity::RegistrationMode::{Approval, Closed};

    let mode = config.registration.mode;
    SocialSettings {
        origin: origin.clone(),
        title: config.profile.title.clone(),
        description: config.profile.description.clone(),
        contact_email: config.profile.contact_email.clone(),
        source_url: config.profile.source_url.clone(),
        media_folder: config.media_folder(),
        max_post_characters: config.posts.max_characters,
        max_media_attachments: config.posts.max_media_attachments,
        max_image_bytes: config.media.max_image_bytes,
        max_video_bytes: config.media.max_video_bytes,
        registrations_open: mode != Closed,
        approval_required: mode == Approval,
    }
}

/// Strangers' rules, opened for the networks that the operator named and, where the node itself is
/// on loopback, for loopback: its peers can be nowhere else.
fn http_policy(config: &Config, origin: &Url) -> HttpPolicy {
    let mut policy = HttpPolicy::new(format!("{USER_AGENT} (+{origin})"));
    policy.allow_networks.clone_from(&config.federation.allow_networks);
    if config::is_loopback(origin) {
        policy.allow_networks.extend(loopback());
    }
    if !policy.allow_networks.is_empty() {
        policy.allow_plain_http = PlainHttp::AllowedNetworksOnly;
    }
    policy
}

fn loopback() -> [IpNet; 2] {
    use std::net::{Ipv4Addr, Ipv6Addr};

    let four = ipnet::Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    [four.into(), IpNet::from(std::net::IpAddr::from(Ipv6Addr::LOCALHOST))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(origin: &str, networks: &[&str]) -> HttpPolicy {
        let mut config = Config::default();
        config.federation.allow_networks =
            networks.iter().map(|network| network.parse().unwrap()).collect();
        http_policy(&config, &origin.parse().unwrap())
    }

    #[test]
    fn only_a_node_on_loopback_reaches_loopback_by_itself() {
        let own = policy("http://localhost:3000", &[]);
        assert_eq!(own.allow_networks.len(), 2);
        assert_eq!(own.allow_plain_http, PlainHttp::AllowedNetworksOnly);
        let public = policy("https://family.example", &[]);
        assert!(public.allow_networks.is_empty());
        assert_eq!(public.allow_plain_http, PlainHttp::Never);
        let home = policy("https://family.example", &["192.168.0.0/16"]);
        assert_eq!(home.allow_networks.len(), 1);
    }
}
