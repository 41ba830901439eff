//! The spine of one process: its connections, its clock, its ids.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use sqlx::{Connection, PgConnection, PgPool};
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::bus::{Feed, Registrations};
use crate::database::{self, Purpose};
use crate::ledger;
use crate::nats::Nats;
use crate::seal::{self, NodeKey, SubjectKeys};
use crate::wake::Wakes;
use crate::work::Scheduling;
use crate::{Cause, Clock, Event, GroupCommit, Snowflakes, SpineError, Tx};

/// What the spine needs to know.
#[derive(Clone, Debug)]
pub struct SpineSettings {
    /// `postgres://…`
    pub database_url: String,
    /// Most connections this process opens for requests, and as many again for workers.
    pub connections: u32,
    /// The file with the node's own key (32 bytes, made at first start, mode 0600).
    pub key_file: PathBuf,
    /// Prefix of everything this node has on a shared NATS; letters, digits, `-`, `_`.
    pub namespace: String,
    /// `nats://…`: the JetStream adapter. `None`: the embedded adapter.
    pub nats_url: Option<String>,
}

/// The spine of one process. Cheap to clone.
#[derive(Clone)]
pub struct Spine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) pool: PgPool,
    pub(crate) workers: PgPool,
    pub(crate) clock: Clock,
    pub(crate) snowflakes: Snowflakes,
    namespace: String,
    ledger_id: uuid::Uuid,
    process: u16,
    keys: SubjectKeys,
    wakes: Arc<Wakes>,
    feed: OnceLock<Arc<Feed>>,
    registrations: Registrations,
    nats: Option<Nats>,
    pub(crate) scheduling: GroupCommit<Scheduling>,
    stop: CancellationToken,
    _stop_when_dropped: DropGuard,
}

impl std::fmt::Debug for Spine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spine").field("namespace", &self.0.namespace).finish_non_exhaustive()
    }
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/spine");

/// The spine's own migrations, for tests' templates.
#[cfg(feature = "testing")]
pub(crate) fn migrations() -> &'static sqlx::migrate::Migrator {
    &MIGRATIONS
}

impl Spine {
    /// Connects, brings the spine's own schema up to date and takes a process number.
    ///
    /// # Errors
    /// The database or the key file cannot be reached or used.
    pub async fn connect(settings: SpineSettings, clock: Clock) -> Result<Self, SpineError> {
        refuse_unusable(&settings.namespace)?;
        let url = &settings.database_url;
        let pool = database::pool(url, settings.connections, Purpose::Requests)?;
        let workers = database::pool(url, settings.connections, Purpose::Workers)?;
        database::migrate(&pool, "spine", &MIGRATIONS).await?;

        let mut connection = database::dedicated(&pool).await?;
        let start = prepare(&mut connection, &settings).await?;
        connection.close().await?;

        let wakes = Arc::new(Wakes::new());
        let stop = CancellationToken::new();
        let nats = match &settings.nats_url {
            None => None,
            Some(url) => {
                let nats = Nats::connect(url, &settings.namespace).await?;
                nats.share_wakes(Arc::clone(&wakes), stop.clone());
                Some(nats)
            }
        };
        let scheduling = Scheduling { pool: pool.clone(), wakes: Arc::clone(&wakes) };
        Ok(Self(Arc::new(Inner {
            scheduling: GroupCommit::start(scheduling),
            pool,
            workers,
            snowflakes: Snowflakes::new(clock.clone(), u64::from(start.process)),
            clock,
            namespace: settings.namespace,
            ledger_id: start.ledger_id,
            process: start.process,
            keys: SubjectKeys::new(start.key),
            wakes,
            feed: OnceLock::new(),
            registrations: Registrations::default(),
            nats,
            _stop_when_dropped: stop.clone().drop_guard(),
            stop,
        })))
    }

    /// The pool, for reads outside a transaction.
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// The pool of jobs and event handlers, which requests cannot exhaust.
    pub fn worker_pool(&self) -> &PgPool {
        &self.0.workers
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The maker of 64-bit ids.
    pub fn snowflakes(&self) -> &Snowflakes {
        &self.0.snowflakes
    }

    /// This process's number, 0 to 1023.
    pub fn process_number(&self) -> u16 {
        self.0.process
    }

    /// Opens a transaction.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin(&self, cause: Cause) -> Result<Tx, SpineError> {
        self.begin_in(&self.0.pool, cause).await
    }

    /// Opens a transaction on the connections of jobs and event handlers.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin_worker(&self, cause: Cause) -> Result<Tx, SpineError> {
        self.begin_in(&self.0.workers, cause).await
    }

    async fn begin_in(&self, pool: &PgPool, cause: Cause) -> Result<Tx, SpineError> {
        let transaction = tokio::time::timeout(database::ACQUIRE_TIMEOUT, pool.begin())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(Tx::new(self.clone(), transaction, cause))
    }

    /// Destroys every key of a subject: whatever was sealed under it is unreadable from now on, in
    /// every copy of the log, also what this transaction recorded about it so far. Dead letters about
    /// it are thrown away, as are jobs about it that die later. Part of the given transaction, which
    /// also records that it happened ([`crate::event::SubjectErased`]).
    ///
    /// Events about the subject that are recorded after this call, in this transaction or later,
    /// are sealed under a new key: they tell handlers what happened, so they must hold nothing that
    /// was to be erased.
    ///
    /// # Errors
    /// The database failed.
    pub async fn erase(tx: &mut Tx, subject: &str) -> Result<(), SpineError> {
        let cause = tx.cause().clone();
        Self::erase_all(tx, &[(subject.to_owned(), cause)]).await
    }

    /// [`Spine::erase`] of many subjects, each with why, in a number of statements that does not
    /// depend on how many they are.
    ///
    /// # Errors
    /// The database failed.
    pub async fn erase_all(tx: &mut Tx, subjects: &[(String, Cause)]) -> Result<(), SpineError> {
        if subjects.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = subjects.iter().map(|(subject, _)| subject.clone()).collect();
        tx.destroy_keys(&names).await?;
        let before = tx.cause().clone();
        for (subject, cause) in subjects {
            tx.set_cause(cause.clone());
            tx.record(&crate::event::SubjectErased { subject: subject.clone() })?;
        }
        tx.set_cause(before);
        Ok(())
    }

    /// Seals bytes (a private key, a token) under the node's own key, for storage in the database.
    ///
    /// # Errors
    /// The system's randomness failed.
    pub fn seal_secret(&self, plain: &[u8]) -> Result<Vec<u8>, SpineError> {
        self.node_key().seal_secret(plain)
    }

    /// Opens what [`Spine::seal_secret`] sealed.
    ///
    /// # Errors
    /// It was sealed under another key, or changed.
    pub fn open_secret(&self, sealed: &[u8]) -> Result<Vec<u8>, SpineError> {
        self.node_key().open_secret(sealed)
    }

    /// Events from now on, as the bus delivers them, for live connections. A reader that lags
    /// behind is told how many it missed.
    pub fn tail(&self) -> BroadcastStream<Event> {
        BroadcastStream::new(self.feed().subscribe())
    }

    /// Whether the database answers and takes writes, and the bus gets on: for the health check.
    ///
    /// # Errors
    /// What is away.
    pub async fn health(&self) -> Result<(), SpineError> {
        let answer = sqlx::query_scalar!(
            r#"SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'
                   AS "read_only!""#
        )
        .fetch_one(&self.0.pool);
        let read_only = tokio::time::timeout(database::ACQUIRE_TIMEOUT, answer)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)??;
        if read_only {
            return Err(SpineError::ReadOnly);
        }
        match &self.0.nats {
            Some(nats) => nats.health().await,
            None => Ok(()),
        }
    }

    pub(crate) fn keys(&self) -> &SubjectKeys {
        &self.0.keys
    }

    pub(crate) fn node_key(&self) -> &NodeKey {
        self.0.keys.node()
    }

    pub(crate) fn wakes(&self) -> &Arc<Wakes> {
        &self.0.wakes
    }

    pub(crate) fn registrations(&self) -> &Registrations {
        &self.0.registrations
    }

    pub(crate) fn nats(&self) -> Option<&Nats> {
        self.0.nats.as_ref()
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.0.namespace
    }

    pub(crate) fn ledger_id(&self) -> uuid::Uuid {
        self.0.ledger_id
    }

    /// Drops opened payloads from memory, after an erasure.
    pub(crate) fn forget_payloads(&self) {
        if let Some(feed) = self.0.feed.get() {
            feed.forget();
        }
    }

    /// The reader of the ledger's end that all of this process shares; started at first use.
    pub(crate) fn feed(&self) -> &Arc<Feed> {
        self.0.feed.get_or_init(|| {
            Feed::start(
                self.0.workers.clone(),
                Arc::clone(self.0.keys.node()),
                self.0.clock.clone(),
                self.0.wakes.events(),
                self.0.stop.clone(),
            )
        })
    }
}

/// What the database tells a process that starts.
struct Start {
    key: NodeKey,
    ledger_id: uuid::Uuid,
    process: u16,
}

/// Puts the ledger in order and matches the key file with it: one process at a time.
async fn prepare(
    connection: &mut PgConnection,
    settings: &SpineSettings,
) -> Result<Start, SpineError> {
    let mut transaction = connection.begin().await?;
    let row = sqlx::query!("SELECT id, key_fingerprint FROM spine.ledger FOR UPDATE")
        .fetch_one(&mut *transaction)
        .await?;
    let path = &settings.key_file;
    let key = match (seal::read_key_file(path)?, &row.key_fingerprint) {
        (Some(key), None) => key,
        (Some(key), Some(print)) if key.fingerprint() == *print => key,
        (Some(_), Some(_)) => {
            return Err(SpineError::Settings(format!(
                "the key file {} does not belong to this database: what was sealed could not be \
                 opened",
                path.display()
            )));
        }
        (None, Some(_)) => {
            return Err(SpineError::Settings(format!(
                "the key file {} is missing, and this database has payloads sealed under it: put \
                 it back",
                path.display()
            )));
        }
        (None, None) => seal::create_key_file(path)?,
    };
    if row.key_fingerprint.is_none() {
        sqlx::query!("UPDATE spine.ledger SET key_fingerprint = $1", key.fingerprint())
            .execute(&mut *transaction)
            .await?;
    }
    ledger::prepare(&mut transaction).await?;
    let process = sqlx::query_scalar!(
        r#"SELECT (nextval('spine.process_number') % 1024)::smallint AS "number!""#
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Start { key, ledger_id: row.id, process: u16::try_from(process).unwrap_or(0) })
}

fn refuse_unusable(namespace: &str) -> Result<(), SpineError> {
    let usable = (1..=64).contains(&namespace.len())
        && namespace.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if usable {
        return Ok(());
    }
    Err(SpineError::Settings(format!(
        "the namespace {namespace:?} must be 1 to 64 letters, digits, - or _"
    )))
}
