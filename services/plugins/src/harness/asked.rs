//! Remembers what a guest asked for over HTTP, and what came of it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use spine::http::OutgoingRequest;

use crate::engine::bindings::http as guest;
use crate::host::http::{Received, Wire};

/// A wire of which one call's requests are told.
pub(super) struct Asked {
    wire: Arc<dyn Wire>,
    asked: Mutex<Vec<String>>,
}

impl Asked {
    pub(super) fn new(wire: Arc<dyn Wire>) -> Self {
        Self { wire, asked: Mutex::default() }
    }

    /// What was asked for: method and address, with what came of it.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Wire for Asked {
    async fn exchange(&self, request: OutgoingRequest) -> Result<Received, guest::HttpError> {
        let asked = format!("{} {}", request.method, request.url);
        let outcome = self.wire.exchange(request).await;
        let told = match &outcome {
            Ok(received) => {
                format!("{asked} -> {}, {} bytes", received.status.as_u16(), received.body.len())
            }
            Err(error) => format!("{asked} -> {}", in_words(error)),
        };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(told);
        outcome
    }
}

/// Why there was no answer.
fn in_words(error: &guest::HttpError) -> String {
    match error {
        guest::HttpError::NotAllowed(reason) => format!("not allowed: {reason}"),
        guest::HttpError::Timeout => "no answer in time".to_owned(),
        guest::HttpError::TooLarge(limit) => format!("larger than response_kib ({limit} bytes)"),
        guest::HttpError::Dns => "the name was not found".to_owned(),
        guest::HttpError::Tls(reason)
        | guest::HttpError::Connect(reason)
        | guest::HttpError::BadRequest(reason) => reason.clone(),
        guest::HttpError::Throttled(seconds) => format!("the service asked to wait {seconds} s"),
    }
}
