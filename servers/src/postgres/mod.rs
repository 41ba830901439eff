//! A Postgres server of the node's own: found, set up, started, supervised, stopped.
//!
//! Layout inside the node's data folder:
//!
//! ```text
//! postgres/lock   held (flock) by the process whose server this is
//! postgres/18/    the data folder of one major version
//! postgres/run/   the server's socket, where its path is short enough
//! postgres/log    the server's output since the last start; log.1 ... log.3 are older
//! ```

mod data_folder;
mod home;
mod log;
mod orphan;
mod programs;
mod server;
mod settings;
mod socket_folder;
mod wire;

pub use programs::OLDEST_MAJOR;
pub use server::{PostgresConfig, PostgresServer};
