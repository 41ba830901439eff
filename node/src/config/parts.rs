//! The parts of the configuration.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use identity::RegistrationMode;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use super::values::{self, Secret};

/// What the node says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// Its name for people. Default: `Sovereign`.
    pub title: String,
    /// What it is, in a sentence or two.
    pub description: String,
    /// Where to write to its people. Default: empty.
    pub contact_email: String,
    /// Where everybody who uses the node finds the source of what runs on it, changes of your own
    /// included; the licence asks for that (AGPL-3.0, section 13). Default: none; the page `/about`
    /// then says to ask the people who run the node.
    pub source_url: Option<Url>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            title: "Sovereign".to_owned(),
            description: "A node of its people's own.".to_owned(),
            contact_email: String::new(),
            source_url: None,
        }
    }
}

/// Serving HTTP.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where to listen. Default: the origin's port on loopback.
    pub listen: Option<SocketAddr>,
    /// Connections at one time; more wait to be accepted. Default: 4,096.
    pub max_connections: usize,
    /// Seconds that an ordinary request may take. Default: 30.
    pub timeout_seconds: u64,
    /// Seconds that an upload may take. Default: 600.
    pub upload_timeout_seconds: u64,
    /// Largest body that is not an upload, in bytes. Default: 1 MiB.
    pub max_body_bytes: usize,
    /// Whether `/metrics` answers. It holds counts only, nothing of anyone. Default: true.
    pub metrics: bool,
    /// Open streams (WebSocket and server-sent events) at one time. Default: 1,024.
    pub max_streams: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: None,
            max_connections: 4_096,
            timeout_seconds: 30,
            upload_timeout_seconds: 600,
            max_body_bytes: 1024 * 1024,
            metrics: true,
            max_streams: 1_024,
        }
    }
}

/// Postgres.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// A server that runs elsewhere. Default: none, the node starts its own.
    pub url: Option<Secret>,
    /// Most connections this process opens for requests, and as many again for workers.
    /// Default: 10.
    pub connections: u32,
    /// A folder with `postgres` and `initdb` for the node's own server. Default: the bundle, then
    /// what the system has.
    pub programs: Option<PathBuf>,
    /// Settings of the node's own server over the built-in ones.
    pub settings: BTreeMap<String, String>,
    /// The file with the node's own key; every process of a node needs the same.
    /// Default: `node.key` in the data folder.
    pub key_file: Option<PathBuf>,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            connections: 10,
            programs: None,
            settings: BTreeMap::new(),
            key_file: None,
        }
    }
}

/// NATS JetStream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nats {
    /// `nats://…`. Default: none, the embedded bus.
    pub url: Option<Secret>,
}

/// Search.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// Meilisearch, where Postgres is not enough.
    pub meilisearch: Meilisearch,
}

/// Meilisearch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Meilisearch {
    /// Where it is. Default: none, search is in Postgres.
    pub url: Option<Url>,
    /// Its key, where it wants one.
    pub key: Option<Secret>,
}

/// The state of now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Present {
    /// Redis or Valkey, for several processes.
    pub redis: Redis,
}

/// Redis or Valkey.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redis {
    /// `redis://…`. Default: none, the state is in the process and in Postgres.
    pub url: Option<Secret>,
}

/// Plugins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plugins {
    /// Private networks that plugins may reach where a grant names them too. Default: none.
    #[serde(deserialize_with = "values::one_or_many")]
    pub allow_networks: Vec<IpNet>,
    /// Publishers' Ed25519 keys (base64) whose signatures are trusted. Default: none.
    #[serde(deserialize_with = "values::one_or_many")]
    pub trusted_keys: Vec<String>,
}

/// What the data platform takes for granted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Platform {
    /// The country (ISO 3166-1, two letters) of phone numbers that do not name theirs. Default: none; such
    /// numbers stay as they are.
    pub default_region: Option<String>,
    /// For how many days a raw record is kept after a newer one of the same thing replaced it; 0: for ever. The
    /// newest ones always stay. Default: 90.
    pub keep_replaced_records_days: u16,
}

impl Default for Platform {
    fn default() -> Self {
        Self { default_region: None, keep_replaced_records_days: 90 }
    }
}

/// Who may join.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registration {
    /// `open`, `approval` or `closed`. Default: `closed`.
    pub mode: RegistrationMode,
}

/// Tokens for apps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuth {
    /// Whether a name and password can be swapped for a token. Default: `auto`.
    pub password_grant: PasswordGrant,
}

/// When the password grant is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordGrant {
    /// Only where the origin is on this very machine.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Dealings with other servers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Federation {
    /// Private networks that the node may reach, over plain HTTP too. Default: none; loopback is
    /// added by itself where the origin is on this very machine.
    #[serde(deserialize_with = "values::one_or_many")]
    pub allow_networks: Vec<IpNet>,
    /// Hosts that the node wants nothing of, their subdomains included. Default: none.
    #[serde(deserialize_with = "values::one_or_many")]
    pub blocked_hosts: Vec<String>,
}

/// How often a client may call, before it is told to wait (429). Mastodon's numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Proxies whose word on their clients' addresses (`X-Forwarded-For`) is believed.
    /// Default: loopback.
    #[serde(deserialize_with = "values::one_or_many")]
    pub trusted_proxies: Vec<IpNet>,
    /// Clients that nothing here holds back, as their own addresses or through a trusted proxy.
    /// Default: loopback.
    #[serde(deserialize_with = "values::one_or_many")]
    pub exempt: Vec<IpNet>,
    /// Calls of the API by one token, or without one by one address. Default: 300 in 300 seconds.
    pub api: Rate,
    /// Uploads by one token. Default: 30 in 1,800 seconds.
    pub uploads: Rate,
    /// Tries to log in, and tokens asked for, by one address. Default: 25 in 300 seconds.
    pub log_in: Rate,
    /// Apps registered by one address. Default: 25 in 600 seconds; Mastodon's 5 are few where a
    /// household tries its apps.
    pub apps: Rate,
    /// Accounts made by one address. Default: 5 in 1,800 seconds.
    pub sign_up: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        let loopback = [
            IpNet::from(ipnet::Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
            IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST)),
        ];
        let rate = |requests, seconds| Rate { requests, seconds };
        Self {
            trusted_proxies: loopback.to_vec(),
            exempt: loopback.to_vec(),
            api: rate(300, 300),
            uploads: rate(30, 1_800),
            log_in: rate(25, 300),
            apps: rate(25, 600),
            sign_up: rate(5, 1_800),
        }
    }
}

/// So many requests in so long; they come back one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests in a row; 0: no limit.
    pub requests: u32,
    /// Seconds until all of them are there again.
    pub seconds: u32,
}

/// Limits of posts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Posts {
    /// Longest post, in characters as Mastodon counts them. Default: 5,000.
    pub max_characters: usize,
    /// Most attachments a post. Default: 4.
    pub max_media_attachments: usize,
}

impl Default for Posts {
    fn default() -> Self {
        Self { max_characters: 5_000, max_media_attachments: 4 }
    }
}

/// Uploaded files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// Where they are kept. Default: `media` in the data folder.
    pub folder: Option<PathBuf>,
    /// Largest picture, in bytes. Default: 16 MiB.
    pub max_image_bytes: usize,
    /// Largest video or sound, in bytes. Default: 99 MiB.
    pub max_video_bytes: usize,
}

impl Default for Media {
    fn default() -> Self {
        Self { folder: None, max_image_bytes: 16 * 1024 * 1024, max_video_bytes: 99 * 1024 * 1024 }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// What is let through, as `RUST_LOG` would say it. Default: `info`.
    pub filter: String,
    /// `text` or `json`. Default: `text`.
    pub format: LogFormat,
    /// Whether each access that was allowed is logged too; refused ones always are.
    /// Default: false.
    pub access: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text, access: false }
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}
