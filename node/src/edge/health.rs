//! Whether the node is well, and what it counted.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use spine::Problem;
use uuid::Uuid;

use super::mastodon;
use crate::policy::{self, Access, Action, Principal, Purpose};
use crate::services::Services;

const METRICS: Action = Action::anyone("metrics.read", "");

/// What the edge counts. Numbers only, nothing of anyone.
#[derive(Debug)]
pub struct Counters {
    started: Instant,
    /// Answers by the first digit of their status, from 1.
    answers: [AtomicU64; 5],
    /// Open streams.
    streams: AtomicUsize,
    /// Tells the request ids of this process from those of others.
    process: u32,
    /// The number of the newest request.
    newest: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            answers: std::array::from_fn(|_| AtomicU64::new(0)),
            streams: AtomicUsize::new(0),
            process: Uuid::new_v4().as_fields().0,
            newest: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// An answer went out.
    pub fn request(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.answers[class].fetch_add(1, Ordering::Relaxed);
    }

    /// An id for a request that came without one.
    pub fn request_id(&self) -> String {
        let number = self.newest.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{number:x}", self.process)
    }

    /// A stream opened; answers how many are open now.
    pub fn stream_opened(&self) -> usize {
        self.streams.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A stream closed.
    pub fn stream_closed(&self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The routes of operation.
pub fn routes() -> Router<Services> {
    Router::new().route("/health", get(health)).route("/metrics", get(metrics))
}

async fn health(State(services): State<Services>) -> Result<Response, Problem> {
    services.spine.health().await.map_err(Problem::unavailable)?;
    Ok(Json(serde_json::json!({ "status": "OK" })).into_response())
}

/// Prometheus' text format, version 0.0.4.
async fn metrics(State(services): State<Services>) -> Result<Response, Problem> {
    policy::decide(&Access {
        principal: Principal::Anonymous,
        action: &METRICS,
        resource: &"metrics",
        purpose: Purpose::Operate,
    })?;
    if !services.config.http.metrics {
        return Err(Problem::not_found());
    }
    let counters = &services.counters;
    let mut text = String::new();
    let mut line = |name: &str, kind: &str, labels: &str, value: u64| {
        if labels.is_empty() || labels.contains("\"1xx\"") {
            let _infallible = writeln!(text, "# TYPE {name} {kind}");
        }
        let _infallible = writeln!(text, "{name}{labels} {value}");
    };
    for (index, count) in counters.answers.iter().enumerate() {
        let labels = format!("{{class=\"{}xx\"}}", index + 1);
        line("sovereign_http_answers_total", "counter", &labels, count.load(Ordering::Relaxed));
    }
    let streams = u64::try_from(counters.streams.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
    line("sovereign_streams_open", "gauge", "", streams);
    let pool = services.spine.pool();
    let idle = u64::try_from(pool.num_idle()).unwrap_or(u64::MAX);
    line("sovereign_database_connections", "gauge", "", u64::from(pool.size()));
    line("sovereign_database_connections_idle", "gauge", "", idle);
    line("sovereign_uptime_seconds", "counter", "", counters.started.elapsed().as_secs());
    let version = mastodon::VERSION;
    let _infallible = writeln!(text, "# TYPE sovereign_info gauge");
    let _infallible = writeln!(text, "sovereign_info{{version=\"{version}\"}} 1");
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
