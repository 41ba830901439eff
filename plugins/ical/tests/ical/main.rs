//! The connector against a scripted host.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod corpus;
mod forms;
mod hostile;
mod sync;
