//! Native servers (Postgres, NATS, Redis) started and supervised as child processes.
//!
//! The node brings its own database: a newcomer installs nothing. This crate finds a server's
//! programs ([`bundle`], [`postgres`]), starts them under the right uid ([`account`],
//! [`launch`]), keeps them running while the node lives, and lets them stop cleanly when it does
//! not: a server that outlives its node would hold the data folder.
//!
//! Everything here blocks and knows neither the node nor an async runtime, so that the project's
//! tasks can use it and stay quick to build. Linux only: parent-death signals and `/proc`.

pub mod account;
pub mod bundle;
mod error;
mod keeper;
pub mod launch;
mod loopback;
pub mod nats;
mod own_file;
pub mod postgres;
pub mod redis;

pub use error::ServerError;
pub use launch::Launcher;
pub use nats::{NatsConfig, NatsServer};
pub use postgres::{PostgresConfig, PostgresServer};
pub use redis::{RedisConfig, RedisServer};
