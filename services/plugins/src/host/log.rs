//! What guests write to the node's log: cut, counted, and without the secrets that they were given.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use spine::Clock;

use super::{Guest, Names};
use crate::engine::bindings::log;

/// The longest line, in bytes.
const LINE: usize = 8 * 1_024;
/// So many lines of a plugin in each minute, over all of its calls.
const LINES: u32 = 600;
/// A shorter secret would hide half of every text.
const SHORTEST_SECRET: usize = 4;

/// The log of a guest.
pub(crate) struct Log {
    names: Names,
    budget: Arc<LogBudget>,
    /// What must not be read in it.
    secrets: Vec<String>,
    /// Where lines are kept instead of the node's log: for plugin authors.
    kept: Option<Vec<Line>>,
}

/// A line that a guest wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// What it says.
    pub text: String,
}

/// Counts the lines of a plugin.
pub(crate) struct LogBudget {
    clock: Clock,
    minute: Mutex<Minute>,
}

struct Minute {
    began: DateTime<Utc>,
    lines: u32,
    dropped: u32,
}

impl LogBudget {
    pub(crate) fn new(clock: Clock) -> Self {
        let began = clock.now();
        Self { clock, minute: Mutex::new(Minute { began, lines: 0, dropped: 0 }) }
    }

    /// Whether another line may be written; and how many were not, before this minute.
    fn take(&self) -> (bool, u32) {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let mut missed = 0;
        if now - minute.began >= TimeDelta::minutes(1) {
            missed = minute.dropped;
            *minute = Minute { began: now, lines: 0, dropped: 0 };
        }
        let may = minute.lines < LINES;
        if may {
            minute.lines += 1;
        } else {
            minute.dropped = minute.dropped.saturating_add(1);
        }
        (may, missed)
    }

    /// How many lines of this minute were not written.
    #[cfg(test)]
    pub(crate) fn dropped(&self) -> u32 {
        self.minute.lock().unwrap_or_else(PoisonError::into_inner).dropped
    }
}

impl Log {
    pub(crate) fn new(names: Names, budget: Arc<LogBudget>) -> Self {
        Self { names, budget, secrets: Vec::new(), kept: None }
    }

    /// One whose lines are kept for its author.
    pub(crate) fn kept(names: Names, budget: Arc<LogBudget>) -> Self {
        Self { kept: Some(Vec::new()), ..Self::new(names, budget) }
    }

    pub(crate) fn lines(self) -> Vec<Line> {
        self.kept.unwrap_or_default()
    }

    /// From now on this is not to be read in what the guest writes.
    pub(crate) fn hide(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET && !self.secrets.iter().any(|known| known == secret) {
            self.secrets.push(secret.to_owned());
        }
    }

    /// The text without secrets.
    pub(crate) fn masked(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    fn write(&mut self, level: log::Level, message: &str) {
        let (may, missed) = self.budget.take();
        let plugin = &*self.names.plugin;
        if missed > 0 {
            tracing::warn!(
                plugin.id = plugin,
                lines = missed,
                "a plugin wrote more than it may; the rest was dropped"
            );
        }
        if !may {
            return;
        }
        // Masked before it is cut, so that no half of a secret stays at the edge.
        let end = message.floor_char_boundary(message.len().min(LINE * 2));
        let text = self.masked(&message[..end]);
        let text = &text[..text.floor_char_boundary(text.len().min(LINE))];
        if let Some(kept) = &mut self.kept {
            kept.push(Line { level: name(level), text: text.to_owned() });
            return;
        }
        let account = self.names.account.map(tracing::field::display);
        match level {
            log::Level::Trace => {
                tracing::trace!(plugin.id = plugin, account.id = account, "{text}")
            }
            log::Level::Debug => {
                tracing::debug!(plugin.id = plugin, account.id = account, "{text}")
            }
            log::Level::Info => tracing::info!(plugin.id = plugin, account.id = account, "{text}"),
            log::Level::Warn => tracing::warn!(plugin.id = plugin, account.id = account, "{text}"),
            log::Level::Error => {
                tracing::error!(plugin.id = plugin, account.id = account, "{text}")
            }
        }
    }
}

fn name(level: log::Level) -> &'static str {
    match level {
        log::Level::Trace => "trace",
        log::Level::Debug => "debug",
        log::Level::Info => "info",
        log::Level::Warn => "warn",
        log::Level::Error => "error",
    }
}

impl log::Host for Guest {
    async fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.log.write(level, &message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (Log, Arc<LogBudget>, Clock) {
        let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let budget = Arc::new(LogBudget::new(clock.clone()));
        let names = Names { plugin: "test".into(), account: None };
        (Log::kept(names, Arc::clone(&budget)), budget, clock)
    }

    #[test]
    fn a_flood_ends_at_the_minutes_budget_and_goes_on_in_the_next() {
        let (mut log, budget, clock) = log();
        for _ in 0..LINES + 50 {
            log.write(log::Level::Info, "again");
        }
        assert_eq!(budget.dropped(), 50);
        clock.advance(TimeDelta::minutes(1));
        log.write(log::Level::Info, "later");
        assert_eq!(log.lines().len(), LINES as usize + 1);
    }

    #[test]
    fn secrets_are_hidden_and_long_lines_cut() {
        let (mut log, _, _) = log();
        log.hide("s3cret-token");
        log.write(log::Level::Warn, "the token is s3cret-token!");
        log.write(log::Level::Debug, &format!("{}s3cret-token", "ä".repeat(LINE / 2 - 1)));
        let lines = log.lines();
        assert_eq!(lines[0], Line { level: "warn", text: "the token is ***!".to_owned() });
        assert!(lines[1].text.len() <= LINE && !lines[1].text.contains("s3"));
    }
}
