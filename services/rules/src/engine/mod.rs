//! The engine: documents become compiled rules, an index finds those that an event concerns, and conditions are
//! evaluated. Pure: no database, no clock, no waiting.
//!
//! CEL has no cost meter. Here an expression is looked over before it is parsed ([`limits`]); its form is bounded when
//! it is compiled, loops are nested twice at most, and a meter is woven into it that ends it after so many steps or
//! milliseconds; what it sees of an event is bounded; and it runs on a thread of its own ([`worker`]).

mod action;
mod compile;
mod evaluate;
mod event;
mod explain;
mod functions;
mod guard;
mod index;
pub mod limits;
mod lookup;
mod meter;
mod paths;
mod plan;
mod render;
mod rule;
mod run;
mod template;
mod trace;
mod value;
pub mod worker;

pub use action::{Planned, PlannedEntity, PlannedMessage};
pub use compile::ExpressionError;
pub use evaluate::{Evaluation, Explain, Held, Situation, Verdict, evaluate};
pub use event::EventDocument;
pub use guard::Guard;
pub use index::RuleSet;
pub use lookup::{Found, Lookup, Lookups, Request};
pub use rule::{Identity, Rule, RuleRefused};
pub use trace::{ActionTrace, Clause, Reads, Trace};
