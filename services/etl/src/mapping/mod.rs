//! Mappings: how a record of a kind becomes entities of the unified model. Declared, not programmed, so
//! that they are data: versioned, read by people, and run again over the history.
//!
//! A [`MappingDocument`] is what people write; [`Mapping`] is it compiled, with all paths read and all
//! limits checked, so that running it only depends on the record. Nothing here does I/O.

mod built_in;
mod compile;
mod document;
mod draft;
mod expression;
mod path;
mod reach;
mod read;
mod template;
#[cfg(test)]
mod tests;
mod transform;

pub(crate) use built_in::built_ins;
pub(crate) use compile::Mapping;
pub(crate) use document::{LONGEST_DOCUMENT, MappingDocument};
pub(crate) use draft::{Mapped, RecordFacts, Refused, deletion, record_key};
pub(crate) use reach::Reach;
pub(crate) use read::{Form, ReadError, read};
