//! Every SQL statement of the service.

pub(crate) mod documents;
pub(crate) mod generations;
pub(crate) mod search;
pub(crate) mod vocabulary;
