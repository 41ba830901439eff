//! The command line.

mod api;
mod audit;
mod backend;
mod config_command;
mod events;
mod hosts;
mod jobs;
mod output;
mod plugin;
mod user;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::{log, start};

use output::Output;

/// A node of the fediverse for a household or a community.
///
/// Without a command it starts the node.
#[derive(Debug, Parser)]
#[command(name = "sovereign", version)]
struct Line {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    serve: ServeOptions,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Common {
    /// Read this configuration file instead of sovereign.toml in the working folder
    #[arg(long, global = true, env = "SOVEREIGN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep the node's data in this folder
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Default, Args)]
struct ServeOptions {
    /// The parts that this process runs: edge, workers, relay (default: all)
    #[arg(long, value_name = "ROLES")]
    roles: Option<String>,
    /// Listen on this address
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The public address of the node, fixed at its first start
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the node (the default)
    Serve(ServeOptions),
    /// Make, list and delete people's accounts
    #[command(subcommand)]
    User(user::Command),
    /// See jobs, retry dead ones, pause and resume
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// See what happened, and have it handled again
    #[command(subcommand)]
    Events(events::Command),
    /// Block and unblock other servers
    #[command(subcommand)]
    Hosts(hosts::Command),
    /// Call the Sovereign API from this machine
    Api(api::Command),
    /// Install, grant, upgrade and remove plugins, and try new ones
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Prove that the audit log is as it was written
    #[command(subcommand)]
    Audit(audit::Command),
    /// See the configuration
    #[command(subcommand)]
    Config(config_command::Command),
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let line = Line::parse();
    match act(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sovereign: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

fn act(line: Line) -> anyhow::Result<()> {
    let Line { common, serve, command } = line;
    let serve = match &command {
        Some(Command::Serve(options)) => options,
        _ => &serve,
    };
    let config = Config::load(common.config.as_deref(), overrides(&common, serve))?;
    let output = Output::new(common.json);
    match command {
        None | Some(Command::Serve(_)) => {
            let mut config = config;
            if common.json {
                config.log.format = crate::config::LogFormat::Json;
            }
            log::start(&config.log)?;
            start::serve(config)
        }
        Some(Command::Config(command)) => config_command::run(command, &config, &output),
        Some(Command::User(command)) => {
            log::start_quietly()?;
            backend::run(config, async |backend| user::run(command, backend, &output).await)
        }
        Some(Command::Jobs(command)) => {
            log::start_quietly()?;
            backend::run(config, async |backend| jobs::run(command, backend, &output).await)
        }
        Some(Command::Hosts(command)) => {
            log::start_quietly()?;
            backend::run(config, async |backend| hosts::run(command, backend, &output).await)
        }
        Some(Command::Api(command)) => {
            log::start_quietly()?;
            backend::run(config, async |backend| api::run(command, backend, &output).await)
        }
        Some(Command::Plugin(plugin::Command::Try(arguments))) => {
            log::start_quietly()?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(plugin::try_out(&arguments, &output))
        }
        Some(Command::Plugin(command)) => {
            log::start_quietly()?;
            backend::run(config, async |backend| plugin::run(command, backend, &output).await)
        }
        Some(Command::Audit(command)) => {
            log::start_quietly()?;
            backend::run(config, async |backend| audit::run(command, backend, &output).await)
        }
        Some(Command::Events(command)) => {
            log::start_quietly()?;
            backend::run(config, async |backend| events::run(command, backend, &output).await)
        }
    }
}

/// What the command line says over the configuration.
fn overrides(common: &Common, serve: &ServeOptions) -> Value {
    let mut values = Map::new();
    if let Some(data) = &common.data {
        values.insert("data".to_owned(), json!(data));
    }
    if let Some(roles) = &serve.roles {
        values.insert("roles".to_owned(), json!(roles));
    }
    if let Some(origin) = &serve.origin {
        values.insert("origin".to_owned(), json!(origin));
    }
    if let Some(listen) = serve.listen {
        values.insert("http".to_owned(), json!({ "listen": listen }));
    }
    Value::Object(values)
}

/// An error with what caused it, as one sentence.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        // Some errors repeat their source's words.
        if !text.ends_with(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Line::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_and_takes_the_same_options() {
        let bare = Line::try_parse_from(["sovereign", "--listen", "127.0.0.1:1"]).unwrap();
        assert!(bare.command.is_none());
        let named = Line::try_parse_from(["sovereign", "serve", "--roles", "edge,relay"]).unwrap();
        let Some(Command::Serve(options)) = &named.command else { panic!("not serve") };
        assert_eq!(overrides(&named.common, options), json!({ "roles": "edge,relay" }));
    }

    #[test]
    fn a_cause_that_repeats_itself_is_said_once() {
        let error = anyhow::anyhow!("gone").context("cannot read: gone");
        assert_eq!(sentence(&error), "cannot read: gone");
    }
}
