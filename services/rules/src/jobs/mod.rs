//! The jobs of the service.

mod evaluate;
mod recheck;
mod schedules;
mod upkeep;

pub(crate) use evaluate::{EvaluateEvent, RuleAt};
pub(crate) use recheck::Recheck;
pub(crate) use schedules::RunSchedules;
pub(crate) use upkeep::DropOld;
