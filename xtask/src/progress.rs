//! One line for each long step, so that nobody wonders what is going on.

use std::time::Instant;

/// Says what begins now.
pub fn step(what: impl AsRef<str>) {
    eprintln!("==> {}", what.as_ref());
}

/// Says what begins now and, when `work` has succeeded, how long it took.
pub fn timed<T>(what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    step(what);
    let start = Instant::now();
    let outcome = work()?;
    eprintln!("    done in {:.1} s", start.elapsed().as_secs_f64());
    Ok(outcome)
}
