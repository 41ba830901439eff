//! A process that owns a server, for a test to kill, and a folder that its server can enter.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use servers::Launcher;
use tempfile::TempDir;

pub const SUPERVISE: &str = env!("CARGO_BIN_EXE_supervise");

/// The test harness cannot answer `launch-child`; the program beside it can.
pub fn launcher() -> Launcher {
    Launcher::at(SUPERVISE)
}

/// A folder that the unprivileged account of root's servers can pass through.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).expect("its mode");
    folder
}

/// A running `supervise`.
pub struct Parent {
    process: Child,
    _input: ChildStdin,
    pub url: String,
    pub server: i32,
}

impl Parent {
    /// Starts it; returns when its server answers.
    pub fn start(arguments: &[&str], folder: &Path) -> Self {
        let mut process = Command::new(SUPERVISE)
            .arg(arguments[0])
            .arg(folder)
            .args(&arguments[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("supervise starts");
        let output = process.stdout.take().expect("its output");
        let input = process.stdin.take().expect("its input");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line from it");
        let (url, server) = line.trim().rsplit_once(' ').expect("an address and a pid");
        Self { process, _input: input, url: url.to_owned(), server: server.parse().expect("a pid") }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
    }
}

/// Whether the process exists and is no zombie.
pub fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
}

/// Waits for a condition, at most ten seconds.
pub fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
