//! Work in the background.

pub(crate) mod discard;
pub(crate) mod house;
pub(crate) mod push;
pub(crate) mod rebuild;
