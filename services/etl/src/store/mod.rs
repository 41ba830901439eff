//! Every SQL statement of the service.

pub(crate) mod accounts;
pub(crate) mod erase;
pub(crate) mod incoming;
pub(crate) mod mappings;
pub(crate) mod processing;
pub(crate) mod records;
pub(crate) mod reruns;
