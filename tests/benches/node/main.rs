//! `cargo xtask bench node`: what a whole node does on this machine, as its users meet it.
//!
//! The node runs on the embedded default, with a Postgres of its own under it, so CPU and memory are
//! those of everything that runs. The client shares the machine; its cost is part of the rates.
//!
//! `--quick` measures a twentieth, to see that it works. With parts named (`idle`, `post`, `home`,
//! `inbound`), only those are measured.

mod process;
mod remote;
mod wire;

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use remote::Remote;
use tests::{Address, Client, eventually_within, needed};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use url::Url;
use wire::Connection;

/// A node on the embedded default.
struct Subject {
    address: Address,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Subject {
    fn command(&self) -> Result<Command> {
        let mut command = Command::new(needed("SOVEREIGN_PROGRAM"));
        command
            .env_remove("DATABASE_URL")
            .env("SOVEREIGN_DATA", self.folder.path())
            .env("SOVEREIGN_ORIGIN", self.address.origin())
            .env("SOVEREIGN_HTTP__LISTEN", self.address.domain())
            .kill_on_drop(true);
        Ok(command)
    }

    /// Starts it; answers how long it took until it answered.
    async fn start(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        let child = self
            .command()?
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("log"))?)
            .spawn()
            .context("the program starts")?;
        self.child = Some(child);
        let request = wire::get(&self.address.domain(), "/health", "");
        while begun.elapsed() < Duration::from_secs(60) {
            if let Ok(mut connection) = Connection::open(self.address.socket()).await
                && let Ok((200, _)) = connection.exchange(&request).await
            {
                return Ok(begun.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        anyhow::bail!("the node does not answer")
    }

    fn process(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).unwrap_or_default()
    }

    /// Asks it to stop and waits.
    async fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let id = child.id().context("a running node")?.to_string();
        Command::new("kill").args(["-TERM", &id]).status().await?;
        let status = tokio::time::timeout(Duration::from_secs(30), child.wait()).await??;
        ensure!(status.success(), "the node stopped with {status}");
        Ok(())
    }
}

/// Latencies of one run.
struct Measured {
    rate: f64,
    p50: Duration,
    p99: Duration,
    cpu_each: Duration,
}

/// `clients` connections send `requests` (each once, or round and round until `total`).
async fn measure(
    subject: &Subject,
    clients: usize,
    total: usize,
    expected: u16,
    request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Result<Measured> {
    let next = Arc::new(AtomicUsize::new(0));
    let request = Arc::new(request);
    let before = process::cpu(subject.process());
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (next, request) = (Arc::clone(&next), Arc::clone(&request));
        let address: SocketAddr = subject.address.socket();
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut took = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    return anyhow::Ok(took);
                }
                let bytes = request(number);
                let sent = Instant::now();
                let (status, _) = connection.exchange(&bytes).await?;
                took.push(sent.elapsed());
                ensure!(
                    status == expected,
                    "{status}: {}",
                    String::from_utf8_lossy(connection.body())
                );
            }
        }));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let elapsed = begun.elapsed();
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    Ok(Measured {
        rate: took.len() as f64 / elapsed.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
        cpu_each: (process::cpu(subject.process()) - before) / u32::try_from(total)?,
    })
}

fn report(name: &str, measured: &Measured, goal: &str) {
    println!(
        "{name:<44} {:>9.0}/s  p50 {:>7.2} ms  p99 {:>7.2} ms  CPU {:>6.3} ms each   goal {goal}",
        measured.rate,
        measured.p50.as_secs_f64() * 1_000.0,
        measured.p99.as_secs_f64() * 1_000.0,
        measured.cpu_each.as_secs_f64() * 1_000.0,
    );
}

#[tokio::main]
async fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let scale = |number: usize| if quick { number / 20 } else { number };
    let named: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let asked = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    let mut subject =
        Subject { address: Address::new(), folder: tempfile::tempdir()?, child: None };
    let first = subject.start().await?;
    println!("first start, with an empty data folder        {:>8.2} s", first.as_secs_f64());
    make_person(&subject).await?;
    let ada = Client::log_in(&subject.address.origin(), "ada", "correct horse battery").await;
    let token = ada.token().context("a token")?.to_owned();
    let host = subject.address.domain();

    subject.stop().await?;
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(subject.start().await?);
        subject.stop().await?;
    }
    starts.sort_unstable();
    subject.start().await?;
    println!(
        "cold start on an existing database, median of 5 {:>6.2} s   goal 0.5 s",
        starts[2].as_secs_f64()
    );
    ada.get("/api/v1/timelines/home").await?;
    if asked("idle") {
        // Until the connections that only the start needed are closed.
        idle(&subject, Duration::from_secs(if quick { 2 } else { 130 })).await;
    }

    for clients in [1, 16].into_iter().filter(|_| asked("post")) {
        let (host, token) = (host.clone(), token.clone());
        let posts = measure(&subject, clients, scale(4_000 * clients.min(4)), 200, move |number| {
            let body = format!(r#"{{"status":"Post {number} of {clients} clients"}}"#);
            wire::post(&host, "/api/v1/statuses", &token, &body)
        })
        .await?;
        let goal = if clients == 1 { "800/s" } else { "2000/s" };
        report(&format!("POST status, {clients} client(s)"), &posts, goal);
    }

    if asked("home") {
        fill_home(&subject, &host, &token).await?;
        let home = measure(&subject, 16, scale(120_000), 200, move |_| {
            wire::get(&host, "/api/v1/timelines/home?limit=20", &token)
        })
        .await?;
        report("home timeline, 20 a page, 16 clients", &home, "12000/s, p99 8 ms");
    }

    if asked("inbound") {
        inbound(&subject, &ada, scale(15_000)).await?;
    }
    subject.stop().await
}

/// What runs when nothing happens.
async fn idle(subject: &Subject, settle: Duration) {
    tokio::time::sleep(settle).await;
    let (total, lines) = process::memory(subject.process());
    println!(
        "idle memory, {} s after the start, PSS in all {total:>6.1} MiB   goal 90 MiB",
        settle.as_secs()
    );
    for line in lines {
        println!("    {line}");
    }
}

/// At least 1,000 posts in the home timeline that is paged.
async fn fill_home(subject: &Subject, host: &str, token: &str) -> Result<()> {
    let (host, token) = (host.to_owned(), token.to_owned());
    measure(subject, 16, 1_000, 200, move |number| {
        let body = format!(r#"{{"status":"Post {number} to be read"}}"#);
        wire::post(&host, "/api/v1/statuses", &token, &body)
    })
    .await?;
    Ok(())
}

/// Signed Creates into the shared inbox: accepted, and until visible in the home timeline.
async fn inbound(subject: &Subject, ada: &Client, count: usize) -> Result<()> {
    let remote = Remote::start(Address::new().socket()).await?;
    let inbox = Url::parse(&format!("{}/inbox", subject.address.origin()))?;
    let handle = format!("@remote@{}", remote.actor().split('/').nth(2).unwrap_or_default());
    let account = ada.find(&handle).await;
    let id = account["id"].as_str().context("the remote account")?.to_owned();
    let followed =
        ada.post(&format!("/api/v1/accounts/{id}/follow"), &serde_json::json!({})).await?;
    ensure!(followed.status == 200, "{}: {}", followed.status, followed.json);
    let accept = serde_json::json!({
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": format!("{}/accept", remote.actor()), "type": "Accept", "actor": remote.actor(),
        "object": {
            "type": "Follow", "actor": format!("{}/users/ada", subject.address.origin()),
            "object": remote.actor(),
        },
    });
    let mut connection = Connection::open(subject.address.socket()).await?;
    let (status, _) = connection.exchange(&remote.activity(&inbox, &accept)?).await?;
    ensure!(status == 202, "{status}: {}", String::from_utf8_lossy(connection.body()));
    let limit = Duration::from_secs(30);
    eventually_within(limit, "the follow", || async {
        let path = format!("/api/v1/accounts/relationships?id[]={id}");
        (ada.get(&path).await.ok()?.json[0]["following"] == true).then_some(())
    })
    .await;

    println!("signing {count} activities beforehand");
    let creates = Arc::new(remote.creates(&inbox, count)?);
    let before = process::cpu(subject.process());
    let begun = Instant::now();
    let accepted = measure(subject, 64, count, 202, move |number| creates[number].clone()).await?;
    let path = format!("/api/v1/accounts/{id}");
    eventually_within(Duration::from_secs(300), "every post to be visible", || async {
        let stored = ada.get(&path).await.ok()?.json["statuses_count"].as_u64()?;
        (stored >= count as u64).then_some(())
    })
    .await;
    let (elapsed, cpu) = (begun.elapsed(), process::cpu(subject.process()) - before);
    report("signed Create into the inbox, accepted", &accepted, "3000/s");
    println!(
        "{:<44} {:>9.0}/s  CPU {:>6.3} ms each   goal 1500/s, 1 ms",
        "signed Create, until visible in home",
        count as f64 / elapsed.as_secs_f64(),
        cpu.as_secs_f64() * 1_000.0 / count as f64,
    );
    Ok(())
}

async fn make_person(subject: &Subject) -> Result<()> {
    let mut child = subject
        .command()?
        .args(["user", "create", "ada", "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    stdin.write_all(b"correct horse battery\n").await?;
    drop(stdin);
    ensure!(child.wait().await?.success(), "user create failed");
    Ok(())
}
