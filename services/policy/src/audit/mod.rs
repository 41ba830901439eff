//! The audit log: who accessed what, what for, and the policy that decided.
//!
//! Every decision on personal data and every refusal is an [`Entry`], queued by `decide` ([`decided`]) and
//! written in groups ([`queue`], [`writer`]); `settled` waits for the disk. A list is one entry for the query, which
//! names the spaces that it may see, and one for each other person whose own space is among them; its
//! rows are not written one by one. Reads of what is public are not written; of refusals to nobody in
//! particular about nobody in particular the first of each minute, and how many more there were
//! ([`strangers`]).
//!
//! The entries become the leaves of a Merkle log ([`sequence`]) as Certificate Transparency has it
//! (RFC 6962), in tiles (C2SP tlog-tiles), whose head is signed at least each minute that brings entries
//! and each thousand of them (C2SP tlog-checkpoint and signed-note). [`verify`] proves that nothing was
//! changed, removed or reordered since. The newest head is kept in a file outside of the database
//! ([`witness`]), so that whoever can change the database alone can neither cut off the end nor put another
//! log in its place. Whoever has the machine's files and key too can sign another history; those who keep a
//! checkpoint elsewhere (`GET /audit/checkpoint`, `sovereign audit verify --against`) can still tell.

mod decided;
mod entry;
mod key;
mod queue;
mod sequence;
mod strangers;
mod tree;
mod verify;
mod witness;
mod writer;

pub(crate) use decided::{Decided, OVERFLOW};
pub(crate) use entry::Entry;
pub(crate) use key::LogKey;
pub(crate) use queue::Queue;
pub(crate) use sequence::sequence;
pub(crate) use strangers::Strangers;
pub(crate) use verify::verify;
pub use verify::{Finding, Report};
pub(crate) use witness::Witness;
pub(crate) use writer::write;
