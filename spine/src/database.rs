//! Connecting to Postgres and bringing schemas up to date.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool};

use crate::SpineError;

/// How long a caller waits for a connection before it is told that the database is away.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);
/// A connection that nobody needed for so long is closed: a household's node is idle most of the day,
/// and each costs the server some 3 MiB.
const IDLE: Duration = Duration::from_secs(60);
/// A connection that lay idle for longer is tried before it is handed out...
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// ... and given up where nothing comes back for so long: its server's host may have vanished.
const TRY: Duration = Duration::from_secs(2);
/// When the server gives up on us. Should this host vanish without a word, our sessions there end
/// within half a minute, and with them their locks, so that another process can go on; Linux alone
/// would take two hours. (On a Unix socket, where nobody can vanish, the server ignores them.)
const KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];

/// What a pool is for: how long its statements may take.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Somebody waits for the answer.
    Requests,
    /// Jobs and event handlers.
    Workers,
}

impl Purpose {
    fn statement_timeout(self) -> &'static str {
        match self {
            Self::Requests => "30s",
            Self::Workers => "120s",
        }
    }
}

/// A pool that fails within seconds when the database is away and recovers by itself.
pub(crate) fn pool(url: &str, connections: u32, purpose: Purpose) -> Result<PgPool, SpineError> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("sovereign")
        .options([
            ("statement_timeout", purpose.statement_timeout()),
            // An open transaction holds up every reader of the ledger: none may lie about.
            ("idle_in_transaction_session_timeout", "60s"),
            ("lock_timeout", "20s"),
            // Statements are prepared once and go by key: planning each run anew costs several
            // times what running it does, most of all with arrays, whose length the planner
            // estimates and never finds as cheap again.
            ("plan_cache_mode", "force_generic_plan"),
        ])
        .options(KEEPALIVE)
        // All services together have some hundred statements; a statement that falls out is
        // prepared again, which costs a round trip.
        .statement_cache_capacity(500)
        .log_statements(log::LevelFilter::Trace)
        .log_slow_statements(log::LevelFilter::Warn, Duration::from_secs(2));
    Ok(PgPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE)
        .max_lifetime(Duration::from_secs(3_600))
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                if metadata.idle_for > TRUSTED_IDLE {
                    tokio::time::timeout(TRY, connection.ping())
                        .await
                        .map_err(|_| too_slow())??;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// A connection of its own beside the pool, without limits on time: for migrations and for locks
/// that last as long as the connection.
///
/// # Errors
/// The database is away.
pub(crate) async fn dedicated(pool: &PgPool) -> Result<PgConnection, SpineError> {
    let options = pool.connect_options();
    let mut connection = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect())
        .await
        .map_err(|_| sqlx::Error::PoolTimedOut)??;
    connection
        .execute("SET statement_timeout = 0; SET lock_timeout = 0; SET idle_session_timeout = 0")
        .await?;
    Ok(connection)
}

/// Does the work, unless it takes longer than `limit`.
///
/// Nothing else ends the wait for a server whose host has vanished: no answer and no end of the
/// connection ever come. What was under way is dropped; whether it took effect is unknown.
///
/// # Errors
/// The work's own, or the database did not answer in time.
pub(crate) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, SpineError>>,
) -> Result<T, SpineError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(too_slow().into()))
}

fn too_slow() -> sqlx::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "the database did not answer in time").into()
}

/// Brings one schema up to date. Each schema remembers its own migrations, in a table of its own.
/// Safe to call from several processes at once: they take turns.
///
/// A database that was migrated by a newer program is left as it is: during a rolling upgrade old
/// processes run beside new ones.
///
/// # Errors
/// The database failed, a migration failed, or one was changed after it was applied.
pub async fn migrate(pool: &PgPool, schema: &str, migrator: &Migrator) -> Result<(), SpineError> {
    let known =
        !schema.is_empty() && schema.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if !known {
        return Err(SpineError::Settings(format!("{schema:?} is no name for a schema")));
    }
    let migrator = Migrator {
        migrations: Cow::Owned(migrator.migrations.to_vec()),
        ignore_missing: true,
        locking: true,
        no_tx: migrator.no_tx,
        table_name: format!("{schema}.migration").into(),
        create_schemas: vec![Cow::Owned(schema.to_owned())].into(),
    };
    // A connection of its own: should a migration fail, its lock goes with the connection.
    let mut connection = dedicated(pool).await?;
    let outcome = migrator.run_direct(None, &mut connection, false).await;
    let closed = connection.close().await;
    outcome?;
    Ok(closed?)
}
