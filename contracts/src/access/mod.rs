//! Who may do what with which thing, what for: the words of every decision, and the port to the
//! policy that decides.
//!
//! An access has a [`Caller`] (who, for whom, what for), an [`Action`] and a [`Resource`]. Reads by id
//! and actions are decided one by one ([`Access::require`]); a query asks once what it may see
//! ([`Access::permitted`]) and puts the answer into its SQL or search filter. Every decision on personal
//! data is written to the audit log, which is on disk before an answer leaves the node.

mod action;
mod caller;
mod port;
mod resource;
mod space;

pub use action::{Action, actions};
pub use caller::{Caller, Principal, Purpose, UnreadablePrincipal};
pub use port::{Access, Decision, Permitted, Policy, Refusal, who_asks};
pub use resource::{Resource, SPECIAL_CATEGORIES};
pub use space::{SpaceId, UnreadableSpace};
