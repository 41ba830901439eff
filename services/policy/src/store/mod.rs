//! Every SQL statement of the service.

pub(crate) mod audit;
pub(crate) mod circles;
pub(crate) mod consents;
pub(crate) mod devices;
pub(crate) mod people;
pub(crate) mod policies;
pub(crate) mod revision;
