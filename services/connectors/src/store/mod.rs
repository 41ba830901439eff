//! Every SQL statement of the service.

pub(crate) mod accounts;
pub(crate) mod devices;
pub(crate) mod reports;
pub(crate) mod runs;
pub(crate) mod sync;
pub(crate) mod webhooks;
