//! Attachments.

use serde::Serialize;

use crate::MediaId;

/// A picture, video or sound.
#[derive(Clone, Debug, Serialize)]
pub struct MediaAttachment {
    /// Its id.
    pub id: MediaId,
    /// `image`, `gifv`, `video`, `audio` or `unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is.
    pub url: Option<String>,
    /// A small version of it; the thing itself where there is none.
    pub preview_url: Option<String>,
    /// Where it comes from, when it is not ours.
    pub remote_url: Option<String>,
    /// Sizes and focus.
    pub meta: MediaMeta,
    /// What it shows, for those who cannot see it.
    pub description: Option<String>,
    /// A few colours to show while it loads.
    pub blurhash: Option<String>,
}

/// Sizes and focus of an attachment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MediaMeta {
    /// Size of the thing itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<MediaSize>,
    /// Size of the small version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub small: Option<MediaSize>,
    /// The point that must stay visible when it is cropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focus: Option<Focus>,
}

/// A size in pixels.
#[derive(Clone, Debug, Serialize)]
pub struct MediaSize {
    /// Pixels across.
    pub width: i32,
    /// Pixels down.
    pub height: i32,
    /// `WIDTHxHEIGHT`.
    pub size: String,
    /// Width divided by height.
    pub aspect: f64,
}

impl MediaSize {
    /// This size, where both numbers make sense.
    pub fn new(width: Option<i32>, height: Option<i32>) -> Option<Self> {
        let (width, height) = (width?, height?);
        (width > 0 && height > 0).then(|| Self {
            width,
            height,
            size: format!("{width}x{height}"),
            aspect: f64::from(width) / f64::from(height),
        })
    }
}

/// A point of a picture: from -1 to 1, x to the right, y up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Focus {
    /// To the right.
    pub x: f32,
    /// Up.
    pub y: f32,
}
