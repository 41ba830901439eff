//! What an entity is: decisions without I/O.

mod contribution;
mod form;
mod version;

pub(crate) use contribution::{Contribution, Said, together};
pub(crate) use form::{fingerprint, in_form, key_hash, patch};
pub(crate) use version::{Content, Version, differences};
