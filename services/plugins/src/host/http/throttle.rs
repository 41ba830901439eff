//! Remembers how long a service asked a plugin to wait, so that no guest asks again before.

use std::time::Duration;

use ::http::StatusCode;
use ::http::header::RETRY_AFTER;
use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use spine::Clock;
use url::Url;

use super::Received;

/// Longer than this no service makes us wait.
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// Until when a plugin leaves a host alone.
pub(crate) struct Throttle {
    clock: Clock,
    until: Cache<(String, String), DateTime<Utc>>,
}

impl Throttle {
    pub(crate) fn new(clock: Clock) -> Self {
        let until =
            Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(3_600)).build();
        Self { clock, until }
    }

    /// How many seconds a plugin still has to wait before it asks this host.
    pub(super) fn wait(&self, plugin: &str, url: &Url) -> Option<u32> {
        let until = self.until.get(&place(plugin, url))?;
        let left = until - self.clock.now();
        (left > TimeDelta::zero())
            .then(|| u32::try_from((left.num_milliseconds() + 999) / 1_000).unwrap_or(u32::MAX))
    }

    /// Takes note of `Retry-After` (RFC 9110, section 10.2.3).
    pub(super) fn learn(&self, plugin: &str, url: &Url, received: &Received) {
        let busy = matches!(
            received.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        let told = received.headers.get(RETRY_AFTER).filter(|_| busy);
        let Some(told) = told.and_then(|value| value.to_str().ok()) else { return };
        let now = self.clock.now();
        let until = match told.trim().parse::<u32>() {
            Ok(seconds) => now + TimeDelta::seconds(seconds.into()),
            Err(_) => match DateTime::parse_from_rfc2822(told.trim()) {
                Ok(time) => time.to_utc(),
                Err(_) => return,
            },
        };
        self.until.insert(place(plugin, url), until.min(now + LONGEST));
    }
}

fn place(plugin: &str, url: &Url) -> (String, String) {
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    (plugin.to_owned(), authority.to_owned())
}
