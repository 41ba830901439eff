//! What a command works on: the node's database, whether the node is running or not.

use identity::Identity;
use social::Social;
use spine::Spine;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::Config;
use crate::services::Services;
use crate::start::{self, Database};

/// The node's database and services, without a node.
pub struct Backend {
    /// The configuration.
    pub config: Config,
    /// The spine.
    pub spine: Spine,
}

impl Backend {
    /// The identity service.
    ///
    /// # Errors
    /// The database failed.
    pub async fn identity(&self) -> anyhow::Result<Identity> {
        start::open_identity(&self.config, &self.spine, &self.origin().await?).await
    }

    /// The social service.
    ///
    /// # Errors
    /// The database failed.
    pub async fn social(&self) -> anyhow::Result<Social> {
        start::open_social(&self.config, &self.spine, &self.origin().await?).await
    }

    /// All services, wired as in a node that serves nobody.
    ///
    /// # Errors
    /// The database failed.
    pub async fn services(self) -> anyhow::Result<Services> {
        let origin = self.origin().await?;
        start::services(self.config, self.spine, &origin, CancellationToken::new()).await
    }

    /// The node's origin.
    ///
    /// # Errors
    /// The database failed, or the configured one is another.
    pub async fn origin(&self) -> anyhow::Result<Url> {
        start::origin_for_command(&self.config, &self.spine).await
    }
}

/// Does some work on the database: that of the running node, else its server is started for as long
/// as the work takes.
///
/// # Errors
/// The database cannot be had, or the work failed.
pub fn run(
    mut config: Config,
    work: impl AsyncFnOnce(Backend) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // A command is one caller, not a crowd.
    config.database.connections = 2;
    let database = Database::join_or_obtain(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let spine = start::connect(&config, database.url().to_owned()).await?;
        let pool = spine.pool().clone();
        let outcome = work(Backend { config, spine }).await;
        pool.close().await;
        outcome
    });
    drop(runtime);
    database.stop();
    outcome
}
