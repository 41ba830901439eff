//! Keeps a process's decisions in step with what other processes change.
//!
//! Each change counts the revision in its own transaction and records an event. Whoever commits decides
//! by it from that moment on. Every other process hears of the event through the ledger's tail, within
//! milliseconds of the commit, and reads anew; should it miss one, it finds the revision changed within a
//! second.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::Notify;

use crate::service::Inner;
use crate::{PolicyError, PolicyService};

/// How often the revision is compared.
const LOOK: Duration = Duration::from_secs(1);

/// Starts both tasks; they end with the service.
pub(crate) fn start(service: &PolicyService, many: Arc<Notify>) {
    let mut tail = service.0.spine.tail();
    let inner = Arc::downgrade(&service.0);
    tokio::spawn(async move {
        let mut look = tokio::time::interval(LOOK);
        let mut failures = 0_u32;
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mine = tokio::select! {
                heard = tail.next() => match heard {
                    Some(Ok(event)) => event.kind.starts_with("policy."),
                    // It lagged behind.
                    Some(Err(_)) => true,
                    None => return,
                },
                _ = look.tick() => true,
            };
            if !mine {
                continue;
            }
            let Some(service) = alive(&inner) else { return };
            match service.catch_up().await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    if failures.is_power_of_two() {
                        report(&error);
                    }
                }
            }
        }
    });
    let inner = Arc::downgrade(&service.0);
    tokio::spawn(async move {
        loop {
            // Wakes now and then to see whether the service is still there.
            let many = tokio::time::timeout(LOOK, many.notified()).await.is_ok();
            let Some(service) = alive(&inner) else { return };
            if many && let Err(error) = service.sequence_audit().await {
                report(&error);
            }
        }
    });
}

fn alive(inner: &Weak<Inner>) -> Option<PolicyService> {
    inner.upgrade().map(PolicyService)
}

fn report(error: &PolicyError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(%error, cause, "the policy service cannot follow the database");
}
