//! Accounts at outside services, their schedules and webhooks, and devices: all that comes in lands as
//! records.
//!
//! An account belongs to a person and is synchronised by a plugin, a page at a time. The records of a
//! page, the cursor after it and the job for the next page commit in the transaction that completes the
//! page's job, and each page is fenced by the cursor's version: a crash, or two runs at once, repeat at
//! most a page that nobody has seen. What the source says about waiting is kept with the account and
//! binds every run of it.
//!
//! A webhook is stored, then answered. Devices report with tokens of their own, also late, and what they
//! report twice is taken once.

mod account;
mod accounts;
pub mod api;
mod device;
mod devices;
mod error;
mod facets;
mod handlers;
mod hook;
mod jobs;
mod known_devices;
mod owntracks;
mod records;
mod service;
mod slots;
mod store;
mod webhooks;

pub use account::{Account, AccountState, NewAccount, Trigger};
pub use accounts::AccountChange;
pub use api::{device_routes, routes};
pub use device::{Device, DeviceEvent, DeviceKind, ItemOutcome, ItemStatus};
pub use devices::{DeviceBatch, MOST_EVENTS, NewDevice};
pub use error::ConnectorsError;
pub use service::{Connectors, register};

/// The schema `connectors`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/connectors");
