//! The configuration: a file and the environment, each part a typed struct, every default beside
//! its field.
//!
//! Read in this order, later ones win: the defaults here, the file (`--config`, else `sovereign.toml`
//! in the working folder or in the data folder), `SOVEREIGN_*` variables (`__` goes one level down:
//! `SOVEREIGN_HTTP__LISTEN`), `DATABASE_URL`, the command line.

mod parts;
mod values;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use url::Url;

pub use parts::{
    Database, Federation, Http, Limits, Log, LogFormat, Media, Nats, OAuth, PasswordGrant,
    Platform, Plugins, Posts, Present, Profile, Rate, Registration, Search,
};
pub use values::{RoleName, Secret};

/// The file that is read when no other is named.
const DEFAULT_FILE: &str = "sovereign.toml";

/// Everything an operator can decide.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The public address that every id begins with: scheme, host and port. Fixed at first start.
    /// Default: `http://localhost:3000`.
    pub origin: Option<Url>,
    /// Which parts this process runs. Default: all.
    #[serde(deserialize_with = "values::one_or_many")]
    pub roles: Vec<RoleName>,
    /// Prefix of what this node keeps on a shared NATS. Default: `sovereign`.
    pub namespace: String,
    /// The folder of everything that is kept outside of a database. Default: `.sovereign` in the
    /// working folder.
    pub data: PathBuf,
    /// What the node says of itself.
    pub profile: Profile,
    /// Serving HTTP.
    pub http: Http,
    /// Postgres.
    pub database: Database,
    /// NATS JetStream, where the embedded bus is not enough.
    pub nats: Nats,
    /// Search over the graph.
    pub search: Search,
    /// The state of now.
    pub present: Present,
    /// WebAssembly plugins.
    pub plugins: Plugins,
    /// What the data platform takes for granted.
    pub platform: Platform,
    /// Who may join.
    pub registration: Registration,
    /// Tokens for apps.
    pub oauth: OAuth,
    /// Dealings with other servers.
    pub federation: Federation,
    /// How often a client may call.
    pub limits: Limits,
    /// Limits of posts.
    pub posts: Posts,
    /// Uploaded files.
    pub media: Media,
    /// What is logged, and how.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            origin: None,
            roles: RoleName::ALL.to_vec(),
            namespace: "sovereign".to_owned(),
            data: PathBuf::from(".sovereign"),
            profile: Profile::default(),
            http: Http::default(),
            database: Database::default(),
            nats: Nats::default(),
            search: Search::default(),
            present: Present::default(),
            plugins: Plugins::default(),
            platform: Platform::default(),
            registration: Registration::default(),
            oauth: OAuth::default(),
            federation: Federation::default(),
            limits: Limits::default(),
            posts: Posts::default(),
            media: Media::default(),
            log: Log::default(),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file or a variable has an unknown name or a value of the wrong kind.
    #[error("the configuration cannot be used: {0}")]
    Unreadable(#[from] Box<figment::Error>),
    /// The named file is absent.
    #[error("the configuration file {} does not exist", .0.display())]
    NoFile(PathBuf),
    /// A value makes no sense.
    #[error("the setting `{name}` {reason}")]
    Invalid {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The working folder cannot be told.
    #[error("the working folder cannot be told")]
    WorkingFolder(#[from] std::io::Error),
}

impl Config {
    /// Reads the file and the environment, then what the command line says over them.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting.
    pub fn load(file: Option<&Path>, command_line: impl Serialize) -> Result<Self, ConfigError> {
        let defaults = Figment::from(Serialized::defaults(Self::default()));
        let over_the_file = Figment::new()
            .merge(Env::raw().only(&["DATABASE_URL"]).map(|_| "database.url".into()))
            .merge(environment())
            .merge(Serialized::defaults(command_line));
        let data: PathBuf = defaults
            .clone()
            .merge(over_the_file.clone())
            .extract_inner("data")
            .map_err(Box::new)?;
        let file = match file {
            Some(file) if !file.is_file() => return Err(ConfigError::NoFile(file.to_owned())),
            Some(file) => Some(file.to_owned()),
            None => [PathBuf::from(DEFAULT_FILE), data.join(DEFAULT_FILE)]
                .into_iter()
                .find(|candidate| candidate.is_file()),
        };
        let figment = match file {
            Some(file) => defaults.merge(Toml::file_exact(file)),
            None => defaults,
        }
        .merge(over_the_file);
        let mut config: Self = figment.extract().map_err(Box::new)?;
        config.data = std::path::absolute(&config.data)?;
        // An empty variable says "none".
        let is_empty =
            |secret: &Option<Secret>| secret.as_ref().is_some_and(|s| s.reveal().is_empty());
        if is_empty(&config.database.url) {
            config.database.url = None;
        }
        for url in [&mut config.nats.url, &mut config.present.redis.url] {
            if is_empty(url) {
                *url = None;
            }
        }
        config.check()?;
        Ok(config)
    }

    /// Whether this process has this role.
    pub fn has_role(&self, role: RoleName) -> bool {
        self.roles.contains(&role)
    }

    /// The file with the node's own key.
    pub fn key_file(&self) -> PathBuf {
        self.database.key_file.clone().unwrap_or_else(|| self.data.join("node.key"))
    }

    /// The file that keeps the audit log's newest signed head, outside of the database.
    pub fn audit_head_file(&self) -> PathBuf {
        self.data.join("audit-checkpoint")
    }

    /// The folder of uploaded media.
    pub fn media_folder(&self) -> PathBuf {
        self.media.folder.clone().unwrap_or_else(|| self.data.join("media"))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let invalid = |name, reason: &str| ConfigError::Invalid { name, reason: reason.to_owned() };
        if let Some(origin) = &self.origin {
            check_origin(origin)
                .map_err(|reason| ConfigError::Invalid { name: "origin", reason })?;
        }
        if let Some(source) = &self.profile.source_url
            && !matches!(source.scheme(), "http" | "https")
        {
            return Err(invalid("profile.source_url", "must be an http or https address"));
        }
        if self.roles.is_empty() {
            return Err(invalid("roles", "names no role"));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if self.namespace.is_empty() || !self.namespace.bytes().all(plain) {
            return Err(invalid("namespace", "is made of letters, digits, `-` and `_` only"));
        }
        if self.database.connections == 0 {
            return Err(invalid("database.connections", "must be at least 1"));
        }
        let limits = &self.limits;
        let rates = [limits.api, limits.uploads, limits.log_in, limits.apps, limits.sign_up];
        if rates.iter().any(|rate| rate.seconds == 0) {
            return Err(invalid("limits", "needs times above zero (0 requests: no limit)"));
        }
        if self.posts.max_characters == 0 || self.posts.max_media_attachments == 0 {
            return Err(invalid("posts", "needs limits above zero"));
        }
        Ok(())
    }
}

/// `SOVEREIGN_*`, without those that belong to the project's tasks and tests, and those that say
/// where the file and the servers' programs are.
fn environment() -> Env {
    Env::prefixed("SOVEREIGN_")
        .filter(|name| {
            let name = name.as_str().to_ascii_lowercase();
            !matches!(name.as_str(), "bundles" | "config" | "program" | "target")
                && !["test_", "xtask_"].iter().any(|start| name.starts_with(start))
        })
        .split("__")
}

/// Ids are made of the origin, so it holds nothing but scheme, host and port.
fn check_origin(origin: &Url) -> Result<(), String> {
    if !matches!(origin.scheme(), "http" | "https") || origin.host_str().is_none() {
        return Err("must be an http or https address".to_owned());
    }
    let bare = origin.path() == "/"
        && origin.query().is_none()
        && origin.fragment().is_none()
        && origin.username().is_empty()
        && origin.password().is_none();
    if !bare {
        return Err("must have no path, query, fragment or name".to_owned());
    }
    if origin.scheme() == "http" && !is_loopback(origin) && !is_private(origin) {
        return Err("must be https, except on this machine or in a home network".to_owned());
    }
    Ok(())
}

/// Whether an origin is on this very machine.
pub fn is_loopback(origin: &Url) -> bool {
    match origin.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_private(origin: &Url) -> bool {
    match origin.host() {
        Some(url::Host::Domain(name)) => {
            [".local", ".lan", ".internal", ".home.arpa", ".test"]
                .iter()
                .any(|suffix| name.ends_with(suffix))
                || !name.contains('.')
        }
        Some(url::Host::Ipv4(address)) => address.is_private() || address.is_link_local(),
        Some(url::Host::Ipv6(address)) => address.is_unique_local(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sovereign.toml");
        fs::write(&file, text).unwrap();
        Config::load(Some(&file), serde_json::json!({}))
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = load("").unwrap();
        assert_eq!(config.origin, None);
        assert_eq!(config.roles, RoleName::ALL);
        assert_eq!(config.namespace, "sovereign");
        assert!(config.data.is_absolute());
        assert_eq!(config.posts.max_characters, 5_000);
    }

    #[test]
    fn an_unknown_name_is_refused_by_name() {
        let error = load("[http]\nlissten = 3").unwrap_err().to_string();
        assert!(error.contains("lissten"), "{error}");
    }

    #[test]
    fn roles_are_a_list_or_a_text_with_commas() {
        let edge = [RoleName::Edge];
        assert_eq!(load("roles = \"edge\"").unwrap().roles, edge);
        assert_eq!(load("roles = [\"edge\"]").unwrap().roles, edge);
        let two = load("roles = \"edge, workers\"").unwrap().roles;
        assert_eq!(two, [RoleName::Edge, RoleName::Workers]);
        assert!(load("roles = \"edges\"").is_err());
        assert!(load("roles = []").is_err());
    }

    #[test]
    fn the_origin_is_bare_and_https_outside_the_house() {
        for good in [
            "https://family.example",
            "http://localhost:3000",
            "http://127.0.0.2:3000",
            "http://192.168.1.4:3000",
        ] {
            assert!(load(&format!("origin = \"{good}\"")).is_ok(), "{good}");
        }
        for bad in [
            "https://family.example/social",
            "http://family.example",
            "ftp://family.example",
            "family",
        ] {
            assert!(load(&format!("origin = \"{bad}\"")).is_err(), "{bad}");
        }
    }

    #[test]
    fn without_a_file_the_defaults_hold_and_a_named_one_must_exist() {
        assert!(Config::load(None, serde_json::json!({})).is_ok());
        let absent = Path::new("/nonexistent/sovereign.toml");
        assert!(matches!(
            Config::load(Some(absent), serde_json::json!({})),
            Err(ConfigError::NoFile(_))
        ));
    }

    #[test]
    fn a_file_in_the_data_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(DEFAULT_FILE), "namespace = \"there\"").unwrap();
        let line = serde_json::json!({ "data": folder.path() });
        assert_eq!(Config::load(None, line).unwrap().namespace, "there");
    }

    #[test]
    fn the_command_line_wins() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sovereign.toml");
        fs::write(&file, "namespace = \"file\"").unwrap();
        let line = serde_json::json!({ "namespace": "line", "http": { "listen": "127.0.0.1:0" } });
        let config = Config::load(Some(&file), line).unwrap();
        assert_eq!(config.namespace, "line");
        assert_eq!(config.http.listen, Some("127.0.0.1:0".parse().unwrap()));
    }

    #[test]
    fn networks_and_secrets_are_read_and_secrets_are_not_shown() {
        let config = load(
            "federation.allow_networks = [\"127.0.0.0/8\"]\ndatabase.url = \"postgres://a:secret@b/c\"",
        )
        .unwrap();
        assert_eq!(config.federation.allow_networks.len(), 1);
        let shown = serde_json::to_string(&config).unwrap();
        assert!(!shown.contains("secret"), "{shown}");
        assert!(!format!("{config:?}").contains("secret"));
    }
}
