//! The permanent spine of a node.
//!
//! An immutable event [`ledger`] in Postgres, an event [`bus`] with two adapters, and a durable
//! [`work`] system. Services commit their rows, their events and their jobs in one transaction
//! ([`Tx`]); everything else that happens, happens because of an event or a job. The spine knows no
//! service.

pub mod bus;
pub mod clock;
pub mod database;
pub mod event;
pub mod group;
pub mod http;
pub mod ids;
pub mod ledger;
pub mod problem;
pub mod seal;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
pub mod work;

mod error;
mod nats;
mod node;
mod runtime;
mod wake;

pub use bus::{Filter, Handler, HandlerError, Patience};
pub use clock::Clock;
pub use error::{SpineError, database_is_unavailable, is_away};
pub use event::{Cause, Event, EventData, Retention};
pub use group::{GroupCommit, GroupWrite};
pub use ids::{EventId, JobId, Snowflake, Snowflakes};
pub use ledger::Position;
pub use node::{Spine, SpineSettings};
pub use problem::{Problem, ProblemTold};
pub use runtime::{Roles, Running, Runtime};
pub use transaction::Tx;
pub use work::{
    BatchJob, Claimed, Concurrency, Job, JobContract, JobError, JobOptions, JobRun, Lane,
};
