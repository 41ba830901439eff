//! Relationships.

use serde::Serialize;

use super::Timestamp;
use crate::AccountId;

/// What the asker has to do with an account.
#[derive(Clone, Debug, Serialize)]
pub struct Relationship {
    /// The account.
    pub id: AccountId,
    /// The asker follows it.
    pub following: bool,
    /// Its boosts are shown.
    pub showing_reblogs: bool,
    /// Its posts notify the asker.
    pub notifying: bool,
    /// Languages of it that are shown; none: all.
    pub languages: Option<Vec<String>>,
    /// It follows the asker.
    pub followed_by: bool,
    /// The asker blocks it.
    pub blocking: bool,
    /// It blocks the asker.
    pub blocked_by: bool,
    /// The asker mutes it.
    pub muting: bool,
    /// Its notifications are muted too.
    pub muting_notifications: bool,
    /// When the mute ends.
    pub muting_expires_at: Option<Timestamp>,
    /// The asker's follow waits.
    pub requested: bool,
    /// Its follow of the asker waits.
    pub requested_by: bool,
    /// The asker blocks its whole domain.
    pub domain_blocking: bool,
    /// The asker shows it on its profile: never yet.
    pub endorsed: bool,
    /// The asker's private note about it.
    pub note: String,
}
