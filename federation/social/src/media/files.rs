//! Where files are kept: a folder behind the object store's port, which allows S3 later.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;

use super::sniff::FileType;
use crate::{SocialError, SocialSettings};

/// Pictures that are decoded at the same time: each can take 130 MB.
const DECODED_AT_ONCE: usize = 2;
/// Bytes of a file that are read at once: what a slow reader holds in memory, and one trip to the
/// threads that read where the store's own stream would make a hundred.
const PIECE: u64 = 1 << 20;
/// Random bytes of a path.
const SECRET: usize = 20;

/// A stored file, to be served.
#[derive(Clone, Debug)]
pub struct MediaFile {
    /// Its content type: one of those we accept.
    pub content_type: &'static str,
    /// Its size in bytes.
    pub size: u64,
    path: Path,
    files: Arc<dyn ObjectStore>,
}

impl MediaFile {
    /// These bytes of it, piece by piece as they are taken; what reaches past its end is left out.
    /// A piece that cannot be read ends the stream with an error, never with silence.
    pub fn read(&self, bytes: Range<u64>) -> BoxStream<'static, Result<Bytes, SocialError>> {
        let left = bytes.start..bytes.end.min(self.size);
        let state = (Arc::clone(&self.files), self.path.clone(), left);
        stream::try_unfold(state, |(files, path, left)| async move {
            if left.is_empty() {
                return Ok(None);
            }
            let end = left.end.min(left.start.saturating_add(PIECE));
            let piece = files.get_range(&path, left.start..end).await.map_err(failed)?;
            // A store may give less, where a file became shorter.
            if u64::try_from(piece.len()) != Ok(end - left.start) {
                return Err(SocialError::Media("a file is shorter than it was".into()));
            }
            Ok(Some((piece, (files, path, end..left.end))))
        })
        .boxed()
    }
}

/// A file about to be stored.
pub(super) struct NewFile {
    pub kind: FileType,
    pub bytes: Bytes,
}

/// Where media is kept.
pub(crate) struct MediaStore {
    files: Arc<dyn ObjectStore>,
    pub(super) decoders: Arc<Semaphore>,
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> SocialError {
    SocialError::Media(Box::new(error))
}

impl MediaStore {
    /// Opens the folder of the settings, and makes it at first start.
    ///
    /// # Errors
    /// The folder cannot be made or used.
    pub fn open(settings: &SocialSettings) -> Result<Self, SocialError> {
        std::fs::create_dir_all(&settings.media_folder).map_err(failed)?;
        // A file that was acknowledged is on disk.
        let files = LocalFileSystem::new_with_prefix(&settings.media_folder)
            .map_err(failed)?
            .with_fsync(true);
        let decoders = Arc::new(Semaphore::new(DECODED_AT_ONCE));
        Ok(Self { files: Arc::new(files), decoders })
    }

    /// A path for a new file that nobody can guess.
    pub(super) fn new_path(kind: FileType) -> String {
        let secret = hex::encode(rand::random::<[u8; SECRET]>());
        let (folder, name) = secret.split_at(2);
        format!("{folder}/{name}.{}", kind.extension())
    }

    /// Stores a file under a path of [`Self::new_path`].
    pub(super) async fn put_at(&self, path: &str, bytes: Bytes) -> Result<(), SocialError> {
        self.files.put(&Path::from(path), bytes.into()).await.map_err(failed)?;
        Ok(())
    }

    /// Stores a file under a new path, and gives that path.
    pub(super) async fn put(&self, file: NewFile) -> Result<String, SocialError> {
        let path = Self::new_path(file.kind);
        self.put_at(&path, file.bytes).await?;
        Ok(path)
    }

    /// Removes a file; one that is gone already is no failure.
    pub(super) async fn remove(&self, path: &str) -> Result<(), SocialError> {
        if kind_of(path).is_none() {
            return Ok(());
        }
        match self.files.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Finds a file.
    pub(super) async fn open_file(&self, path: &str) -> Result<MediaFile, SocialError> {
        let kind = kind_of(path).ok_or(SocialError::NotFound)?;
        let path = Path::from(path);
        let size = match self.files.head(&path).await {
            Ok(head) => head.size,
            Err(object_store::Error::NotFound { .. }) => return Err(SocialError::NotFound),
            Err(error) => return Err(failed(error)),
        };
        let files = Arc::clone(&self.files);
        Ok(MediaFile { content_type: kind.content_type(), size, path, files })
    }
}

/// What kind of file a path of ours names; none for paths that cannot be ours.
fn kind_of(path: &str) -> Option<FileType> {
    let (folder, file) = path.split_once('/')?;
    let (name, extension) = file.split_once('.')?;
    let is_hex =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let fits = folder.len() == 2 && name.len() == SECRET * 2 - 2 && is_hex(folder) && is_hex(name);
    if fits { FileType::with_extension(extension) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_opened() {
        let name = "0123456789abcdef0123456789abcdef012345";
        assert_eq!(kind_of(&format!("ab/{name}.jpg")), Some(FileType::Jpeg));
        for path in [
            format!("ab/{name}.html"),
            format!("ab/{name}"),
            format!("../{name}.jpg"),
            format!("ab/../{name}.jpg"),
            "ab/short.jpg".to_owned(),
            format!("AB/{name}.jpg"),
        ] {
            assert_eq!(kind_of(&path), None, "{path}");
        }
    }
}
