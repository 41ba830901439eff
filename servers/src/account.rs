//! Which user a server runs as, and what that user can get at.
//!
//! PostgreSQL refuses to run as root, so a node that root started gives its server an
//! unprivileged account. Everybody else's servers run as themselves.

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User, fchown};

use crate::{ServerError, own_file};

/// The account of root's servers, made where it is missing. It must have a name: `initdb` looks it
/// up.
const OWN: &str = "sovereign";
/// The account instead, where none can be made: at most other databases run under it. Never
/// `nobody`, the account of all kinds of daemons, each of which could then read everything.
const INSTEAD: &str = "postgres";

/// A user that a server runs as.
#[derive(Debug, Clone)]
pub struct Account {
    uid: Uid,
    gid: Gid,
    name: String,
}

impl Account {
    /// The user of this process.
    pub fn current() -> Self {
        Self::of_ids(Uid::effective(), Gid::effective())
    }

    /// The account for a server whose files are, or will be, in `folder`.
    ///
    /// Files that exist decide: their owner goes on owning them, whatever accounts have been
    /// created since.
    pub fn for_files_in(folder: &Path) -> Result<Self, ServerError> {
        let current = Self::current();
        let owner = match folder.metadata() {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(ServerError::path("look at", folder)(error)),
        };
        match owner {
            Some(owner) if owner.uid() == current.uid.as_raw() && !current.uid.is_root() => {
                Ok(current)
            }
            Some(owner) if owner.uid() != 0 && current.uid.is_root() => {
                Ok(Self::of_ids(Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid())))
            }
            Some(owner) if !current.uid.is_root() => Err(ServerError::ForeignData {
                folder: folder.to_owned(),
                owner: owner.uid(),
                current: current.uid.as_raw(),
            }),
            _ if current.uid.is_root() => Self::unprivileged(),
            _ => Ok(current),
        }
    }

    /// The account that root's servers run under.
    fn unprivileged() -> Result<Self, ServerError> {
        Self::choose(Self::named, || make(OWN))
    }

    /// Chooses among what can be found and made.
    fn choose(
        find: impl Fn(&str) -> Result<Option<Self>, ServerError>,
        make_own: impl FnOnce() -> Result<(), String>,
    ) -> Result<Self, ServerError> {
        if let Some(own) = find(OWN)? {
            return Ok(own);
        }
        let made = make_own();
        // Looked up even so: another node may have made it at the same moment.
        if let Some(own) = find(OWN)? {
            if made.is_ok() {
                tracing::info!("made the system account {OWN}, which the database server runs as");
            }
            return Ok(own);
        }
        let reason = made.err().unwrap_or_else(|| "it cannot be found afterwards".to_owned());
        let Some(instead) = find(INSTEAD)? else { return Err(ServerError::NoAccount { reason }) };
        tracing::warn!(
            reason,
            "the system account {OWN} cannot be made; the database server runs as {INSTEAD}"
        );
        Ok(instead)
    }

    /// The account with this name, unless it is root under another one.
    fn named(name: &str) -> Result<Option<Self>, ServerError> {
        let user = User::from_name(name)
            .map_err(ServerError::system(format!("look up the user {name}")))?;
        let user = user.filter(|user| !user.uid.is_root());
        Ok(user.map(|user| Self { uid: user.uid, gid: user.gid, name: user.name }))
    }

    fn of_ids(uid: Uid, gid: Gid) -> Self {
        // A uid without an entry is normal in containers.
        let name = User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |u| u.name);
        Self { uid, gid, name }
    }

    /// The account's name, or its uid where it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account's number.
    pub fn uid(&self) -> u32 {
        self.uid.as_raw()
    }

    /// Whether this process has to change its uid to become this account.
    pub fn is_other(&self) -> bool {
        self.uid != Uid::effective()
    }

    /// `uid:gid`, or `-` for "stay who you are".
    pub(crate) fn switch_argument(&self) -> String {
        if self.is_other() { format!("{}:{}", self.uid, self.gid) } else { "-".to_owned() }
    }

    /// Gives a folder to the account, where it is another one than ours.
    pub(crate) fn own(&self, path: &Path) -> Result<(), ServerError> {
        if self.is_other() {
            let folder = own_file::folder(path).map_err(ServerError::path("open", path))?;
            fchown(folder.as_fd(), Some(self.uid), Some(self.gid))
                .map_err(ServerError::path(&format!("give to user {}", self.name), path))?;
        }
        Ok(())
    }

    /// The outermost ancestor of `path` (itself included) that the account cannot enter.
    ///
    /// Judged by mode bits; a server has no groups but its own.
    pub(crate) fn shut_out_by(&self, path: &Path) -> Result<Option<PathBuf>, ServerError> {
        let path = path.canonicalize().map_err(ServerError::path("look at", path))?;
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        for ancestor in ancestors {
            let metadata = ancestor.metadata().map_err(ServerError::path("look at", ancestor))?;
            if !self.can_enter(&metadata) {
                return Ok(Some(ancestor.to_owned()));
            }
        }
        Ok(None)
    }

    fn can_enter(&self, folder: &Metadata) -> bool {
        let bit = if self.uid.is_root() || folder.uid() == self.uid.as_raw() {
            0o100
        } else if folder.gid() == self.gid.as_raw() {
            0o010
        } else {
            0o001
        };
        folder.mode() & bit != 0
    }
}

/// Makes a system account that nobody can log in with. What went wrong, if anything did.
fn make(name: &str) -> Result<(), String> {
    let output = Command::new("useradd")
        .args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"])
        .args(["--shell", "/usr/sbin/nologin", "--comment", "Sovereign database server", name])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("useradd: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// The caches of this user, where bundles are kept: `/var/cache` for root, whose servers could
/// not read `/root`.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    if Uid::effective().is_root() {
        return Some(PathBuf::from("/var/cache"));
    }
    let set = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn account(name: &str, uid: u32) -> Account {
        Account { uid: Uid::from_raw(uid), gid: Gid::from_raw(uid), name: name.to_owned() }
    }

    /// Whom root's servers run as where these accounts exist, and `sovereign` can be made or not.
    fn chosen(exist: &[&str], can_make: bool) -> Result<String, ServerError> {
        let names = RefCell::new(exist.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let find = |name: &str| {
            let known = names.borrow().iter().any(|known| known == name);
            Ok(known.then(|| account(name, 999)))
        };
        let make = || match can_make {
            true => {
                names.borrow_mut().push(OWN.to_owned());
                Ok(())
            }
            false => Err("read-only".to_owned()),
        };
        Account::choose(find, make).map(|account| account.name)
    }

    #[test]
    fn the_nodes_own_account_comes_first_and_is_made_where_it_is_missing() {
        assert_eq!(chosen(&["nobody", "postgres", "sovereign"], false).unwrap(), "sovereign");
        assert_eq!(chosen(&["nobody", "postgres"], true).unwrap(), "sovereign");
    }

    #[test]
    fn where_none_can_be_made_a_databases_account_serves_but_never_nobody() {
        assert_eq!(chosen(&["nobody", "postgres"], false).unwrap(), "postgres");
        let refused = chosen(&["nobody"], false).unwrap_err().to_string();
        assert!(refused.contains("read-only") && refused.contains("useradd"), "{refused}");
    }
}
