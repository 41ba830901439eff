//! Files in a folder that belongs to a server's account, opened by whoever started the server.
//!
//! That may be root, and the account may be anybody's by now: a server that was broken into could
//! put a link to `/etc/shadow` where its log should be. So a link is not followed, and what is no
//! plain file of the account's or our own is refused.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::Uid;

use crate::ServerError;
use crate::account::Account;

/// Opens a file to append to it, and makes it where it is missing.
pub(crate) fn append(path: &Path, account: &Account) -> Result<File, ServerError> {
    open(path, account, OpenOptions::new().create(true).append(true))
        .map_err(ServerError::path("open", path))
}

/// Opens a file to read it.
pub(crate) fn read(path: &Path, account: &Account) -> io::Result<File> {
    open(path, account, OpenOptions::new().read(true))
}

/// The text of a small file.
pub(crate) fn read_text(path: &Path, account: &Account) -> io::Result<String> {
    const LARGEST: u64 = 64 << 10;
    let mut text = String::new();
    read(path, account)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Opens a folder itself, whatever is put in its place meanwhile.
pub(crate) fn folder(path: &Path) -> io::Result<File> {
    let careful = OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY;
    OpenOptions::new().read(true).custom_flags(careful.bits()).open(path)
}

fn open(path: &Path, account: &Account, options: &mut OpenOptions) -> io::Result<File> {
    // Without O_NONBLOCK a named pipe would hold us up until somebody opens its other end.
    let careful = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = options.custom_flags(careful.bits()).open(path)?;
    match objection(&file.metadata()?, account) {
        None => Ok(file),
        Some(reason) => Err(io::Error::new(io::ErrorKind::InvalidData, reason)),
    }
}

/// What speaks against an opened file, if anything does.
fn objection(metadata: &Metadata, account: &Account) -> Option<String> {
    if !metadata.is_file() {
        return Some("it is no regular file".to_owned());
    }
    let owner = metadata.uid();
    if ![account.uid(), Uid::effective().as_raw()].contains(&owner) {
        return Some(format!("it belongs to uid {owner}"));
    }
    // A second name makes it a file from elsewhere, perhaps.
    (metadata.nlink() > 1).then(|| "it has a second name (a hard link)".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_plain_file_is_made_and_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let (path, account) = (folder.path().join("log"), Account::current());
        for line in ["one\n", "two\n"] {
            append(&path, &account).unwrap().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(read_text(&path, &account).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_link_a_second_name_a_pipe_and_a_folder_are_refused_and_what_they_name_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let account = Account::current();
        let precious = folder.path().join("precious");
        fs::write(&precious, "as it was").unwrap();
        let names = ["link", "second-name", "pipe", "folder", "link-to-nothing"];
        let [link, second, pipe, inner, dangling] = names.map(|name| folder.path().join(name));
        symlink(&precious, &link).unwrap();
        symlink(folder.path().join("absent"), &dangling).unwrap();
        fs::hard_link(&precious, &second).unwrap();
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::create_dir(&inner).unwrap();
        for path in [&link, &second, &pipe, &inner, &dangling] {
            let refused = append(path, &account);
            assert!(refused.is_err(), "{} was opened to write", path.display());
            assert!(read(path, &account).is_err(), "{} was opened to read", path.display());
        }
        assert_eq!(fs::read_to_string(&precious).unwrap(), "as it was");
        assert!(!folder.path().join("absent").exists());
    }
}
