//! Waiting for a condition, never for a time.

use std::future::Future;
use std::time::{Duration, Instant};

/// Asks until the answer is there, for at most 30 seconds.
///
/// # Panics
/// It never came; the message says what was waited for.
pub async fn eventually<T, F>(what: &str, ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    eventually_within(Duration::from_secs(30), what, ask).await
}

/// Asks until the answer is there, for at most this long.
///
/// # Panics
/// It never came; the message says what was waited for.
pub async fn eventually_within<T, F>(limit: Duration, what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < limit, "after {limit:?} still waiting for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
