//! When the server wants to be asked again.

use sovereign_plugin::{Host, Response};

/// However long it says, once a day is asked.
const LONGEST_SECONDS: u64 = 24 * 60 * 60;

/// The later of what the feed says (`ttl`) and what the answer says (`Cache-Control: max-age`).
pub fn next_sync<H: Host>(host: &H, response: &Response, ttl_minutes: Option<u32>) -> Option<u64> {
    let ttl = ttl_minutes.map(|minutes| u64::from(minutes) * 60);
    let age = response.max_age();
    let seconds = ttl.into_iter().chain(age).max().filter(|seconds| *seconds > 0)?;
    Some(host.now() + seconds.min(LONGEST_SECONDS) * 1000)
}
