//! The folder of the server's socket: private to its account, on a path that is short enough.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::{ServerError, own_file};

/// A socket's address holds 108 bytes, the last of which is zero.
const LONGEST_SOCKET_PATH: usize = 107;
const SOCKET: &str = ".s.PGSQL.5432";

/// A folder that only the server's account (and root) can enter.
#[derive(Debug)]
pub(super) struct SocketFolder {
    path: PathBuf,
}

impl SocketFolder {
    /// `<folder>/run`, or a folder with a short name elsewhere if that path is too long.
    pub fn prepare(folder: &Path, account: &Account) -> Result<Self, ServerError> {
        let own = Self::of(folder, account);
        make_private(&own.path, account)?;
        Ok(own)
    }

    /// Where it is, without making sure that it exists.
    pub fn of(folder: &Path, account: &Account) -> Self {
        let near = folder.join("run");
        let path = if fits(&near) { near } else { far_from(folder, account) };
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn socket(&self) -> PathBuf {
        self.path.join(SOCKET)
    }
}

fn fits(folder: &Path) -> bool {
    // The server writes a lock file beside the socket, and connects to neither by that name.
    folder.join(SOCKET).as_os_str().len() <= LONGEST_SOCKET_PATH
}

/// A short path of its own for each data folder.
fn far_from(folder: &Path, account: &Account) -> PathBuf {
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let name = format!("sovereign-{}-{}", account.uid(), hex::encode(&digest[..8]));
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let parent = match runtime {
        _ if Uid::effective().is_root() => PathBuf::from("/run"),
        Some(runtime) if runtime.is_dir() => runtime,
        _ => PathBuf::from("/tmp"),
    };
    let path = parent.join(&name);
    if parent.is_dir() && fits(&path) { path } else { Path::new("/tmp").join(name) }
}

/// Creates the folder, or makes sure that an existing one is nobody else's: whoever owns it could
/// answer in the server's place.
fn make_private(path: &Path, account: &Account) -> Result<(), ServerError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => account.own(path)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(ServerError::path("create", path)(error)),
    }
    // Held open: what is looked at is what is changed, whatever the account does meanwhile.
    let is_private = |folder: &File| -> io::Result<bool> {
        if folder.metadata()?.uid() != account.uid() {
            return Ok(false);
        }
        folder.set_permissions(Permissions::from_mode(0o700)).map(|()| true)
    };
    match own_file::folder(path).and_then(|folder| is_private(&folder)) {
        Ok(true) => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotADirectory => {
            Err(ServerError::path("look at", path)(error))
        }
        _ => Err(ServerError::UnsafeFolder { folder: path.to_owned(), owner: account.uid() }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{far_from, fits};
    use crate::account::Account;

    #[test]
    fn a_long_path_is_replaced_by_a_short_one() {
        let long = Path::new("/home").join("a".repeat(100)).join("postgres");
        assert!(!fits(&long.join("run")));
        let far = far_from(&long, &Account::current());
        assert!(fits(&far));
        assert_ne!(far, far_from(Path::new("/home/other"), &Account::current()));
    }
}
