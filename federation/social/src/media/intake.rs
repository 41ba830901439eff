//! Making a file fit to be stored and shown.

use std::sync::Arc;

use bytes::Bytes;

use super::files::{MediaStore, NewFile};
use super::picture::{self, Picture, PictureError};
use super::sniff::FileType;
use super::{gif, mp4, webp};
use crate::read::entities::Focus;
use crate::{SocialError, SocialSettings};

/// A file that a person uploads.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// The file.
    pub bytes: Bytes,
    /// What the client calls it; its first bytes decide.
    pub content_type: Option<String>,
    /// Its name on the person's device: not kept.
    pub file_name: Option<String>,
    /// What it shows.
    pub description: Option<String>,
    /// The point that must stay visible when it is cropped.
    pub focus: Option<Focus>,
    /// A picture to show before a video or sound is played.
    pub thumbnail: Option<Bytes>,
}

/// A file ready to be stored, and what is known about it.
pub(super) struct Prepared {
    pub kind: &'static str,
    pub content_type: &'static str,
    pub file: NewFile,
    pub preview: Option<NewFile>,
    pub blurhash: Option<String>,
    pub size: Option<(i32, i32)>,
    pub preview_size: Option<(i32, i32)>,
}

impl From<PictureError> for SocialError {
    fn from(error: PictureError) -> Self {
        Self::Invalid(error.to_string())
    }
}

fn too_large(limit: usize) -> SocialError {
    SocialError::Invalid(format!("File must be smaller than {} MB", limit >> 20))
}

impl MediaStore {
    /// Checks an upload and makes what is stored of it.
    pub(super) async fn prepare(
        &self,
        settings: &SocialSettings,
        upload: Upload,
    ) -> Result<Prepared, SocialError> {
        let kind = FileType::of(&upload.bytes).ok_or_else(|| {
            SocialError::Invalid("File is not a picture, video or sound that we can show".into())
        })?;
        let limit = match kind.kind() {
            "image" => settings.max_image_bytes,
            _ => settings.max_video_bytes,
        };
        if upload.bytes.len() > limit {
            return Err(too_large(limit));
        }
        let thumbnail = match upload.thumbnail {
            Some(bytes) if bytes.len() > settings.max_image_bytes => {
                return Err(too_large(settings.max_image_bytes));
            }
            thumbnail => thumbnail.filter(|_| kind.kind() != "image"),
        };
        let bytes = upload.bytes;
        self.decode(move || match kind.kind() {
            "image" => prepare_picture(kind, &bytes),
            _ => prepare_sound_or_video(kind, bytes, thumbnail.as_deref()),
        })
        .await
    }

    /// Makes a picture of exactly this size, cut where its shape differs.
    pub(super) async fn prepare_cover(
        &self,
        settings: &SocialSettings,
        bytes: Bytes,
        size: (u32, u32),
    ) -> Result<NewFile, SocialError> {
        if bytes.len() > settings.max_image_bytes {
            return Err(too_large(settings.max_image_bytes));
        }
        self.decode(move || {
            let kind = FileType::of(&bytes).filter(|kind| kind.kind() == "image");
            let kind = kind.ok_or(PictureError::Unreadable)?;
            Ok(encoded(picture::read(kind, &bytes)?.cover(size).encode()?))
        })
        .await
    }

    /// Runs work that decodes, off the threads that answer requests, and only so much at a time.
    async fn decode<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PictureError> + Send + 'static,
    ) -> Result<T, SocialError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| SocialError::Media(error);
        let permit =
            Arc::clone(&self.decoders).acquire_owned().await.map_err(|e| failed(e.into()))?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
        .map_err(|error| failed(error.into()))?
        .map_err(Into::into)
    }
}

fn encoded((kind, bytes): (FileType, Vec<u8>)) -> NewFile {
    NewFile { kind, bytes: bytes.into() }
}

fn prepare_picture(kind: FileType, bytes: &[u8]) -> Result<Prepared, PictureError> {
    let picture = picture::read(kind, bytes)?;
    let moving = match kind {
        FileType::Gif => Some(gif::without_metadata(bytes)?),
        FileType::Webp if webp::is_animated(bytes) => Some(webp::without_metadata(bytes)?),
        _ => None,
    };
    let (file, size) = match moving {
        Some(bytes) => (NewFile { kind, bytes: bytes.into() }, picture.size()),
        None => {
            let shown = picture.shrunk();
            (encoded(shown.encode()?), shown.size())
        }
    };
    let (preview, preview_size) = match picture.preview() {
        Some(small) => (Some(encoded(small.encode()?)), Some(small.size())),
        None => (None, None),
    };
    Ok(Prepared {
        kind: "image",
        content_type: file.kind.content_type(),
        file,
        preview,
        blurhash: picture.blurhash(),
        size: Some(size),
        preview_size,
    })
}

/// Videos and sounds stay as they are, but for what MP4 files tell about their maker.
fn prepare_sound_or_video(
    kind: FileType,
    bytes: Bytes,
    thumbnail: Option<&[u8]>,
) -> Result<Prepared, PictureError> {
    let bytes = match kind {
        FileType::Mp4 | FileType::QuickTime | FileType::M4a => mp4::without_metadata(bytes),
        _ => bytes,
    };
    let thumbnail: Option<Picture> = match thumbnail {
        Some(thumbnail) => {
            let kind = FileType::of(thumbnail).ok_or(PictureError::Unreadable)?;
            Some(picture::read(kind, thumbnail)?.small())
        }
        None => None,
    };
    let preview = thumbnail.as_ref().map(Picture::encode).transpose()?.map(encoded);
    Ok(Prepared {
        kind: kind.kind(),
        content_type: kind.content_type(),
        file: NewFile { kind, bytes },
        preview,
        blurhash: thumbnail.as_ref().and_then(Picture::blurhash),
        size: None,
        preview_size: thumbnail.as_ref().map(Picture::size),
    })
}
