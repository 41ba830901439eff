//! `cargo xtask up` in a process of its own: what the end-to-end tests run on.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::family::{self, Member};
use super::{NATS_LABEL, POSTGRES_LABEL, REDIS_LABEL};
use crate::node::PROGRAM_VARIABLE;
use crate::progress;
use crate::stack::{DATABASE_VARIABLE, NATS_VARIABLE, REDIS_VARIABLE, Scratch};

/// The program's name, as the system shows it.
const NODE: &str = "sovereign";

/// A running stack, started like anybody's, on data that goes with it.
pub struct Up {
    process: Process,
    found: Addresses,
    // Goes after the processes that use it.
    _scratch: Scratch,
}

/// Where the parts of the stack are.
struct Addresses {
    postgres: String,
    nats: String,
    redis: String,
    node: String,
}

impl Up {
    /// Starts it with this program as its node, and waits until that is ready.
    pub fn start(program: &Path) -> anyhow::Result<Self> {
        progress::step("cargo xtask up");
        let scratch = Scratch::create()?;
        // Not the file's name: cargo may have built this program anew since it was started.
        let child = Command::new("/proc/self/exe")
            .args(["up", "--data"])
            .arg(scratch.path())
            .env(PROGRAM_VARIABLE, program)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start `cargo xtask up`")?;
        let mut process = Process { child };
        let output = process.child.stdout.take().context("`cargo xtask up` has no output")?;
        let mut lines = BufReader::new(output).lines();
        let found = Addresses::read(&mut lines)?;
        // Whoever does not read stops the writer.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self { process, found, _scratch: scratch })
    }

    /// What the tests read to find it.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            (DATABASE_VARIABLE, self.found.postgres.clone()),
            (NATS_VARIABLE, self.found.nats.clone()),
            (REDIS_VARIABLE, self.found.redis.clone()),
            ("SOVEREIGN_TEST_BUS", "jetstream".to_owned()),
            ("SOVEREIGN_TEST_UP", self.found.node.clone()),
        ]
    }

    /// Stops it as a service manager does (SIGTERM), and expects that everything ends in order.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let family = self.family()?;
        let status = self.process.stop()?;
        expect_the_end(status, &family)
    }

    /// Stops it as Ctrl-C in a terminal does, which signals it and its node alike, and expects that
    /// everything ends in order.
    pub fn interrupt(mut self) -> anyhow::Result<()> {
        let family = self.family()?;
        let node = family.iter().filter(|one| one.name == NODE).map(|one| one.pid);
        for pid in std::iter::once(self.process.pid()).chain(node) {
            kill(pid, Signal::SIGINT).context("`cargo xtask up` cannot be interrupted")?;
        }
        let status = self.process.wait()?;
        expect_the_end(status, &family)
    }

    /// All its processes.
    fn family(&self) -> anyhow::Result<Vec<Member>> {
        let family = family::below(self.process.pid()).context("cannot list processes")?;
        for names in
            [&[NODE][..], &["postgres"], &["nats-server"], &["redis-server", "valkey-server"]]
        {
            if !family.iter().any(|one| names.contains(&one.name.as_str())) {
                bail!("`cargo xtask up` runs no {}", names.join(" or "));
            }
        }
        Ok(family)
    }
}

fn expect_the_end(status: ExitStatus, family: &[Member]) -> anyhow::Result<()> {
    if !status.success() {
        bail!("`cargo xtask up` was asked to stop and ended with {status}");
    }
    let left: Vec<String> = family
        .iter()
        .filter(|one| one.is_alive())
        .map(|one| format!("{} ({})", one.name, one.pid))
        .collect();
    if !left.is_empty() {
        bail!("`cargo xtask up` was asked to stop and left behind: {}", left.join(", "));
    }
    Ok(())
}

/// The process, which does not outlive this.
struct Process {
    child: Child,
}

impl Process {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        if self.child.try_wait()?.is_none() {
            kill(self.pid(), Signal::SIGTERM).context("`cargo xtask up` cannot be stopped")?;
        }
        self.wait()
    }

    fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.wait().context("cannot wait for `cargo xtask up`")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error:#}");
        }
    }
}

impl Addresses {
    /// Reads what `up` and its node print until the node is ready.
    fn read(lines: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<Self> {
        let (mut postgres, mut nats, mut redis) = (None, None, None);
        for line in lines {
            let line = line.context("cannot read what `cargo xtask up` prints")?;
            if let Some(url) = line.strip_prefix(POSTGRES_LABEL) {
                postgres = Some(url.to_owned());
            } else if let Some(url) = line.strip_prefix(NATS_LABEL) {
                nats = Some(url.to_owned());
            } else if let Some(url) = line.strip_prefix(REDIS_LABEL) {
                redis = Some(url.to_owned());
            } else if let Some(origin) = line.trim_start().strip_prefix("Open ") {
                let node = origin.trim().to_owned();
                return Ok(Self {
                    postgres: postgres.context("`cargo xtask up` names no PostgreSQL")?,
                    nats: nats.context("`cargo xtask up` names no NATS")?,
                    redis: redis.context("`cargo xtask up` names no Redis")?,
                    node,
                });
            }
        }
        bail!("`cargo xtask up` ended before its node was ready")
    }
}
