//! Finding the server's programs.
//!
//! In this order: the configured folder, the pinned bundle, the PATH, the system's usual folders.
//! Data that exists decides which major version is wanted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::Signal;

use super::server::PostgresConfig;
use crate::account::Account;
use crate::{ServerError, bundle};

/// The oldest major version that the node's schema works with.
pub const OLDEST_MAJOR: u32 = 15;

/// Folders with a version in their name, where systems put the programs.
const SYSTEM_FOLDERS: [(&str, &str); 3] =
    [("/usr/lib/postgresql", "bin"), ("/usr/libexec", ""), ("/usr", "bin")];

/// A folder with the programs of one version.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    folder: PathBuf,
    major: u32,
}

impl Programs {
    pub fn major(&self) -> u32 {
        self.major
    }

    pub fn server(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    pub fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    /// Looks at a folder by running its server for the version, as the account that will run it.
    fn probe(
        folder: PathBuf,
        config: &PostgresConfig,
        account: &Account,
        working_folder: &Path,
    ) -> Result<Self, String> {
        let server = folder.join("postgres");
        for program in [&server, &folder.join("initdb")] {
            if !program.is_file() {
                return Err(format!("it has no {}", program.display()));
            }
        }
        let output = config
            .launcher
            .command(&server, account, Signal::SIGKILL, working_folder)
            .arg("--version")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(format!(
                "user {} cannot run it ({words}); its files and the folders above them must be \
                 readable by everybody",
                account.name()
            ));
        }
        let version = String::from_utf8_lossy(&output.stdout).into_owned();
        let major =
            major_of(&version).ok_or_else(|| format!("{version:?} does not name a version"))?;
        if major < OLDEST_MAJOR {
            return Err(format!("it is PostgreSQL {major}, and {OLDEST_MAJOR} is the oldest"));
        }
        Ok(Self { folder, major })
    }
}

/// `postgres (PostgreSQL) 18.6` and `... 19beta1 (Debian ...)` name 18 and 19.
fn major_of(version: &str) -> Option<u32> {
    let number = version.strip_prefix("postgres (PostgreSQL) ")?;
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

/// Finds programs that fit the data, whose major versions are `majors` (newest first).
pub(super) fn find(
    config: &PostgresConfig,
    account: &Account,
    working_folder: &Path,
    majors: &[u32],
) -> Result<Programs, ServerError> {
    let probe = |folder: PathBuf| Programs::probe(folder, config, account, working_folder);
    let mut found = Vec::new();
    let mut rejected = Vec::new();
    if let Some(folder) = &config.programs {
        found.push(
            probe(folder.clone())
                .map_err(|reason| ServerError::Programs { folder: folder.clone(), reason })?,
        );
    } else {
        for folder in candidates() {
            match probe(folder.clone()) {
                Ok(programs) if majors.is_empty() || majors.first() == Some(&programs.major) => {
                    return Ok(programs);
                }
                Ok(programs) => found.push(programs),
                Err(reason) => rejected.push(format!("{}: {reason}", folder.display())),
            }
        }
    }
    // None fits the newest data: older data, set aside in its own folder, does not count.
    match (found.first(), majors.first()) {
        (None, _) => Err(ServerError::NoPostgres { oldest: OLDEST_MAJOR, rejected }),
        (Some(programs), None) => Ok(programs.clone()),
        (Some(programs), Some(major)) if programs.major == *major => Ok(programs.clone()),
        (Some(_), Some(major)) => Err(ServerError::WrongMajor {
            folder: working_folder.join(major.to_string()),
            data: *major,
            found: versions(&found),
        }),
    }
}

fn versions(found: &[Programs]) -> String {
    let majors: BTreeSet<u32> = found.iter().map(Programs::major).collect();
    majors.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// Folders that may hold the programs, in the order of preference.
fn candidates() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = bundle::POSTGRES.find().into_iter().collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    for folder in std::env::split_paths(&path) {
        // Systems link `postgres` alone; its companions are where it really is.
        if let Ok(server) = folder.join("postgres").canonicalize()
            && let Some(folder) = server.parent()
        {
            folders.push(folder.to_owned());
        }
    }
    folders.extend(system_folders());
    let mut seen = BTreeSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

/// The system's usual folders that exist, newest version first.
fn system_folders() -> Vec<PathBuf> {
    let mut folders: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, inside) in SYSTEM_FOLDERS {
        let Ok(entries) = Path::new(parent).read_dir() else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let version = name
                .trim_start_matches("postgresql")
                .trim_start_matches("pgsql")
                .trim_start_matches('-');
            if let Ok(major) = version.parse() {
                folders.push((major, entry.path().join(inside)));
            }
        }
    }
    folders.push((0, PathBuf::from("/usr/local/pgsql/bin")));
    folders.retain(|(_, folder)| folder.join("postgres").is_file());
    folders.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    folders.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::major_of;

    #[test]
    fn versions_are_read_from_what_the_server_says() {
        assert_eq!(major_of("postgres (PostgreSQL) 18.6\n"), Some(18));
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major_of("something else 18"), None);
    }
}
