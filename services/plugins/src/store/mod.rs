//! Every SQL statement of the service.

pub(crate) mod components;
pub(crate) mod health;
pub(crate) mod plugins;
pub(crate) mod secrets;
pub(crate) mod state;
pub(crate) mod versions;
