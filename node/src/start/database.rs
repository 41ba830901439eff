//! The node's database: one that runs elsewhere, or a server of its own.

use anyhow::Context as _;
use servers::{PostgresConfig, PostgresServer};

use crate::config::Config;

/// Where the database is, and the server behind it where that is ours.
pub struct Database {
    url: String,
    server: Option<PostgresServer>,
}

impl Database {
    /// The configured database; else the node's own server, started now.
    ///
    /// # Errors
    /// The server could not be started; the message says what to do.
    pub fn obtain(config: &Config) -> anyhow::Result<Self> {
        match &config.database.url {
            Some(url) => Ok(Self { url: url.reveal().to_owned(), server: None }),
            None => Self::start(config),
        }
    }

    /// For a command beside a node: the configured database, else the node's server if it is
    /// running, else that server started for the time of the command.
    ///
    /// # Errors
    /// As [`Database::obtain`].
    pub fn join_or_obtain(config: &Config) -> anyhow::Result<Self> {
        if config.database.url.is_none()
            && let Some(url) = PostgresServer::find_running(&config.data)?
        {
            return Ok(Self { url, server: None });
        }
        Self::obtain(config)
    }

    /// Where to connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server, where it is ours.
    pub fn stop(self) {
        if let Some(server) = self.server
            && let Err(error) = server.stop()
        {
            tracing::error!(%error, "the database server did not stop");
        }
    }

    fn start(config: &Config) -> anyhow::Result<Self> {
        let database = &config.database;
        let settings =
            database.settings.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let server = PostgresServer::start(&PostgresConfig {
            programs: database.programs.clone(),
            settings,
            ..PostgresConfig::new(&config.data)
        })
        .context("the node's database server did not start")?;
        Ok(Self { url: server.url(), server: Some(server) })
    }
}
