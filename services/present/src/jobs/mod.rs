//! Work in the background.

pub(crate) mod rebuild;
pub(crate) mod sweep;
