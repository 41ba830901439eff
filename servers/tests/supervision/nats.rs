//! NATS.

use std::net::TcpStream;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use servers::{NatsConfig, NatsServer};

use crate::parent::{Parent, folder, is_alive, launcher, wait_for};

fn address(url: &str) -> &str {
    url.strip_prefix("nats://").expect("a nats address")
}

#[test]
fn a_server_answers_and_stops() {
    let folder = folder();
    let config = NatsConfig { launcher: launcher(), ..NatsConfig::new(folder.path()) };
    let server = NatsServer::start(&config).expect("it starts");
    let pid = server.pid().expect("it runs");
    TcpStream::connect(address(&server.url())).expect("it listens");
    server.stop().expect("it stops");
    assert!(!is_alive(pid));
}

#[test]
fn a_killed_server_comes_back_at_the_same_address() {
    let folder = folder();
    let config = NatsConfig { launcher: launcher(), ..NatsConfig::new(folder.path()) };
    let server = NatsServer::start(&config).expect("it starts");
    let first = server.pid().expect("it runs");
    kill(Pid::from_raw(first), Signal::SIGKILL).expect("it can be killed");
    wait_for("another process", || server.pid().is_some_and(|pid| pid != first));
    wait_for("an answer", || TcpStream::connect(address(&server.url())).is_ok());
}

#[test]
fn a_server_ends_with_its_parent() {
    let folder = folder();
    let parent = Parent::start(&["nats"], folder.path());
    let server = parent.server;
    parent.kill();
    wait_for("the end of the server", || !is_alive(server));
}

#[test]
fn a_port_in_use_is_an_error_and_not_somebody_elses_server() {
    let (one, two) = (folder(), folder());
    let first =
        NatsServer::start(&NatsConfig { launcher: launcher(), ..NatsConfig::new(one.path()) })
            .expect("it starts");
    let port = first.url().rsplit(':').next().and_then(|port| port.parse().ok());
    let second = NatsServer::start(&NatsConfig {
        launcher: launcher(),
        port,
        ..NatsConfig::new(two.path())
    });
    assert!(second.is_err(), "{second:?}");
}
