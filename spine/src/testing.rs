//! Databases for tests: real ones, fresh, on the server that `SOVEREIGN_TEST_DATABASE_URL` names.
//!
//! The migrations run once for each set of them, into a template; a test's own database is a copy
//! of it, made in some ten milliseconds and dropped at the end.

use std::path::PathBuf;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::{Clock, Spine, SpineError, SpineSettings, database, node};

/// What the names of test databases begin with; a UUIDv7 follows.
const TEST_DATABASE: &str = "sovereign_test_";

/// The server for test databases.
///
/// # Panics
/// `SOVEREIGN_TEST_DATABASE_URL` is not set: tests that need a database fail loudly.
pub fn database_server() -> String {
    std::env::var("SOVEREIGN_TEST_DATABASE_URL").expect(
        "SOVEREIGN_TEST_DATABASE_URL must name a Postgres server where tests may make databases",
    )
}

/// The NATS server for tests.
///
/// # Panics
/// `SOVEREIGN_TEST_NATS_URL` is not set: tests that need NATS fail loudly.
pub fn nats_server() -> String {
    std::env::var("SOVEREIGN_TEST_NATS_URL")
        .expect("SOVEREIGN_TEST_NATS_URL must name a nats-server with JetStream")
}

/// A database of its own, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// `postgres://…`
    pub url: String,
    name: String,
    server: String,
}

impl TestDatabase {
    /// A fresh database with the spine's schema and these schemas, each with its migrations.
    ///
    /// # Errors
    /// The server is away or a migration failed.
    pub async fn create(schemas: &[(&str, &Migrator)]) -> Result<Self, SpineError> {
        let server = database_server();
        let options = PgConnectOptions::from_str(&server)?;
        let mut connection = options.connect().await?;
        let template = template(&mut connection, &options, schemas).await?;
        let name = format!("{TEST_DATABASE}{}", Uuid::now_v7().simple());
        execute(&mut connection, format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}""#))
            .await?;
        connection.close().await?;
        let options = options.database(&name);
        let database = Self { url: options.to_url_lossy().to_string(), name, server };
        // A ledger of its own: a copy of the template has the template's id.
        let mut connection = options.connect().await?;
        sqlx::query("UPDATE spine.ledger SET id = gen_random_uuid()")
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(database)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        afterwards(&format!("the test database {name}"), async move {
            let mut connection = PgConnectOptions::from_str(&server)?.connect().await?;
            let statement = format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#);
            execute(&mut connection, statement).await?;
            Ok(connection.close().await?)
        });
    }
}

/// Does something at the end of a test: in a thread of its own, as the test's runtime may be gone
/// or busy.
fn afterwards(
    what: &str,
    work: impl Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
) {
    let done = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
    });
    match done.join() {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("{what} stays behind: {error}"),
        Err(_) => eprintln!("{what} stays behind"),
    }
}

/// The template for these migrations, made where it is missing.
async fn template(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
    schemas: &[(&str, &Migrator)],
) -> Result<String, SpineError> {
    let mut all: Vec<(&str, &Migrator)> = vec![("spine", node::migrations())];
    all.extend(schemas.iter().filter(|(schema, _)| *schema != "spine"));
    let mut hash = Sha256::new();
    for (schema, migrator) in &all {
        hash.update(schema.as_bytes());
        for migration in migrator.iter() {
            hash.update(migration.version.to_be_bytes());
            hash.update(&migration.checksum);
        }
    }
    let digest = hash.finalize();
    let short: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("sovereign_template_{short}");
    let lock = i64::from_be_bytes(digest[..8].try_into().unwrap_or_default());

    sqlx::query("SELECT pg_advisory_lock($1)").bind(lock).execute(&mut *connection).await?;
    let made = make_template(connection, options, &all, &name).await;
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(lock).execute(&mut *connection).await?;
    made.map(|()| name)
}

async fn make_template(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
    schemas: &[(&str, &Migrator)],
    name: &str,
) -> Result<(), SpineError> {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut *connection)
            .await?;
    if exists {
        return Ok(());
    }
    drop_forgotten(connection).await?;
    let draft = format!("{name}_draft");
    execute(connection, format!(r#"DROP DATABASE IF EXISTS "{draft}" WITH (FORCE)"#)).await?;
    execute(connection, format!(r#"CREATE DATABASE "{draft}""#)).await?;
    let url = options.clone().database(&draft).to_url_lossy().to_string();
    let pool = database::pool(&url, 2, database::Purpose::Workers)?;
    for (schema, migrator) in schemas {
        database::migrate(&pool, schema, migrator).await?;
    }
    sqlx::query("SELECT spine.ensure_partitions()").execute(&pool).await?;
    pool.close().await;
    execute(connection, format!(r#"ALTER DATABASE "{draft}" RENAME TO "{name}""#)).await
}

/// Drops the databases of tests that were cut off hours ago; their names tell when they were made.
async fn drop_forgotten(connection: &mut PgConnection) -> Result<(), SpineError> {
    let names: Vec<String> =
        sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE $1")
            .bind(format!("{TEST_DATABASE}%"))
            .fetch_all(&mut *connection)
            .await?;
    let before = Clock::system().now() - chrono::Duration::hours(6);
    for name in names {
        let made = name
            .strip_prefix(TEST_DATABASE)
            .and_then(|id| Uuid::try_parse(id).ok())
            .and_then(|id| id.get_timestamp())
            .and_then(|time| i64::try_from(time.to_unix().0).ok())
            .and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
        if made.is_some_and(|made| made < before) {
            execute(connection, format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#))
                .await?;
        }
    }
    Ok(())
}

async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), SpineError> {
    connection.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}

/// A spine on a database of its own.
pub struct TestSpine {
    /// The spine.
    pub spine: Spine,
    /// What it was connected with, for further processes of the same node.
    pub settings: SpineSettings,
    /// Its clock.
    pub clock: Clock,
    folder: PathBuf,
    _database: TestDatabase,
}

impl TestSpine {
    /// A spine with the embedded bus, on the system's clock.
    ///
    /// # Errors
    /// A server is away or a migration failed.
    pub async fn start(schemas: &[(&str, &Migrator)]) -> Result<Self, SpineError> {
        Self::start_with(schemas, Clock::system(), None).await
    }

    /// A spine on this clock, with the JetStream bus where a NATS is named.
    ///
    /// # Errors
    /// A server is away or a migration failed.
    pub async fn start_with(
        schemas: &[(&str, &Migrator)],
        clock: Clock,
        nats_url: Option<String>,
    ) -> Result<Self, SpineError> {
        let database = TestDatabase::create(schemas).await?;
        let name = Uuid::new_v4().simple().to_string();
        let folder = std::env::temp_dir().join(format!("sovereign-test-{name}"));
        let settings = SpineSettings {
            database_url: database.url.clone(),
            connections: 10,
            key_file: folder.join("node.key"),
            namespace: format!("test-{name}"),
            nats_url,
        };
        let spine = Spine::connect(settings.clone(), clock.clone()).await?;
        Ok(Self { spine, settings, clock, folder, _database: database })
    }

    /// Another process of the same node.
    ///
    /// # Errors
    /// A server is away.
    pub async fn another(&self) -> Result<Spine, SpineError> {
        Spine::connect(self.settings.clone(), self.clock.clone()).await
    }
}

impl Drop for TestSpine {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays behind: {error}", self.folder.display());
        }
        if self.settings.nats_url.is_none() {
            return;
        }
        let stream = crate::bus::stream_name(&self.settings.namespace);
        afterwards(&format!("the stream {stream}"), async move {
            let client = async_nats::connect(nats_server()).await?;
            let context = async_nats::jetstream::new(client);
            match context.delete_stream(&stream).await {
                Ok(_) => Ok(()),
                // It was never made.
                Err(_) if context.get_stream(&stream).await.is_err() => Ok(()),
                Err(error) => Err(error.into()),
            }
        });
    }
}
