//! The spine beside its floors: the same work on a bare table or a bare stream, in the same run,
//! with the same durability, and the crate `graphile_worker` as a yardstick.
//!
//! `SOVEREIGN_TEST_DATABASE_URL` names the Postgres, `SOVEREIGN_TEST_NATS_URL` the NATS (without
//! it, what needs one is left out). `--quick` shortens every measurement to a smoke test; other
//! words choose measurements by name.

mod bare;
mod events;
mod graphile;
mod jobs;
mod latency;
mod relay;
mod single;

use std::time::Duration;

use bench::table::Table;

/// Everything that can go wrong ends the bench.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How much to do.
struct Size {
    /// How long each round of an open-ended measurement lasts.
    round: Duration,
    /// How many rounds take turns with their floors.
    rounds: usize,
    /// How many jobs are processed.
    jobs: usize,
    /// How many latencies are measured.
    latencies: usize,
    /// How many events are relayed.
    events: usize,
}

fn main() -> Outcome {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("RUST_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let size = if arguments.iter().any(|argument| argument == "--quick") {
        Size {
            round: Duration::from_millis(700),
            rounds: 1,
            jobs: 5_000,
            latencies: 80,
            events: 5_000,
        }
    } else {
        Size {
            round: Duration::from_secs(4),
            rounds: 3,
            jobs: 50_000,
            latencies: 600,
            events: 50_000,
        }
    };
    // Cargo itself passes `--bench`.
    let names: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| !word.starts_with("--")).collect();
    let chosen = |name: &str| names.is_empty() || names.contains(&name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let missed = runtime.block_on(async {
        let mut table = Table::default();
        if chosen("single") {
            single::measure(&size, &mut table).await?;
        }
        if chosen("jobs") {
            jobs::measure(&size, &mut table).await?;
        }
        if chosen("latency") {
            latency::measure(&size, &mut table).await?;
        }
        if chosen("events") {
            events::measure(&size, &mut table).await?;
        }
        if chosen("relay") {
            relay::measure(&size, &mut table).await?;
        }
        Outcome::Ok(table.print())
    })?;
    println!(
        "\nGoals missed: {missed}. Ratios are of the same run; other load on the machine moves both."
    );
    Ok(())
}
