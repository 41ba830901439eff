//! What other servers have: actors, their keys, posts, read from their own ids and kept.
//!
//! Whatever is fetched passes here: the block list first, then the memory of what failed, then one
//! flight at a time for each address. See [`activitypub::fetch`] for what makes a document
//! believable.

pub(crate) mod actor;
pub(crate) mod actors;
mod error;
pub(crate) mod failures;
mod forms;
pub(crate) mod hosts;
pub(crate) mod instance;
pub(crate) mod keys;
pub(crate) mod known;
pub(crate) mod limits;
mod listen;
mod pages;
pub(crate) mod patience;
pub(crate) mod peer;
pub(crate) mod people;
pub(crate) mod post;
pub(crate) mod posts;
mod profile;
pub(crate) mod refresh;
mod resolve;
pub(crate) mod strangers;

use std::sync::Arc;
use std::sync::OnceLock;

use activitypub::fetch::Fetcher;
use activitypub::keys::ActorKey;
use activitypub::webfinger::WebFinger;
use spine::http::GuardedClient;
use spine::{Runtime, Spine};

pub(crate) use error::RemoteError;
pub(crate) use forms::HostForms;
pub(crate) use pages::Known;
pub use resolve::Resolved;

use crate::Social;
use failures::Failures;
use hosts::{BlockedHosts, Gate};
use keys::KeyCache;
use strangers::Strangers;

/// The way to other servers, of one process.
pub(crate) struct Remote {
    pub(crate) blocked: Arc<BlockedHosts>,
    pub(crate) failures: Failures,
    pub(crate) strangers: Strangers,
    pub(crate) keys: KeyCache,
    pub(crate) fetcher: Fetcher,
    pub(crate) webfinger: WebFinger,
    pub(crate) forms: Arc<HostForms>,
    pub(crate) listening: OnceLock<()>,
}

impl Remote {
    /// Fetches in the name of the node's own actor.
    pub(crate) fn new(spine: &Spine, client: GuardedClient, instance_key: ActorKey) -> Self {
        let blocked = Arc::new(BlockedHosts::new());
        let gate = Arc::new(Gate::new(blocked.clone(), spine.pool().clone()));
        let forms = Arc::new(HostForms::new(spine.pool().clone(), spine.clock().clone()));
        Self {
            failures: Failures::new(spine.clock().clone()),
            strangers: Strangers::new(spine.clock().clone()),
            keys: KeyCache::new(),
            fetcher: Fetcher::new(client.clone(), instance_key, forms.clone())
                .with_gate(gate.clone())
                .with_clock(spine.clock().clone()),
            webfinger: WebFinger::new(client).with_gate(gate),
            forms,
            blocked,
            listening: OnceLock::new(),
        }
    }
}

/// Adds the jobs that read from other servers in the background.
pub(crate) fn register(runtime: Runtime, social: &Arc<Social>) -> Runtime {
    runtime
        .job::<refresh::RefreshActor>(social.clone())
        .job::<people::FindPeople>(social.clone())
        .job::<profile::FillProfile>(social.clone())
}
