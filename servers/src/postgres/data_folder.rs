//! The server's data folder: one for each major version.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use super::programs::Programs;
use super::server::PostgresConfig;
use crate::account::Account;
use crate::keeper::Launch;
use crate::{ServerError, own_file};

/// A data folder whose major version is known to match the programs.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
}

impl DataFolder {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Major versions that have a data folder here, newest first.
    pub fn majors_in(folder: &Path) -> Result<Vec<u32>, ServerError> {
        let entries = folder.read_dir().map_err(ServerError::path("list", folder))?;
        let mut majors = Vec::new();
        for entry in entries {
            let entry = entry.map_err(ServerError::path("list", folder))?;
            majors.extend(entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        majors.sort_unstable_by(|left, right| right.cmp(left));
        Ok(majors)
    }

    /// The folder for the programs' major version, created where it is missing.
    pub fn open_or_create(
        folder: &Path,
        programs: &Programs,
        account: &Account,
        config: &PostgresConfig,
        log: &Path,
    ) -> Result<Self, ServerError> {
        let path = folder.join(programs.major().to_string());
        if path.exists() {
            check_version(&path, programs.major(), account)?;
            return Ok(Self { path });
        }
        // Created under another name, so that one whose creation was cut short is never used.
        let unfinished = folder.join("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(ServerError::path("remove", &unfinished))?;
        }
        tracing::info!(folder = %path.display(), "creating the database's data folder");
        Launch {
            name: "initdb",
            launcher: config.launcher.clone(),
            account: account.clone(),
            program: programs.initdb(),
            arguments: initdb_arguments(&unfinished, programs.major()),
            folder: folder.to_owned(),
            log: log.to_owned(),
            parent_death: Signal::SIGKILL,
        }
        .run_to_end()?;
        check_version(&unfinished, programs.major(), account)?;
        fs::rename(&unfinished, &path).map_err(ServerError::path("rename", &unfinished))?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(ServerError::path("write out", folder))?;
        Ok(Self { path })
    }
}

/// Where glibc keeps the locale whose letters are those of Unicode.
const UNICODE_LETTERS: &str = "/usr/lib/locale/C.utf8";

/// UTF-8 with an order that does not depend on the system's libraries, since an index whose order
/// changes under it is a broken index. What a letter is `pg_trgm` asks the system: in the locale C none
/// beyond ASCII is one, and nothing misspelt in another script would be found. Nobody but the account gets
/// at the socket, so the socket needs no password.
fn initdb_arguments(folder: &Path, major: u32) -> Vec<String> {
    let mut arguments = vec![
        format!("--pgdata={}", folder.display()),
        "--encoding=UTF8".to_owned(),
        "--no-locale".to_owned(),
        "--username=sovereign".to_owned(),
        "--auth-local=trust".to_owned(),
        "--auth-host=reject".to_owned(),
        "--no-instructions".to_owned(),
    ];
    if Path::new(UNICODE_LETTERS).is_dir() {
        arguments.push("--lc-ctype=C.UTF-8".to_owned());
    }
    if major >= 17 {
        arguments.push("--locale-provider=builtin".to_owned());
        arguments.push("--builtin-locale=C.UTF-8".to_owned());
    }
    if major < 18 {
        arguments.push("--data-checksums".to_owned()); // The default since 18.
    }
    arguments
}

fn check_version(folder: &Path, expected: u32, account: &Account) -> Result<(), ServerError> {
    let damaged = |reason: String| ServerError::DataFolder { folder: folder.to_owned(), reason };
    let version = own_file::read_text(&folder.join("PG_VERSION"), account)
        .map_err(|error| damaged(format!("cannot be read: {error}")))?;
    match version.trim().parse::<u32>() {
        Ok(major) if major == expected => Ok(()),
        Ok(major) => Err(ServerError::WrongMajor {
            folder: folder.to_owned(),
            data: major,
            found: expected.to_string(),
        }),
        Err(_) => Err(damaged(format!("says {:?}", version.trim()))),
    }
}
