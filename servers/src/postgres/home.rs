//! The folder that everything of one node's server is kept in, and the lock on it.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::{ServerError, own_file};

/// Where the server of a node of root's lives if its account cannot get at the data folder.
const REACHABLE: &str = "/var/lib/sovereign";

/// `<data>/postgres`.
pub(super) fn folder_in(data: &Path) -> PathBuf {
    data.join("postgres")
}

/// Makes the folder exist, private to the account and within its reach. Answers its real path.
///
/// Root's data folder may be where no other account gets, as below `/root`. A new server then
/// lives in `/var/lib/sovereign`, and the data folder holds a link to it.
pub(super) fn prepare(data: &Path, account: &Account) -> Result<PathBuf, ServerError> {
    fs::create_dir_all(data).map_err(ServerError::path("create", data))?;
    let folder = folder_in(data);
    if fs::symlink_metadata(&folder).is_err() {
        match account.shut_out_by(data)? {
            Some(obstacle) if account.is_other() => {
                create_elsewhere(&folder, account)?;
                tracing::info!(
                    folder = %folder.display(),
                    obstacle = %obstacle.display(),
                    "the database's account cannot get at the data folder; linked it to {REACHABLE}"
                );
            }
            _ => create_private(&folder, account)?,
        }
    }
    let real = folder.canonicalize().map_err(ServerError::path("look at", &folder))?;
    match account.shut_out_by(&real)? {
        Some(folder) if account.is_other() => {
            Err(ServerError::CannotEnter { user: account.name().to_owned(), folder })
        }
        _ => Ok(real),
    }
}

fn create_elsewhere(link: &Path, account: &Account) -> Result<(), ServerError> {
    let parent = Path::new(REACHABLE);
    if !parent.is_dir() {
        fs::create_dir_all(parent).map_err(ServerError::path("create", parent))?;
        fs::set_permissions(parent, Permissions::from_mode(0o755))
            .map_err(ServerError::path("set the mode of", parent))?;
    }
    // A name of its own each time: a data folder that was removed and made anew starts empty.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut digest = Sha256::new();
    digest.update(link.as_os_str().as_encoded_bytes());
    digest.update(now.as_nanos().to_be_bytes());
    let folder = parent.join(format!("postgres-{}", hex::encode(&digest.finalize()[..6])));
    create_private(&folder, account)?;
    symlink(&folder, link).map_err(ServerError::path("create the link", link))
}

fn create_private(folder: &Path, account: &Account) -> Result<(), ServerError> {
    DirBuilder::new().mode(0o700).create(folder).map_err(ServerError::path("create", folder))?;
    account.own(folder)
}

/// How long a lock may be held that nobody holds any more: a child on its way between fork and exec has a
/// copy of every open file of its parent, also of the lock of a server that just stopped.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// Takes the lock. The system releases it when this process dies.
pub(super) fn lock(folder: &Path, account: &Account) -> Result<File, ServerError> {
    let file = own_file::append(&folder.join("lock"), account)?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(ServerError::InUse { folder: folder.to_owned(), pid: None });
            }
            Err(TryLockError::Error(error)) => {
                return Err(ServerError::path("lock", folder)(error));
            }
        }
    }
}
