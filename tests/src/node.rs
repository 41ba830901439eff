//! A whole node: the real program, started, killed and started again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Address, Client, eventually_within, needed};

const PASSWORD: &str = "correct horse battery";
const ALL_SCOPES: &str = "read write follow push sovereign:read sovereign:write sovereign:admin";

/// Which event bus a node uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// The ledger itself.
    Embedded,
    /// The test command's nats-server.
    JetStream,
}

impl Bus {
    /// What the test command asks for (`SOVEREIGN_TEST_BUS=jetstream`): the same tests run on
    /// both.
    pub fn asked_for() -> Self {
        match std::env::var("SOVEREIGN_TEST_BUS").as_deref() {
            Ok("jetstream") => Self::JetStream,
            _ => Self::Embedded,
        }
    }
}

/// How a node is started.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Its event bus.
    pub bus: Bus,
    /// More environment variables.
    pub environment: Vec<(String, String)>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self { bus: Bus::asked_for(), environment: Vec::new() }
    }
}

/// A node in a process of its own. Killed when dropped; its database and folder go with it.
pub struct Node {
    address: Address,
    folder: TempDir,
    database: String,
    options: NodeOptions,
    child: Option<Child>,
}

impl Node {
    /// Starts a node with default options and waits until it answers.
    pub async fn start() -> Self {
        Self::start_with(NodeOptions::default()).await
    }

    /// Starts a node and waits until it answers.
    ///
    /// # Panics
    /// It does not come up; its log is in the message.
    pub async fn start_with(options: NodeOptions) -> Self {
        let database = format!("node_{}", uuid::Uuid::now_v7().simple());
        let server = needed("SOVEREIGN_TEST_DATABASE_URL");
        let admin = sqlx::PgPool::connect(&server).await.expect("the test Postgres answers");
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {database}")))
            .execute(&admin)
            .await
            .expect("a database for the node");
        admin.close().await;
        let mut node = Self {
            address: Address::new(),
            folder: tempfile::tempdir().expect("a folder for the node"),
            database,
            options,
            child: None,
        };
        node.resume().await;
        node
    }

    /// The database's address.
    pub fn database_url(&self) -> String {
        let mut url = url::Url::parse(&needed("SOVEREIGN_TEST_DATABASE_URL")).expect("a URL");
        url.set_path(&self.database);
        url.into()
    }

    /// A new connection to the node's database, to look at what only it knows.
    ///
    /// # Panics
    /// The database does not answer.
    pub async fn database(&self) -> sqlx::PgPool {
        sqlx::PgPool::connect(&self.database_url()).await.expect("the node's database answers")
    }

    /// The command that runs the program against this node's data.
    pub fn command(&self) -> Command {
        let mut command = Command::new(needed("SOVEREIGN_PROGRAM"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("DATABASE_URL", self.database_url())
            .env("SOVEREIGN_DATA", self.folder.path())
            .env("SOVEREIGN_ORIGIN", self.address.origin())
            .env("SOVEREIGN_HTTP__LISTEN", self.address.domain())
            .env("SOVEREIGN_NAMESPACE", &self.database)
            .env("RUST_BACKTRACE", "1");
        if self.options.bus == Bus::JetStream {
            command.env("SOVEREIGN_NATS__URL", needed("SOVEREIGN_TEST_NATS_URL"));
        }
        for (name, value) in &self.options.environment {
            command.env(name, value);
        }
        command
    }

    /// Starts the process again after a kill or stop, and waits until it answers.
    ///
    /// # Panics
    /// It does not come up; its log is in the message.
    pub async fn resume(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the node's log");
        let child = self
            .command()
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the node's log"))
            .stderr(log)
            .spawn()
            .expect("the program starts");
        self.child = Some(child);
        let client = Client::anonymous(&self.origin());
        let path = self.log_path();
        let child = &mut self.child;
        let started = std::time::Instant::now();
        eventually_within(Duration::from_secs(60), "the node to answer", || {
            let exited = child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(exited.is_none(), "the node ended: {exited:?}\n{}", tail(&path));
            assert!(
                started.elapsed() < Duration::from_secs(55),
                "the node does not answer:\n{}",
                tail(&path)
            );
            let client = client.clone();
            async move { client.get("/health").await.ok().filter(|answer| answer.status == 200) }
        })
        .await;
    }

    /// Kills the process (SIGKILL), as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the node can be killed");
            child.wait().expect("the node ended");
        }
    }

    /// Asks the process to stop (SIGTERM) and waits for it.
    ///
    /// # Panics
    /// It does not stop within 30 seconds, or not cleanly.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(sent.success());
        let status = eventually_within(Duration::from_secs(30), "the node to stop", || {
            let status = child.try_wait().ok().flatten();
            async move { status }
        })
        .await;
        assert!(status.success(), "the node stopped with {status}:\n{}", self.log());
    }

    /// The process's id.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Its public origin.
    pub fn origin(&self) -> String {
        self.address.origin()
    }

    /// What follows the `@` of its handles.
    pub fn domain(&self) -> String {
        self.address.domain()
    }

    /// Its data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        tail(&self.log_path())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("test.log")
    }

    /// Makes a person by the command line and logs an app in for them.
    ///
    /// # Panics
    /// The command or the login fails.
    pub async fn person(&self, username: &str) -> Client {
        self.make_person(username, &[]).await;
        Client::log_in(&self.origin(), username, PASSWORD).await
    }

    /// Makes a person like [`Node::person`], who may use the Sovereign API too.
    ///
    /// # Panics
    /// The command or the login fails.
    pub async fn member(&self, username: &str) -> Client {
        self.make_person(username, &[]).await;
        Client::log_in_for(&self.origin(), username, PASSWORD, ALL_SCOPES).await
    }

    /// Makes the owner and logs an app in for them, for everything.
    ///
    /// # Panics
    /// The command or the login fails.
    pub async fn owner(&self, username: &str) -> Client {
        self.make_person(username, &["--owner"]).await;
        Client::log_in_for(&self.origin(), username, PASSWORD, ALL_SCOPES).await
    }

    async fn make_person(&self, username: &str, options: &[&str]) {
        let mut command = tokio::process::Command::from(self.command());
        let output = command
            .args(["user", "create", username, "--password-stdin"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = feed(output, PASSWORD).await;
        assert!(
            output.status.success(),
            "user create failed: {}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

async fn feed(mut child: tokio::process::Child, input: &str) -> std::process::Output {
    use tokio::io::AsyncWriteExt as _;
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(format!("{input}\n").as_bytes()).await.expect("the program reads");
    drop(stdin);
    child.wait_with_output().await.expect("the program ends")
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("log of {}:\n{}", self.origin(), self.log());
        }
        let (database, server) = (self.database.clone(), needed("SOVEREIGN_TEST_DATABASE_URL"));
        // The runtime may be ending: a thread of its own drops the database.
        let dropper = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build()
            else {
                return;
            };
            runtime.block_on(async {
                if let Ok(pool) = sqlx::PgPool::connect(&server).await {
                    let sql = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
                    if let Err(error) = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await {
                        eprintln!("the database {database} stays: {error}");
                    }
                }
            });
        });
        if dropper.join().is_err() {
            eprintln!("the test database could not be dropped");
        }
    }
}
