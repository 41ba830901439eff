//! What the service does in the background.

mod write_entities;

pub(crate) use write_entities::Write;
