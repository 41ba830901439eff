//! Pictures, videos and sounds that people upload.
//!
//! What leaves the node must not tell more than the person wanted to show. Pictures are decoded and
//! encoded anew, turned upright, without camera data or places; animated GIF and WebP files keep
//! their frames and lose every other block. Videos and sounds are stored as they came, without
//! transcoding: only the blocks of MP4 files that hold places, names and comments are blanked.
//! Animated PNG becomes its first frame; HEIC and AVIF are not read.
//!
//! A file is what its first bytes say, whatever name or content type came with it. Its path is
//! drawn at random and cannot be guessed; it is public to whoever knows it.

mod files;
mod gif;
mod intake;
mod mp4;
mod picture;
mod profile;
mod sniff;
mod sweep;
#[cfg(test)]
mod tests;
mod webp;

use spine::Cause;

use crate::limits::DESCRIPTION_CHARACTERS;
use crate::read::entities::{Focus, MediaAttachment};
use crate::read::views::media_view;
use crate::store::media_uploads::{self, NewUpload};
use crate::{AccountId, MediaId, Social, SocialError};

pub use files::MediaFile;
pub(crate) use files::MediaStore;
pub use intake::Upload;
pub(crate) use profile::{NewPicture, ProfilePicture, STAYS};
pub(crate) use sniff::ACCEPTED_TYPES;
pub use sweep::RemoveUnattached;

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
        check_description(upload.description.as_deref())?;
        let description = upload.description.clone();
        let focus = upload.focus.map(|focus| within_picture((focus.x, focus.y)));
        let prepared = self.0.media.prepare(self.settings(), upload).await?;
        let bytes = i64::try_from(prepared.file.bytes.len()).unwrap_or(i64::MAX);
        let path = self.0.media.put(prepared.file).await?;
        let preview_path = match prepared.preview {
            Some(preview) => match self.0.media.put(preview).await {
                Ok(path) => Some(path),
                Err(error) => {
                    // A disk that is full must not be filled with what nobody can use.
                    self.0.media.remove(&path).await?;
                    return Err(error);
                }
            },
            None => None,
        };
        let id = MediaId(self.spine().snowflakes().next());
        let row = NewUpload {
            id: id.number(),
            account: actor.number(),
            kind: prepared.kind,
            content_type: prepared.content_type,
            path: &path,
            preview_path: preview_path.as_deref(),
            description: description.as_deref(),
            blurhash: prepared.blurhash.as_deref(),
            focus,
            size: prepared.size,
            preview_size: prepared.preview_size,
            bytes,
            created_at: self.spine().clock().now(),
        };
        // The files are on disk before the row names them; a row that cannot be written leaves
        // files that nobody can guess.
        media_uploads::insert(self.spine().pool(), &row).await?;
        self.media(actor, id).await
    }

    /// Changes description and focus of an upload that is not attached yet, as Mastodon has it; what
    /// is posted changes with an edit of its post ([`Social::edit_post`]). Absent: as it is.
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
        check_description(description.as_deref())?;
        let text = description.as_deref();
        let focus = focus.map(|focus| within_picture((focus.x, focus.y)));
        let pool = self.spine().pool();
        let row = media_uploads::update(pool, actor.number(), id.number(), text, focus)
            .await?
            .ok_or(SocialError::NotFound)?;
        Ok(media_view(row, self.addresses()))
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
        let row = media_uploads::find(self.spine().pool(), actor.number(), id.number())
            .await?
            .ok_or(SocialError::NotFound)?;
        Ok(media_view(row, self.addresses()))
    }

    /// Removes an upload that no post has, with its files, as Mastodon does since 4.4.
    ///
    /// # Errors
    /// Not found (or not the actor's), [`SocialError::Invalid`] where a post has it, or a store
    /// failed.
    pub async fn delete_media(&self, actor: AccountId, id: MediaId) -> Result<(), SocialError> {
        let mut tx = self.spine().begin(Cause::by(format!("account:{actor}"))).await?;
        let removed = media_uploads::remove_one(tx.conn(), actor.number(), id.number()).await?;
        let Some(files) = removed else {
            tx.rollback().await?;
            // Not found, where it is none of the actor's.
            self.media(actor, id).await?;
            return Err(SocialError::Invalid(
                "Media attachment is currently used by a status".to_owned(),
            ));
        };
        // The row is gone for others only after its files are, as in the sweep.
        self.remove_files(tx, &files).await
    }

    /// Opens a stored file for serving.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn open_media(&self, path: &str) -> Result<MediaFile, SocialError> {
        self.0.media.open_file(path).await
    }
}

/// Refuses a description that is too long.
///
/// # Errors
/// [`SocialError::Invalid`].
pub(crate) fn check_description(text: Option<&str>) -> Result<(), SocialError> {
    match text {
        Some(text) if text.chars().count() > DESCRIPTION_CHARACTERS => Err(SocialError::Invalid(
            format!("Description is too long (maximum is {DESCRIPTION_CHARACTERS} characters)"),
        )),
        _ => Ok(()),
    }
}

/// The point, moved into the picture.
pub(crate) fn within_picture((x, y): (f32, f32)) -> (f32, f32) {
    (x.clamp(-1.0, 1.0), y.clamp(-1.0, 1.0))
}
