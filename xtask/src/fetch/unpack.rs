//! Unpacks an archive so that every user can run what is in it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use zip::ZipArchive;

use super::Pin;

/// Unpacks the archive into a new folder.
pub fn unpack(archive: &Path, pin: &Pin, folder: &Path) -> anyhow::Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    let mut archive = ZipArchive::new(file)
        .with_context(|| format!("{} is not an archive", archive.display()))?;
    super::create_readable(folder)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).context("the archive is damaged")?;
        let name = entry.name().context("the archive is damaged")?.into_owned();
        if pin.left_out.iter().any(|part| name.starts_with(part)) || name.ends_with(".py") {
            continue;
        }
        let Some(inside) = entry.enclosed_name() else {
            bail!("the archive names a file outside of its folder: {name}");
        };
        let path = folder.join(inside);
        if entry.is_dir() {
            create_folders(&path, folder)?;
            continue;
        }
        if let Some(parent) = path.parent() {
            create_folders(parent, folder)?;
        }
        let runnable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0)
            || path.parent().is_some_and(|parent| parent.ends_with(pin.bundle.programs));
        let mode = if runnable { 0o755 } else { 0o644 };
        write(&mut entry, &path, mode)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn write(entry: &mut impl io::Read, path: &Path, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    io::copy(entry, &mut file)?;
    // Whatever the umask is.
    file.set_permissions(Permissions::from_mode(mode))
}

/// Creates the folders between `top` (which exists) and `folder`, readable by everybody.
fn create_folders(folder: &Path, top: &Path) -> anyhow::Result<()> {
    if folder == top || folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folders(parent, top)?;
    }
    fs::create_dir(folder)
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot create {}", folder.display()))
}
