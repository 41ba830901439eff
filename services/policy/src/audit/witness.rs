//! The newest head, kept outside of the database: whoever can change only the database can neither cut off
//! the log's end nor put another log in its place unnoticed.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sqlx::PgPool;

use super::key::LogKey;
use crate::{PolicyError, store};

/// A file with a signed head.
#[derive(Clone, Debug)]
pub(crate) struct Witness(Option<PathBuf>);

impl Witness {
    /// In this file; `None`: nothing is kept.
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self(file)
    }

    /// The head that is kept, where there is one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) async fn head(&self) -> Result<Option<String>, PolicyError> {
        let Some(path) = &self.0 else { return Ok(None) };
        match tokio::fs::read(path).await {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(PolicyError::Witness { path: path.clone(), source }),
        }
    }

    /// Keeps a newer head, if the log that it is of goes on from the one that is kept. Else the older one
    /// stays, as the proof of what is missing.
    ///
    /// # Errors
    /// The database is away, the file cannot be read or written, or the log does not go on from its head.
    pub(crate) async fn keep(
        &self,
        pool: &PgPool,
        key: &LogKey,
        (size, note): (u64, String),
    ) -> Result<(), PolicyError> {
        let Some(path) = self.0.clone() else { return Ok(()) };
        if let Some(kept) = self.head().await? {
            let damaged = |why: String| PolicyError::AuditDamaged(why);
            let place = path.display();
            let (kept, root) = key
                .read_kept(&kept)
                .map_err(|why| damaged(format!("the head in {place} is of another log: {why}")))?;
            if store::audit::root(pool, kept).await? != Some(root) {
                let why = format!("it does not go on from the head of {kept} leaves in {place}");
                return Err(damaged(why));
            }
            // Another process of this machine was quicker.
            if kept >= size {
                return Ok(());
            }
        }
        let failed = |source| PolicyError::Witness { path: path.clone(), source };
        let file = path.clone();
        let written = tokio::task::spawn_blocking(move || replace(&file, note.as_bytes())).await;
        written.map_err(|error| failed(io::Error::other(error)))?.map_err(failed)
    }
}

/// Puts new content in a file's place: the old or the new is there, never a part.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.new", uuid::Uuid::now_v7().simple()));
    let written = std::fs::File::create_new(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    });
    if written.is_err() {
        // What failed is told; a draft that cannot be removed either is harmless.
        drop(std::fs::remove_file(&draft));
    }
    written?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
