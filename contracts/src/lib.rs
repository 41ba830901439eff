//! What the services of a node say to each other, and nothing that any of them does.
//!
//! Services never know each other. They meet in [`events`] and in [`jobs`] that one schedules and
//! another performs; they read each other through the Sovereign API ([`api`]), where each access is
//! decided by the policy ([`access`]). What comes in from outside takes the shape of the unified
//! [`model`]. Plugins are reached through the ports in [`plugins`].
//!
//! Everything here is a contract: only ever added to.

pub mod access;
pub mod api;
pub mod events;
pub mod input;
pub mod jobs;
pub mod model;
pub mod plugins;
#[cfg(feature = "testing")]
pub mod testing;
