//! Starts a Postgres, a NATS or a Redis server in a folder, prints its address and its process id, and
//! stops it when standard input closes. The parent that the tests kill.

use std::io::Read;
use std::process::ExitCode;

use servers::{
    NatsConfig, NatsServer, PostgresConfig, PostgresServer, RedisConfig, RedisServer, ServerError,
    launch,
};

fn main() -> ExitCode {
    if let Some(code) = launch::dispatch() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["postgres", folder] => supervise_postgres(PostgresConfig::new(folder)),
        ["postgres", folder, programs] => supervise_postgres(PostgresConfig {
            programs: Some(programs.into()),
            ..PostgresConfig::new(folder)
        }),
        ["nats", folder] => supervise_nats(&NatsConfig::new(folder)),
        ["redis", folder] => supervise_redis(&RedisConfig::new(folder)),
        _ => {
            eprintln!("usage: supervise postgres FOLDER [PROGRAMS] | supervise nats|redis FOLDER");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn supervise_postgres(config: PostgresConfig) -> Result<(), ServerError> {
    let server = PostgresServer::start(&config)?;
    announce(&server.url(), server.pid());
    server.stop()
}

fn supervise_nats(config: &NatsConfig) -> Result<(), ServerError> {
    let server = NatsServer::start(config)?;
    announce(&server.url(), server.pid());
    server.stop()
}

fn supervise_redis(config: &RedisConfig) -> Result<(), ServerError> {
    let server = RedisServer::start(config)?;
    announce(&server.url(), server.pid());
    server.stop()
}

/// Prints where the server is and returns when nobody holds our standard input any more.
fn announce(url: &str, pid: Option<i32>) {
    println!("{url} {}", pid.unwrap_or_default());
    let mut rest = Vec::new();
    if let Err(error) = std::io::stdin().read_to_end(&mut rest) {
        eprintln!("cannot read standard input: {error}");
    }
}
