//! Every SQL statement of the service.

pub(crate) mod changes;
pub(crate) mod evaluations;
pub(crate) mod outcomes;
pub(crate) mod refusals;
pub(crate) mod rules;
pub(crate) mod schedules;
pub(crate) mod upkeep;
pub(crate) mod waiting;
