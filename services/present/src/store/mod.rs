//! Every SQL statement of the service.

pub(crate) mod announced;
pub(crate) mod calls;
pub(crate) mod instance;
pub(crate) mod readings;
pub(crate) mod states;
pub(crate) mod turns;
pub(crate) mod zones;
