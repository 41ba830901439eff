//! Reports.

use serde::Serialize;

use super::{Account, Shared, Timestamp};
use crate::PostId;

/// A complaint about an account.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Its id.
    pub id: String,
    /// Whether someone dealt with it.
    pub action_taken: bool,
    /// When.
    pub action_taken_at: Option<Timestamp>,
    /// `spam`, `legal`, `violation` or `other`.
    pub category: String,
    /// What the complainer wrote.
    pub comment: String,
    /// Whether the account's own server was told.
    pub forwarded: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The posts it is about.
    pub status_ids: Vec<PostId>,
    /// The rules it names: none yet.
    pub rule_ids: Vec<String>,
    /// The account it is about.
    pub target_account: Shared<Account>,
}
