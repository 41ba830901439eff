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
            // One may begin another: the longer one is looked for first.
            self.secrets.sort_unstable_by_key(|known| std::cmp::Reverse(known.len()));
        }
    }

    /// The beginning of a text without secrets, made of its first `longest` bytes. Of a secret that the cut goes
    /// through nothing stays.
    pub(crate) fn hidden(&self, text: &str, longest: usize) -> String {
        let mut end = text.floor_char_boundary(text.len().min(longest));
        if end < text.len() {
            let cut = |secret: &String| {
                let beginnings = (1..secret.len()).rev();
                let ends_with =
                    |n: &usize| text.as_bytes()[..end].ends_with(&secret.as_bytes()[..*n]);
                beginnings.into_iter().find(ends_with).unwrap_or(0)
            };
            let half = self.secrets.iter().map(cut).max().unwrap_or(0);
            end = text.floor_char_boundary(end - half);
        }
        self.masked(&text[..end])
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
        let text = one_line(&self.hidden(message, LINE * 2));
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

/// A guest's line stays a line: it cannot look like one of the node's, nor steer a terminal.
fn one_line(text: &str) -> String {
    let strange = |character: char| {
        character.is_control()
            || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(strange) {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\t' => line.push(' '),
            character if strange(character) => line.extend(character.escape_default()),
            character => line.push(character),
        }
    }
    line
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

    #[test]
    fn nothing_of_a_secret_stays_at_a_cut() {
        let (mut log, _, _) = log();
        log.hide("abcd");
        log.hide("abcdefgh");
        assert_eq!(log.masked("abcdefgh abcd"), "*** ***", "the longer one first");
        // Many secrets make the text shorter: what was beyond the edge comes to lie before it.
        let text = format!("{}abcdefg", "abcdefgh".repeat(100));
        for longest in 800..text.len() {
            let hidden = log.hidden(&text, longest);
            assert!(!hidden.contains('a'), "{longest}: {hidden}");
        }
        assert_eq!(log.hidden("abcdefg", 100), "***efg", "a whole text is not cut");
    }

    #[test]
    fn a_line_stays_a_line() {
        let (mut log, _, _) = log();
        log.write(log::Level::Info, "fine\n2026-01-01 ERROR policy: forged\x1b[2J\u{202e}\tä");
        assert_eq!(
            log.lines()[0].text,
            "fine\\n2026-01-01 ERROR policy: forged\\u{1b}[2J\\u{202e} ä"
        );
    }
}
