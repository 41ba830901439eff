//! Where files are kept: a folder behind the object store's port, which allows S3 later.

use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;

use super::sniff::FileType;
use crate::{SocialError, SocialSettings};

/// Pictures that are decoded at the same time: each can take 130 MB.
const DECODED_AT_ONCE: usize = 2;
/// Most bytes that are read for one answer; longer files are served in ranges of this.
const MOST_AT_ONCE: u64 = 8 << 20;
/// Random bytes of a path.
const SECRET: usize = 20;

/// A stored file, to be served.
#[derive(Clone, Debug)]
pub struct MediaFile {
    /// Its content type: one of those we accept.
    pub content_type: &'static str,
    /// The whole file or the range asked for, of which at most 8 MiB are given at a time.
    pub bytes: Bytes,
    /// Where in the file these bytes begin.
    pub first: u64,
    /// Size of the whole file.
    pub size: u64,
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

    /// Stores a file under a path that nobody can guess, and gives that path.
    pub(super) async fn put(&self, file: NewFile) -> Result<String, SocialError> {
        let secret = hex::encode(rand::random::<[u8; SECRET]>());
        let (folder, name) = secret.split_at(2);
        let path = format!("{folder}/{name}.{}", file.kind.extension());
        self.files.put(&Path::from(path.as_str()), file.bytes.into()).await.map_err(failed)?;
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

    /// Reads a file, or a range of it.
    pub(super) async fn open_file(
        &self,
        path: &str,
        range: Option<(u64, Option<u64>)>,
    ) -> Result<MediaFile, SocialError> {
        let kind = kind_of(path).ok_or(SocialError::NotFound)?;
        let path = Path::from(path);
        let head = match self.files.head(&path).await {
            Ok(head) => head,
            Err(object_store::Error::NotFound { .. }) => return Err(SocialError::NotFound),
            Err(error) => return Err(failed(error)),
        };
        let (first, last) = range.unwrap_or((0, None));
        if first >= head.size && (first > 0 || head.size > 0) {
            return Err(SocialError::Invalid("the range begins past the end".into()));
        }
        let end = last.map_or(head.size, |last| last.saturating_add(1)).min(head.size);
        let end = end.min(first.saturating_add(MOST_AT_ONCE)).max(first);
        if first == end {
            return Err(SocialError::Invalid("the range is empty".into()));
        }
        let options =
            GetOptions { range: Some(GetRange::Bounded(first..end)), ..GetOptions::default() };
        let found = self.files.get_opts(&path, options).await.map_err(failed)?;
        let bytes = found.bytes().await.map_err(failed)?;
        Ok(MediaFile { content_type: kind.content_type(), bytes, first, size: head.size })
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
