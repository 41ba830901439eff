//! What callers see.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::account::Account;
use crate::device::Device;
use crate::store::runs::Run;
use crate::{AccountState, DeviceKind};

/// An account of a connector.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// Names it for ever; also the key of its webhooks (`/hooks/{id}/…`).
    pub id: Uuid,
    /// Which plugin synchronises it.
    pub plugin: String,
    /// What people call it.
    pub name: String,
    /// The account of the person whose it is.
    pub owner: String,
    /// Where what comes from it belongs.
    pub space: SpaceId,
    /// What everything from it is labelled with.
    pub labels: Vec<String>,
    /// The plugin's settings.
    #[schema(value_type = Object)]
    pub config: Value,
    /// Seconds between syncs; none: by webhook and by hand only.
    pub schedule: Option<u32>,
    /// The consent that it rests on.
    pub consent: Option<Uuid>,
    /// Whether it is synchronised.
    pub state: AccountState,
    /// How it does.
    pub health: Health,
    /// The version of what people set: its `ETag`.
    pub version: i64,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
}

/// How an account does.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// When the last whole sync ended.
    pub last_sync_at: Option<DateTime<Utc>>,
    /// When the next one begins by its schedule.
    pub next_sync_at: Option<DateTime<Utc>>,
    /// The source asks not to be asked before.
    pub not_before: Option<DateTime<Utc>>,
    /// What went wrong since the last sync.
    pub last_error: Option<String>,
    /// How often in a row it went wrong.
    pub consecutive_failures: i32,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            plugin: account.plugin,
            name: account.name,
            owner: account.owner.to_string(),
            space: account.space,
            labels: account.labels,
            config: account.config,
            schedule: account.schedule,
            consent: account.consent,
            state: account.state,
            health: Health {
                last_sync_at: account.last_sync_at,
                next_sync_at: account.next_sync_at,
                not_before: account.not_before,
                last_error: account.last_error,
                consecutive_failures: account.consecutive_failures,
            },
            version: account.version,
            created_at: account.created_at,
        }
    }
}

/// A run of an account: all pages from a start to its end.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    /// Names it.
    pub id: Uuid,
    /// Why it began: `schedule`, `hand`, `webhook`, `added`, `resync`.
    pub trigger: String,
    /// When.
    pub started_at: DateTime<Utc>,
    /// When it ended; none: it goes on.
    pub finished_at: Option<DateTime<Utc>>,
    /// How many pages it got.
    pub pages: i32,
    /// How many records they had.
    pub records: i64,
    /// `running`, `done`, `failed` (and tried again later), `stopped` (until its owner acts).
    pub outcome: String,
    /// Why it ended badly.
    pub error: Option<String>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self {
            id: run.id,
            trigger: run.trigger,
            started_at: run.started_at,
            finished_at: run.finished_at,
            pages: run.pages,
            records: run.records,
            outcome: run.outcome,
            error: run.error,
        }
    }
}

/// A person's device.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    /// Names it for ever.
    pub id: Uuid,
    /// The account of the person whose it is.
    pub person: String,
    /// What people call it.
    pub name: String,
    /// What kind it is.
    pub kind: DeviceKind,
    /// The version of what people set: its `ETag`.
    pub version: i64,
    /// Since when it is registered.
    pub created_at: DateTime<Utc>,
    /// When it reported last.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// The token with which it reports: told once, when it is registered or gets a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl From<Device> for DeviceView {
    fn from(device: Device) -> Self {
        Self {
            id: device.id,
            person: device.person.to_string(),
            name: device.name,
            kind: device.kind,
            version: device.version,
            created_at: device.created_at,
            last_seen_at: device.last_seen_at,
            token: None,
        }
    }
}
