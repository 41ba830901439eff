//! The file with the node's own key: 32 random bytes that only its owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::NodeKey;
use crate::SpineError;

const LENGTH: usize = 32;

/// Reads the key; `None` where there is no such file.
///
/// # Errors
/// It cannot be read, has another length, or others than its owner may read it.
pub(crate) fn read_key_file(path: &Path) -> Result<Option<NodeKey>, SpineError> {
    let failed = |source| SpineError::KeyFile { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    refuse_readable_by_others(&file).map_err(failed)?;
    let mut bytes = Zeroizing::new([0_u8; LENGTH + 1]);
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    if length != LENGTH {
        return Err(failed(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it must hold exactly {LENGTH} bytes"),
        )));
    }
    let mut key = Zeroizing::new([0_u8; LENGTH]);
    key.copy_from_slice(&bytes[..LENGTH]);
    Ok(Some(NodeKey::new(&key)))
}

/// Makes the file with a new key, or reads the one that another process made meanwhile. Never
/// leaves half a key behind: the file appears under its name only when it is whole and on disk.
///
/// # Errors
/// It cannot be written, or the system's randomness failed.
pub(crate) fn create_key_file(path: &Path) -> Result<NodeKey, SpineError> {
    let failed = |source| SpineError::KeyFile { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let mut key = Zeroizing::new([0_u8; LENGTH]);
    rand::fill(&mut *key).map_err(|_| SpineError::Seal("the system's randomness failed"))?;

    let draft = folder.join(format!(".key-{}", uuid::Uuid::new_v4()));
    let written =
        write_owner_only(&draft, &*key).and_then(|()| match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
    let removed = fs::remove_file(&draft);
    written.and(removed).and_then(|()| File::open(folder)?.sync_all()).map_err(failed)?;
    read_key_file(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

fn write_owner_only(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn refuse_readable_by_others(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "others than its owner may read it; run `chmod 600` on it",
    ))
}

#[cfg(not(unix))]
fn refuse_readable_by_others(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("spine-key-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn processes_that_start_at_once_end_with_one_key() {
        let folder = folder();
        let path = folder.join("node.key");
        let prints: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| create_key_file(&path).unwrap().fingerprint()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(prints.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no draft stays behind");
        fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        let path = folder.join("node.key");
        create_key_file(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_key_file(&path), Err(SpineError::KeyFile { .. })));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let folder = folder();
        let path = folder.join("node.key");
        write_owner_only(&path, &[1; 31]).unwrap();
        assert!(matches!(read_key_file(&path), Err(SpineError::KeyFile { .. })));
        fs::remove_dir_all(folder).unwrap();
    }
}
