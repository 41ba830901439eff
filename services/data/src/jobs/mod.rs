//! What the service does in the background.

mod erase_entities;
mod write_entities;

pub(crate) use erase_entities::Erase;
pub(crate) use write_entities::Write;
