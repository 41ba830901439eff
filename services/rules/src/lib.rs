//! Rules: when something happens and this holds, do that.
//!
//! A rule is a [`document`] in YAML or JSON: what triggers it, conditions in CEL, what it does. It is compiled when it is
//! saved ([`engine`]), with limits against expressions that run away. The durable handler `rules.events` finds the rules that an
//! event triggers; the job `rules.evaluate` asks them, looks up what they need through the Sovereign API as their owner,
//! and in one transaction writes what came of it and schedules what is to be done. A rule acts on an event once, and only
//! by making data: events, intentions, jobs. What fired, waits or failed is written with its trace; what was refused in
//! one row an event (`refusals.rs`), and its trace is worked out when somebody asks (`why.rs`).

mod actions;
mod api;
mod assess;
mod audience;
mod commands;
pub mod document;
mod dry_run;
pub mod engine;
mod error;
mod examples;
mod fire;
mod handler;
mod jobs;
mod lookups;
mod outcome;
mod people;
mod refusals;
mod service;
mod store;
mod why;

use std::sync::Arc;

pub use api::routes;
pub use dry_run::DryRun;
pub use error::RulesError;
pub use service::Rules;

/// The schema `rules`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/rules");

/// Adds the service's handler, jobs and schedules.
pub fn register(runtime: spine::Runtime, rules: &Rules) -> spine::Runtime {
    let context = Arc::new(rules.clone());
    runtime
        .handler(handler::EventHandler(rules.clone()))
        .job::<jobs::EvaluateEvent>(Arc::clone(&context))
        .job::<jobs::Recheck>(Arc::clone(&context))
        .job::<jobs::RunSchedules>(Arc::clone(&context))
        .job::<jobs::FoldRefusals>(Arc::clone(&context))
        .job::<jobs::DropOld>(context)
        .cron("rules.run_schedules", "* * * * *", jobs::RunSchedules {})
        .cron("rules.fold_refusals", "* * * * *", jobs::FoldRefusals {})
        .cron("rules.drop_old", "17 3 * * *", jobs::DropOld {})
}
