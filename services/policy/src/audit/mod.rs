//! The audit log: who accessed what, what for, and the policy that decided.
//!
//! Every decision on personal data and every refusal is an [`Entry`], queued by `decide` and written in
//! groups ([`queue`], [`writer`]); `settled` waits for the disk. A list is one entry for the query, which
//! names the spaces that it may see, and one for each other person whose own space is among them; its
//! rows are not written one by one. Reads of what is public are not written.
//!
//! The entries become the leaves of a Merkle log ([`sequence`]) as Certificate Transparency has it
//! (RFC 6962), in tiles (C2SP tlog-tiles), whose head is signed at least each minute that brings entries
//! and each thousand of them (C2SP tlog-checkpoint and signed-note). [`verify`] proves that nothing was
//! changed, removed or reordered since. Whoever can change the database and holds the node's key file can
//! sign another history; those who keep a checkpoint (`GET /audit/checkpoint`) can still tell.

mod entry;
mod key;
mod queue;
mod sequence;
mod tree;
mod verify;
mod writer;

pub(crate) use entry::{Entry, OVERFLOW};
pub(crate) use key::LogKey;
pub(crate) use queue::Queue;
pub(crate) use sequence::sequence;
pub(crate) use verify::verify;
pub use verify::{Finding, Report};
pub(crate) use writer::write;
