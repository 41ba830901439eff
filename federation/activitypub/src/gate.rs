//! Which hosts the node talks to at all.

use async_trait::async_trait;
use url::Url;

/// Asked before each request, so that a blocked host is not contacted even when a redirect or an id
/// leads to it.
#[async_trait]
pub trait HostGate: Send + Sync {
    /// Whether the host of `url`, which has one, may be contacted.
    async fn admits(&self, url: &Url) -> bool;
}

/// Admits every host.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenGate;

#[async_trait]
impl HostGate for OpenGate {
    async fn admits(&self, _url: &Url) -> bool {
        true
    }
}

/// Whether the gate admits the URL's host; a URL without one is admitted nowhere.
pub(crate) async fn admits(gate: &dyn HostGate, url: &Url) -> bool {
    url.has_host() && gate.admits(url).await
}
