//! Starts a program under another uid and ties its life to this process, without `unsafe`.
//!
//! Between fork and exec a child has to drop root, ask for a parent-death signal, and check that
//! its parent has not died meanwhile. Doing that in the forked child needs `unsafe` code, so the
//! running program starts itself again with the hidden subcommand `launch-child`, which does the
//! three things in plain code and then becomes the program that was asked for.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Pid, Uid, getppid, setgid, setgroups, setuid};

use crate::account::Account;

/// The hidden subcommand that [`dispatch`] answers.
pub const SUBCOMMAND: &str = "launch-child";

/// Ends a `launch-child` whose program could not be started, as shells do it.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The program that answers `launch-child`: normally the running one.
#[derive(Debug, Clone)]
pub struct Launcher {
    program: PathBuf,
}

impl Launcher {
    /// The running program, which must call [`dispatch`] first thing in `main`.
    ///
    /// Found through `/proc`, so that an upgrade which replaces the file on disk does not mix two
    /// versions.
    pub fn current() -> Self {
        Self { program: PathBuf::from("/proc/self/exe") }
    }

    /// Another program that calls [`dispatch`]; for tests, whose harness cannot.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// A command that runs `program` as `account` from inside `folder`.
    ///
    /// The child gets `parent_death` when the THREAD that spawns it ends. It starts with a nearly
    /// empty environment, no input, and in a process group of its own: a Ctrl-C in the terminal is
    /// for this process, which then stops its servers in order.
    pub(crate) fn command(
        &self,
        program: &Path,
        account: &Account,
        parent_death: Signal,
        folder: &Path,
    ) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(SUBCOMMAND)
            .arg(std::process::id().to_string())
            .arg((parent_death as i32).to_string())
            .arg(account.switch_argument())
            .arg(program)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::null());
        if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// Becomes the program that was asked for when the first argument is `launch-child`.
///
/// Call this first thing in `main`. `None`: go on. `Some`: the launch failed, the reason is on
/// standard error, end with this code.
pub fn dispatch() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(SUBCOMMAND)) {
        return None;
    }
    let Some(request) = Request::read(&mut arguments) else {
        eprintln!("{SUBCOMMAND} is for the program's own use");
        return Some(ExitCode::from(2));
    };
    let program = request.program.clone();
    let error = request.become_program(arguments);
    eprintln!("cannot start {}: {error}", program.display());
    Some(ExitCode::from(match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_EXECUTABLE,
    }))
}

/// What [`Launcher::command`] wrote into the arguments.
struct Request {
    parent: Pid,
    parent_death: Signal,
    switch_to: Option<(Uid, Gid)>,
    program: PathBuf,
}

impl Request {
    fn read(arguments: &mut impl Iterator<Item = OsString>) -> Option<Self> {
        let mut number = || -> Option<i32> { arguments.next()?.to_str()?.parse().ok() };
        let parent = Pid::from_raw(number()?);
        let parent_death = Signal::try_from(number()?).ok()?;
        let switch_to = match arguments.next()?.to_str()? {
            "-" => None,
            ids => {
                let (uid, gid) = ids.split_once(':')?;
                Some((Uid::from_raw(uid.parse().ok()?), Gid::from_raw(gid.parse().ok()?)))
            }
        };
        Some(Self { parent, parent_death, switch_to, program: arguments.next()?.into() })
    }

    /// Returns only when something failed.
    fn become_program(self, arguments: impl Iterator<Item = OsString>) -> io::Error {
        if let Err(error) = self.prepare() {
            return error;
        }
        Command::new(&self.program).args(arguments).exec()
    }

    fn prepare(&self) -> io::Result<()> {
        if let Some((uid, gid)) = self.switch_to {
            setgroups(&[])?;
            setgid(gid)?;
            setuid(uid)?;
        }
        prctl::set_no_new_privs()?;
        umask(Mode::from_bits_truncate(0o077));
        // After the change of uid, which clears it.
        prctl::set_pdeathsig(self.parent_death)?;
        if getppid() != self.parent {
            return Err(io::Error::other("the process that asked for it has ended"));
        }
        Ok(())
    }
}
