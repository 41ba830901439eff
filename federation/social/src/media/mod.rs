//! Pictures, videos and sounds that people upload.

use bytes::Bytes;

use crate::read::entities::{Focus, MediaAttachment};
use crate::{AccountId, MediaId, Social, SocialError, SocialSettings};

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

/// Which picture of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfilePicture {
    /// The square one: cut and scaled to 400 × 400.
    Avatar,
    /// The banner: cut and scaled to 1500 × 500.
    Header,
}

/// A stored file, to be served.
#[derive(Clone, Debug)]
pub struct MediaFile {
    /// Its content type: one of those we accept.
    pub content_type: &'static str,
    /// The whole file or the range asked for.
    pub bytes: Bytes,
    /// Size of the whole file.
    pub size: u64,
}

/// Where media is kept.
pub(crate) struct MediaStore {}

impl MediaStore {
    pub fn open(settings: &SocialSettings) -> Result<Self, SocialError> {
        todo!()
    }
}

impl Social {
    /// Stores a file that a person uploads, to be attached to a post within a day.
    ///
    /// # Errors
    /// It is too large or not what we accept, or a store failed.
    pub async fn upload(
        &self,
        actor: AccountId,
        upload: Upload,
    ) -> Result<MediaAttachment, SocialError> {
        todo!()
    }

    /// Changes description and focus of an upload that is not attached yet. Absent: as it is.
    ///
    /// # Errors
    /// Not found (or not the actor's), or the store failed.
    pub async fn update_media(
        &self,
        actor: AccountId,
        id: MediaId,
        description: Option<String>,
        focus: Option<Focus>,
    ) -> Result<MediaAttachment, SocialError> {
        todo!()
    }

    /// One of the actor's uploads.
    ///
    /// # Errors
    /// Not found (or not the actor's), or the store failed.
    pub async fn media(
        &self,
        actor: AccountId,
        id: MediaId,
    ) -> Result<MediaAttachment, SocialError> {
        todo!()
    }

    /// Stores a picture for a profile and gives its path in the media store, which goes into the
    /// account's `avatar_url` or `header_url` as it is.
    ///
    /// # Errors
    /// It is too large or no picture, or the store failed.
    pub async fn store_profile_picture(
        &self,
        picture: ProfilePicture,
        bytes: Bytes,
    ) -> Result<String, SocialError> {
        todo!()
    }

    /// The public address of a path in the media store (`/media/…` of our origin); addresses of
    /// others stay as they are.
    pub fn media_url(&self, path: &str) -> String {
        todo!()
    }

    /// Opens a stored file for serving. `range`: first and last byte, inclusive.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn open_media(
        &self,
        path: &str,
        range: Option<(u64, Option<u64>)>,
    ) -> Result<MediaFile, SocialError> {
        todo!()
    }
}
