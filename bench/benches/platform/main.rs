//! The data platform beside its floors: calls of plugins, raw records to searchable entities, rules on one
//! event, decisions of the policy, reads of the graph.
//!
//! `SOVEREIGN_TEST_DATABASE_URL` names the Postgres, `SOVEREIGN_TEST_PLUGINS` the folder of built plugins.
//! `--quick` shortens every measurement to a smoke test; other words choose measurements by name.

mod decisions;
mod guests;
mod pipeline;
mod rule_sets;

use bench::table::Table;

/// The node's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Everything that can go wrong ends the bench.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How much to do.
struct Size {
    /// Raw records that come in.
    records: usize,
    /// Rules on one event.
    rules: usize,
    /// Repetitions of what is quick.
    repetitions: usize,
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
        Size { records: 1_000, rules: 1_000, repetitions: 200 }
    } else {
        Size { records: 10_000, rules: 1_000, repetitions: 5_000 }
    };
    let names: Vec<&String> =
        arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let chosen = |name: &str| names.is_empty() || names.iter().any(|wanted| *wanted == name);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut table = Table::default();
    runtime.block_on(async {
        if chosen("plugins") {
            guests::measure(&size, &mut table).await?;
        }
        if chosen("rules") {
            rule_sets::measure(&size, &mut table).await?;
        }
        if chosen("policy") {
            decisions::measure(&size, &mut table).await?;
        }
        if chosen("pipeline") {
            pipeline::measure(&size, &mut table).await?;
        }
        Outcome::Ok(())
    })?;
    let missed = table.print();
    if missed > 0 {
        println!("\n{missed} goals missed");
    }
    Ok(())
}
