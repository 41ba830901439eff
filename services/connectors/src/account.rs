//! Accounts: what they are and what is decided about them. No I/O.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::{Resource, SpaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::Snowflake;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ConnectorsError;
use contracts::input;

/// A schedule's bounds, in seconds: a minute to thirty days.
pub(crate) const SCHEDULES: std::ops::RangeInclusive<u32> = 60..=2_592_000;
/// The largest configuration, as JSON.
const LARGEST_CONFIG: usize = 64 << 10;
/// After failures the schedule's interval doubles, up to this.
const LONGEST_BACKOFF: TimeDelta = TimeDelta::days(1);
/// No source puts off its next sync for longer.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(30);

/// Whether an account is synchronised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// It is.
    Active,
    /// Its owner wants a break.
    Paused,
    /// The source does not accept the credential any more.
    NeedsSignIn,
    /// Its configuration is wrong.
    Failed,
}

impl AccountState {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::NeedsSignIn => "needs_sign_in",
            Self::Failed => "failed",
        }
    }

    /// The state of this name, as stored. What is unknown does nothing: it counts as paused.
    pub(crate) fn from_stored(name: &str) -> Self {
        match name {
            "active" => Self::Active,
            "needs_sign_in" => Self::NeedsSignIn,
            "failed" => Self::Failed,
            _ => Self::Paused,
        }
    }
}

/// Why a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Its time has come.
    Schedule,
    /// Somebody asks for it.
    Hand,
    /// A webhook said that something changed.
    Webhook,
    /// The account is new, or was mended.
    Added,
    /// Everything is read again.
    Resync,
}

impl Trigger {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Hand => "hand",
            Self::Webhook => "webhook",
            Self::Added => "added",
            Self::Resync => "resync",
        }
    }

    /// Whether a person looks at the result, or something just happened.
    pub(crate) fn is_urgent(self) -> bool {
        self != Self::Schedule
    }
}

/// An account of a connector.
#[derive(Clone, Debug)]
pub struct Account {
    /// Names it for ever; also the key of its webhooks.
    pub id: Uuid,
    /// Which plugin.
    pub plugin: String,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub owner: Snowflake,
    /// Where what comes from it belongs.
    pub space: SpaceId,
    /// What everything from it is labelled with.
    pub labels: Vec<String>,
    /// The plugin's settings.
    pub config: Value,
    /// Seconds between syncs; none: by webhook and by hand.
    pub schedule: Option<u32>,
    /// The consent that it rests on.
    pub consent: Option<Uuid>,
    /// Whether it is synchronised.
    pub state: AccountState,
    /// The version of what people set.
    pub version: i64,
    /// Where the plugin goes on.
    pub cursor: Option<Vec<u8>>,
    /// Rises with each page and each reset.
    pub cursor_version: i64,
    /// When it is synchronised next.
    pub next_sync_at: Option<DateTime<Utc>>,
    /// Not before, as the source or the plugin's rest asks.
    pub not_before: Option<DateTime<Utc>>,
    /// When the last whole sync ended.
    pub last_sync_at: Option<DateTime<Utc>>,
    /// What went wrong last, since then.
    pub last_error: Option<String>,
    /// How often in a row it went wrong.
    pub consecutive_failures: i32,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
}

impl Account {
    /// As the policy sees it.
    pub(crate) fn resource(&self) -> Resource {
        Resource::new("connector", self.id.to_string(), self.space.clone())
            .labelled(self.labels.iter().cloned())
    }

    /// The subject under which its records are sealed.
    pub(crate) fn subject(id: Uuid) -> String {
        format!("connector:{id}")
    }

    /// When to try again after one more failure that the source does not call temporary.
    pub(crate) fn after_failure(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let interval = TimeDelta::seconds(i64::from(self.schedule?));
        let doublings = u32::try_from(self.consecutive_failures.clamp(0, 10)).unwrap_or(10);
        let wait = interval * 2_i32.saturating_pow(doublings + 1);
        Some(now + wait.min(LONGEST_BACKOFF).max(interval))
    }
}

/// Where what comes from an account belongs at the moment when it lands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) space: SpaceId,
    pub(crate) labels: Vec<String>,
    pub(crate) consent: Option<Uuid>,
}

/// What a source's wish to be left alone until then comes to: not for ever.
pub(crate) fn wished(asked: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    asked.map(|time| time.clamp(now, now + LONGEST_WAIT))
}

/// A wait as a duration of the clock, at most thirty days.
pub(crate) fn bounded(after: Duration) -> Duration {
    after.min(LONGEST_WAIT.to_std().unwrap_or(Duration::MAX))
}

/// An account to be added.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its id.
    pub id: Uuid,
    /// Which plugin.
    pub plugin: String,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub owner: Snowflake,
    /// Where what comes from it belongs.
    pub space: SpaceId,
    /// What everything from it is labelled with.
    pub labels: Vec<String>,
    /// The plugin's settings.
    pub config: Value,
    /// Seconds between syncs; none: as the plugin's manifest asks.
    pub schedule: Option<u32>,
    /// The consent that it rests on.
    pub consent: Option<Uuid>,
}

impl NewAccount {
    /// With everything checked and in its normal form.
    pub(crate) fn checked(self) -> Result<Self, ConnectorsError> {
        plugin(&self.plugin)?;
        config(&self.config)?;
        schedule(self.schedule)?;
        Ok(Self { name: input::name(&self.name)?, labels: input::labels(self.labels)?, ..self })
    }
}

fn plugin(id: &str) -> Result<(), ConnectorsError> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if (1..=64).contains(&id.len()) && id.bytes().all(plain) {
        Ok(())
    } else {
        Err(ConnectorsError::Invalid(
            "`plugin` must be 1 to 64 small letters, digits, `.`, `_` or `-`".to_owned(),
        ))
    }
}

/// A plugin's settings: an object of at most 64 KiB.
pub(crate) fn config(config: &Value) -> Result<(), ConnectorsError> {
    if !config.is_object() || input::has_nul(config) {
        return Err(ConnectorsError::Invalid(
            "`config` must be an object, without the character NUL".to_owned(),
        ));
    }
    if config.to_string().len() > LARGEST_CONFIG {
        return Err(ConnectorsError::Invalid("`config` must be at most 64 KiB".to_owned()));
    }
    Ok(())
}

/// A schedule between a minute and thirty days.
pub(crate) fn schedule(seconds: Option<u32>) -> Result<(), ConnectorsError> {
    match seconds {
        Some(seconds) if !SCHEDULES.contains(&seconds) => Err(ConnectorsError::Invalid(
            "`schedule` must be between 60 and 2592000 seconds".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// A schedule that people want, which is not below what the plugin's manifest allows.
pub(crate) fn polite(wanted: Option<u32>, least: Option<u32>) -> Result<(), ConnectorsError> {
    match (wanted, least) {
        (Some(wanted), Some(least)) if wanted < least => Err(ConnectorsError::Invalid(format!(
            "`schedule` must be at least {least} seconds for this plugin"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(schedule: Option<u32>, failures: i32) -> Account {
        Account {
            id: Uuid::nil(),
            plugin: "rss".to_owned(),
            name: "News".to_owned(),
            owner: Snowflake(1),
            space: SpaceId::household(),
            labels: Vec::new(),
            config: json!({}),
            schedule,
            consent: None,
            state: AccountState::Active,
            version: 1,
            cursor: None,
            cursor_version: 0,
            next_sync_at: None,
            not_before: None,
            last_sync_at: None,
            last_error: None,
            consecutive_failures: failures,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_failing_source_is_asked_less_and_less_often_and_never_less_than_daily() {
        let now = DateTime::UNIX_EPOCH;
        let wait = |schedule, failures| {
            (account(Some(schedule), failures).after_failure(now).unwrap() - now).num_seconds()
        };
        assert_eq!(wait(600, 0), 1_200);
        assert_eq!(wait(600, 2), 4_800);
        assert_eq!(wait(600, 50), 86_400);
        assert_eq!(wait(604_800, 3), 604_800, "a weekly source stays weekly");
        assert_eq!(account(None, 3).after_failure(now), None);
    }

    #[test]
    fn a_source_cannot_ask_for_silence() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(wished(Some(now - TimeDelta::days(1)), now), Some(now));
        assert_eq!(wished(Some(now + TimeDelta::days(900)), now), Some(now + TimeDelta::days(30)));
        assert_eq!(wished(None, now), None);
        assert_eq!(bounded(Duration::from_secs(5)), Duration::from_secs(5));
    }

    #[test]
    fn what_cannot_be_an_account_is_refused() {
        assert!(plugin("ms-graph").is_ok());
        assert!(plugin("").is_err() && plugin("../x").is_err() && plugin("A").is_err());
        assert!(config(&json!({ "url": "https://a.example" })).is_ok());
        assert!(config(&json!([])).is_err() && config(&json!({ "a": "\u{0}" })).is_err());
        assert!(config(&json!({ "a": "x".repeat(70_000) })).is_err());
        assert!(
            schedule(Some(59)).is_err() && schedule(Some(60)).is_ok() && schedule(None).is_ok()
        );
    }
}
