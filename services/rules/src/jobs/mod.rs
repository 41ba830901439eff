//! The jobs of the service.

mod evaluate;
mod fold;
mod recheck;
mod schedules;
mod upkeep;

pub(crate) use evaluate::EvaluateEvent;
pub(crate) use fold::FoldRefusals;
pub(crate) use recheck::Recheck;
pub(crate) use schedules::RunSchedules;
pub(crate) use upkeep::DropOld;
