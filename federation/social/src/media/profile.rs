//! The pictures of a profile: two files that no post has, which a profile shows or leaves behind.
//!
//! Every file that no profile shows yet, or none shows any more, has a row that says when it is to
//! be removed. The row is written before the file is, and goes in the transaction that shows the
//! file in a profile; the file that was shown there before gets its own row in that transaction.
//! So whatever is refused or breaks off, no file is left that nobody removes.

use bytes::Bytes;
use chrono::Duration;

use super::files::{MediaStore, NewFile};
use crate::store::unused_files;
use crate::{Social, SocialError};

/// How long a file stays that a profile does not show: to be shown in it, or because other servers
/// and apps still know its address.
pub(crate) const STAYS: Duration = Duration::hours(24);

/// Which picture of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProfilePicture {
    /// The square one: cut and scaled to 400 × 400.
    Avatar,
    /// The banner: cut and scaled to 1500 × 500.
    Header,
}

impl ProfilePicture {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Avatar => (400, 400),
            Self::Header => (1_500, 500),
        }
    }
}

/// A picture of a profile, checked and cut, and not stored yet.
pub(crate) struct NewPicture(NewFile);

impl Social {
    /// Checks a picture for a profile and cuts it to its shape.
    ///
    /// # Errors
    /// It is too large or no picture.
    pub(crate) async fn prepare_profile_picture(
        &self,
        picture: ProfilePicture,
        bytes: Bytes,
    ) -> Result<NewPicture, SocialError> {
        let file = self.0.media.prepare_cover(self.settings(), bytes, picture.size()).await?;
        Ok(NewPicture(file))
    }

    /// Stores a picture for a profile and gives its path in the media store. It is removed after a
    /// day, unless a profile takes it.
    ///
    /// # Errors
    /// A store failed.
    pub(crate) async fn store_profile_picture(
        &self,
        NewPicture(file): NewPicture,
    ) -> Result<String, SocialError> {
        let path = MediaStore::new_path(file.kind);
        let remove_after = self.spine().clock().now() + STAYS;
        let mut connection = self.spine().pool().acquire().await?;
        unused_files::insert(&mut connection, &[&path], remove_after).await?;
        self.0.media.put_at(&path, file.bytes).await?;
        Ok(path)
    }
}
