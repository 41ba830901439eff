//! The services of one process, wired together.

use std::sync::Arc;

use axum::extract::FromRef;
use identity::Identity;
use policy::PolicyService;
use social::Social;
use spine::Spine;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::edge::health::Counters;
use crate::edge::limits::Limits;
use crate::edge::streaming::Hub;
use crate::platform::Platform;

/// Everything that a route may need. Cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

/// What [`Services`] holds.
pub struct Inner {
    /// The configuration.
    pub config: Config,
    /// The public origin, without a slash at its end.
    pub origin: String,
    /// The spine.
    pub spine: Spine,
    /// Accounts, posts and their federation.
    pub social: Social,
    /// People, apps and tokens.
    pub identity: Identity,
    /// The data platform.
    pub platform: Platform,
    /// Open streams.
    pub hub: Hub,
    /// What the edge counts.
    pub counters: Counters,
    /// How often clients may call.
    pub limits: Limits,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
    /// What outlives its request, such as open streams.
    pub tasks: TaskTracker,
}

impl Services {
    /// Puts the services together.
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl std::ops::Deref for Services {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl FromRef<Services> for Identity {
    fn from_ref(services: &Services) -> Self {
        services.identity.clone()
    }
}

impl FromRef<Services> for PolicyService {
    fn from_ref(services: &Services) -> Self {
        services.platform.policy.clone()
    }
}

impl FromRef<Services> for Social {
    fn from_ref(services: &Services) -> Self {
        services.social.clone()
    }
}
