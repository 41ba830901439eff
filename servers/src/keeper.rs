//! A thread that starts one child process, keeps it running and reaps it.
//!
//! The parent-death signal follows the thread that spawned the child, so the keeper's thread does
//! nothing else and ends only after the child has.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::account::Account;
use crate::{Launcher, ServerError, own_file};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A child that ran this long had no trouble starting.
const SETTLED: Duration = Duration::from_secs(60);

/// How to start the child.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// For messages.
    pub name: &'static str,
    pub launcher: Launcher,
    pub account: Account,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// The child's working folder.
    pub folder: PathBuf,
    /// The child's output is appended here.
    pub log: PathBuf,
    /// What the child gets when this process dies.
    pub parent_death: Signal,
}

impl Launch {
    fn spawn(&self) -> Result<Child, ServerError> {
        let log = own_file::append(&self.log, &self.account)?;
        let errors = log.try_clone().map_err(ServerError::path("open", &self.log))?;
        self.command()
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(ServerError::path("start", &self.program))
    }

    fn command(&self) -> Command {
        let mut command =
            self.launcher.command(&self.program, &self.account, self.parent_death, &self.folder);
        command.args(&self.arguments);
        command
    }

    /// Runs the program to its end, as for a step of the set-up.
    pub fn run_to_end(&self) -> Result<(), ServerError> {
        let start = self.log_length();
        let status = self.spawn()?.wait().map_err(ServerError::path("wait for", &self.program))?;
        if status.success() { Ok(()) } else { Err(self.ended(status, start)) }
    }

    /// The error for a child that has ended; `log_start` is where its output began.
    pub fn ended(&self, status: ExitStatus, log_start: u64) -> ServerError {
        ServerError::Ended {
            program: self.name.to_owned(),
            status,
            log: Some(self.log.clone()),
            last_lines: self.last_lines(log_start),
        }
    }

    /// The last lines of what was written to the log since `start`; empty where it cannot be read.
    pub fn last_lines(&self, start: u64) -> String {
        const AT_MOST: u64 = 4096;
        const LINES: usize = 8;
        let read = || -> std::io::Result<String> {
            let mut file = own_file::read(&self.log, &self.account)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(start.max(length.saturating_sub(AT_MOST))))?;
            let mut bytes = Vec::new();
            file.take(AT_MOST).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = read().unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    /// Length of the log, to know later where a child's own output begins.
    pub fn log_length(&self) -> u64 {
        self.log.symlink_metadata().map_or(0, |metadata| metadata.len())
    }
}

/// A child process under supervision.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Running and not yet reaped, so that its pid is surely still its own.
    child: Option<Pid>,
    /// Set when the thread has nothing more to do.
    finished: Option<Finished>,
    /// Start the child again whenever it ends.
    keep_alive: bool,
    stopping: bool,
    /// A signal for a child that was not there yet.
    unsent: Option<Signal>,
}

#[derive(Debug)]
enum Finished {
    Exited(ExitStatus),
    Failed(Option<ServerError>),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics with the lock held; and if, the state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until `reached` says so, or for `patience` at most. Whether it was reached.
    fn wait(&self, patience: Duration, mut reached: impl FnMut(&State) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), patience, |s| !reached(s));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        reached(&state)
    }
}

impl Keeper {
    /// Starts the child; until [`Keeper::keep_alive`] is called it is not started again.
    pub fn start(launch: Launch) -> Result<Self, ServerError> {
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let name = launch.name;
        let thread = std::thread::Builder::new()
            .name(format!("keeper-{name}"))
            .spawn(move || keep(&launch, &for_thread))
            .map_err(ServerError::system(format!("start a thread for {name}")))?;
        let keeper = Self { shared, thread: Some(thread) };
        keeper
            .shared
            .wait(Duration::MAX, |state| state.child.is_some() || state.finished.is_some());
        if let Some(Finished::Failed(error)) = &mut keeper.shared.lock().finished
            && let Some(error) = error.take()
        {
            return Err(error);
        }
        Ok(keeper)
    }

    /// From now on the child is started again when it ends by itself.
    pub fn keep_alive(&self) {
        self.shared.update(|state| state.keep_alive = true);
    }

    /// The child's process id while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.shared.lock().child.map(Pid::as_raw)
    }

    /// How the child ended, if it has and stays so.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        match &self.shared.lock().finished {
            Some(Finished::Exited(status)) => Some(*status),
            Some(Finished::Failed(_)) => Some(ExitStatus::from_raw(0x7f00)),
            None => None,
        }
    }

    /// Ends the child: `signals` are tried in turn, each with its patience. Whether it has ended.
    pub fn stop(&mut self, signals: &[(Signal, Duration)]) -> bool {
        self.shared.update(|state| state.stopping = true);
        for (signal, patience) in signals {
            self.signal(*signal);
            if self.shared.wait(*patience, |state| state.finished.is_some()) {
                if let Some(thread) = self.thread.take()
                    && thread.join().is_err()
                {
                    tracing::error!("the thread that kept a server panicked");
                }
                return true;
            }
        }
        false
    }

    fn signal(&self, signal: Signal) {
        // Under the lock: the pid cannot be reaped and given to another process meanwhile.
        let mut state = self.shared.lock();
        match state.child {
            Some(pid) => send(pid, signal),
            None => state.unsent = Some(signal),
        }
    }
}

fn send(pid: Pid, signal: Signal) {
    if let Err(error) = kill(pid, signal) {
        tracing::warn!(%pid, %signal, %error, "cannot signal a server");
    }
}

/// The keeper's thread.
fn keep(launch: &Launch, shared: &Shared) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let finished = match launch.spawn() {
            Ok(child) => Finished::Exited(watch(child, shared)),
            Err(error) => Finished::Failed(Some(error)),
        };
        let again = {
            let state = shared.lock();
            state.keep_alive && !state.stopping
        };
        if !again {
            return shared.update(|state| state.finished = Some(finished));
        }
        if started.elapsed() > SETTLED {
            pause = FIRST_PAUSE;
        }
        tracing::error!(
            server = launch.name,
            outcome = ?finished,
            log = %launch.log.display(),
            pause_ms = pause.as_millis(),
            "a server ended by itself; starting it again"
        );
        if shared.wait(pause, |state| state.stopping) {
            return shared.update(|state| state.finished = Some(finished));
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits for the child's end and reaps it.
fn watch(mut child: Child, shared: &Shared) -> ExitStatus {
    let pid = Pid::from_raw(child.id().cast_signed());
    shared.update(|state| {
        state.child = Some(pid);
        if let Some(signal) = state.unsent.take() {
            send(pid, signal);
        }
    });
    // Without reaping: the pid stays the child's until `child` is None.
    while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
    let mut state = shared.lock();
    state.child = None;
    child.wait().unwrap_or_else(|error| {
        tracing::error!(%pid, %error, "cannot learn how a server ended");
        ExitStatus::from_raw(0x7f00)
    })
}
