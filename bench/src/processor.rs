//! Processor time of this process and of Postgres, where Postgres runs on this machine (Linux).

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgPool;

/// Clock ticks of `/proc/<pid>/stat` a second: 100 on every Linux that counts.
const TICKS: u64 = 100;

/// Processor time used so far.
#[derive(Clone, Debug, Default)]
pub struct Processor {
    own: Duration,
    backends: HashMap<i32, Duration>,
}

impl Processor {
    /// Reads it now, for the server processes that serve this pool's database.
    pub async fn read(pool: &PgPool) -> Self {
        let pids: Vec<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()",
        )
        .fetch_all(pool)
        .await
        .unwrap_or_default();
        let backends =
            pids.into_iter().filter_map(|pid| Some((pid, used(&pid.to_string())?))).collect();
        Self { own: used("self").unwrap_or_default(), backends }
    }

    /// What was used since, by (Postgres, this process). A server process that ended in between is
    /// not counted.
    pub fn since(&self, before: &Self) -> (Duration, Duration) {
        let backends = self
            .backends
            .iter()
            .map(|(pid, now)| {
                now.saturating_sub(before.backends.get(pid).copied().unwrap_or_default())
            })
            .sum();
        (backends, self.own.saturating_sub(before.own))
    }
}

/// User and system time of a process.
fn used(pid: &str) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields after it are numbers (proc(5)).
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS))
}
