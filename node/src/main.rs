//! The program `sovereign`: a node, and the commands that look after it.

mod cli;
mod config;
mod edge;
mod log;
mod platform;
mod policy;
mod services;
mod start;
mod store;

use std::process::ExitCode;

/// Returns memory to the system soon: a node idles most of the day.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A copy of this program that becomes one of the node's servers: see `servers::launch`.
    if let Some(code) = servers::launch::dispatch() {
        return code;
    }
    cli::run()
}
