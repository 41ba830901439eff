//! Which user a server runs as, and what that user can get at.
//!
//! PostgreSQL refuses to run as root, so a node that root started gives its server an
//! unprivileged account. Everybody else's servers run as themselves.

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, User, chown};

use crate::ServerError;

/// Accounts that root's servers run under: the first that exists.
const CANDIDATES: [&str; 3] = ["sovereign", "postgres", "nobody"];

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
        for name in CANDIDATES {
            let user = User::from_name(name)
                .map_err(ServerError::system(format!("look up the user {name}")))?;
            if let Some(user) = user.filter(|user| !user.uid.is_root()) {
                return Ok(Self { uid: user.uid, gid: user.gid, name: user.name });
            }
        }
        Err(ServerError::NoAccount { tried: "sovereign, postgres, nobody" })
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

    /// Gives a file or folder to the account, where it is another one than ours.
    pub(crate) fn own(&self, path: &Path) -> Result<(), ServerError> {
        if self.is_other() {
            chown(path, Some(self.uid), Some(self.gid))
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
