//! Who may do what with which data, what for, and the proof of it.
//!
//! Every access is decided here, in memory, by Cedar policies: those of the program ([`engine`]'s
//! `builtin`) and the household's own. Who people are, which spaces they share, what they consent to and
//! which devices are theirs is data; a change of it is in force in this process before the change is
//! answered, and in the others as soon as they hear of its event ([`follow`]). What concerns personal
//! data, and every refusal, is written to an audit log that nobody can change unnoticed ([`audit`]).

mod api;
mod audit;
mod change;
mod engine;
mod error;
mod follow;
mod jobs;
mod learn;
mod routine;
mod service;
mod store;

pub use api::routes;
pub use audit::{Finding, Report};
pub(crate) use engine::{PersonState, Role};
pub use error::PolicyError;
pub use routine::Routine;
pub use service::{PolicyService, PolicySettings};

/// The schema `policy`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/policy");

/// Adds the service's jobs, event handlers and schedules to what a process runs.
pub fn register(runtime: spine::Runtime, service: &PolicyService) -> spine::Runtime {
    runtime
        .job::<jobs::SequenceAudit>(std::sync::Arc::new(service.clone()))
        .cron("policy.sequence_audit", "* * * * *", jobs::SequenceAudit {})
        .handler(learn::People::new(service.clone()))
        .handler(learn::Devices::new(service.clone()))
}
