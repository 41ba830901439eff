//! The identity service of one process.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use spine::Spine;

use crate::throttle::Throttle;
use crate::{Grant, IdentityError};

/// Who may join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Anyone, at once.
    Open,
    /// Anyone may ask; an admin approves.
    Approval,
    /// Only whom an admin adds.
    #[default]
    Closed,
}

/// Settings of the identity service.
#[derive(Clone, Copy, Debug)]
pub struct IdentitySettings {
    /// Who may join.
    pub registration: RegistrationMode,
    /// Whether apps may swap a name and password for a token (RFC 6749, section 4.3). Meant for
    /// scripts on one's own machine; off for a public node.
    pub password_grant: bool,
}

/// The identity service. Cheap to clone.
#[derive(Clone)]
pub struct Identity(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) settings: IdentitySettings,
    pub(crate) throttle: Throttle,
    /// Grants by token hash. Dropped at once when this process revokes, and by the event
    /// `AccessRevoked` when another does; five minutes bound what a lost event could cost.
    pub(crate) grants: Cache<Vec<u8>, Arc<Grant>>,
}

impl Identity {
    /// Brings the schema up to date.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(spine: Spine, settings: IdentitySettings) -> Result<Self, IdentityError> {
        spine::database::migrate(
            spine.pool(),
            "identity",
            &sqlx::migrate!("../../migrations/identity"),
        )
        .await?;
        let grants =
            Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(300)).build();
        Ok(Self(Arc::new(Inner { spine, settings, throttle: Throttle::new(), grants })))
    }

    /// The settings.
    pub fn settings(&self) -> &IdentitySettings {
        &self.0.settings
    }

    /// The spine.
    pub fn spine(&self) -> &Spine {
        &self.0.spine
    }
}
