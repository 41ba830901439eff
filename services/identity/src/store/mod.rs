//! Every SQL statement of the service.

pub(crate) mod apps;
pub(crate) mod codes;
pub(crate) mod people;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod tokens;
