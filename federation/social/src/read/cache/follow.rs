//! Following the node's events, so that changes made by jobs and by other processes reach the
//! caches of this one.

use std::sync::{Arc, Weak};

use futures_util::StreamExt;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::invalidation::{Told, told_by};
use crate::Social;
use crate::service::Inner;

/// Starts a task that keeps the caches true for as long as the service is used.
pub(crate) fn follow(social: &Social) {
    let mut events = social.spine().tail();
    let service: Weak<Inner> = Arc::downgrade(&social.0);
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            let Some(inner) = service.upgrade() else { return };
            let social = Social(inner);
            match event.map(|event| told_by(&event)) {
                Ok(Told::Changed(change)) => social.invalidate(change),
                Ok(Told::Nothing) => {}
                Ok(Told::Unknown) => social.forget_cached(),
                Err(BroadcastStreamRecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "the read cache missed events and is emptied");
                    social.forget_cached();
                }
            }
        }
        // Without events nothing can be known to be true any more.
        if let Some(inner) = service.upgrade() {
            Social(inner).forget_cached();
        }
    });
}
