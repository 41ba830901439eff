//! Redis or Valkey.

use std::net::TcpStream;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use servers::{RedisConfig, RedisServer};

use crate::parent::{Parent, folder, is_alive, launcher, wait_for};

fn connect(server: &RedisServer) -> std::io::Result<TcpStream> {
    TcpStream::connect(server.url().strip_prefix("redis://").expect("a redis address"))
}

#[test]
fn a_server_answers_comes_back_when_killed_and_stops() {
    let folder = folder();
    let config = RedisConfig { launcher: launcher(), ..RedisConfig::new(folder.path()) };
    let server = RedisServer::start(&config).expect("it starts");
    connect(&server).expect("it listens");
    let first = server.pid().expect("it runs");
    kill(Pid::from_raw(first), Signal::SIGKILL).expect("it can be killed");
    wait_for("another process", || server.pid().is_some_and(|pid| pid != first));
    wait_for("an answer", || connect(&server).is_ok());
    let second = server.pid().expect("it runs");
    server.stop().expect("it stops");
    assert!(!is_alive(second));
}

#[test]
fn a_server_ends_with_its_parent() {
    let folder = folder();
    let parent = Parent::start(&["redis"], folder.path());
    let server = parent.server;
    parent.kill();
    wait_for("the end of the server", || !is_alive(server));
}
