//! The log: lines for people, or a JSON object a line.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{self, LogFormat};

/// Starts logging to standard error.
///
/// # Errors
/// The filter cannot be read.
pub fn start(log: &config::Log) -> anyhow::Result<()> {
    // Accesses that were allowed are many: only on request. `RUST_LOG` wins, as everywhere.
    let access = if log.access { "access=info" } else { "access=warn" };
    // Postgres notes "already exists, skipping" at every start.
    let text = std::env::var("RUST_LOG")
        .unwrap_or_else(|_| format!("{},{access},sqlx::postgres::notice=warn", log.filter));
    let filter = EnvFilter::try_new(&text)
        .map_err(|error| anyhow::anyhow!("the log filter {text:?} cannot be read: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => {
            builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init();
        }
        LogFormat::Json => builder.json().init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "a panic, which is a defect of the program");
    }));
    Ok(())
}

/// Starts logging for a command: only what went wrong.
///
/// # Errors
/// `RUST_LOG` cannot be read.
pub fn start_quietly() -> anyhow::Result<()> {
    start(&config::Log { filter: "warn,spine::nats=error".to_owned(), ..config::Log::default() })
}
