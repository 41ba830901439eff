//! Outside services as their makers document them, on loopback: what the real ones would see and say,
//! for the same code that reaches the real ones.

mod graph;
mod pages;
mod server;
mod twilio;

pub use graph::{Graph, GraphResource};
pub use pages::Pages;
pub use twilio::{SentSms, Twilio};
