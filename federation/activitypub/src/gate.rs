//! Which hosts the node talks to at all.

use async_trait::async_trait;
use url::Url;

/// Asked before each request, so that a blocked host is not contacted even when a redirect or an id
/// leads to it.
#[async_trait]
pub trait HostGate: Send + Sync {
    /// Whether `host` (punycode, lower case, no port) may be contacted.
    async fn admits(&self, host: &str) -> bool;
}

/// Admits every host.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenGate;

#[async_trait]
impl HostGate for OpenGate {
    async fn admits(&self, _host: &str) -> bool {
        true
    }
}

/// Whether the gate admits the URL's host; a URL without one is admitted nowhere.
pub(crate) async fn admits(gate: &dyn HostGate, url: &Url) -> bool {
    match url.host_str() {
        Some(host) => gate.admits(host.trim_end_matches('.')).await,
        None => false,
    }
}
