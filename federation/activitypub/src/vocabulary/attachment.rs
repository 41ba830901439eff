//! Pictures, films, sounds and links that come with a post.

use serde_json::Value;
use url::Url;

use super::limits;
use super::read::{Document, Link};

/// Media to copy, or a page to link to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentKind {
    /// A picture, film, sound or other file.
    Media,
    /// A `Link` to a page, as link aggregators attach it.
    Link,
}

/// The point of a picture that must stay visible when it is cropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FocalPoint {
    /// From -1 (left) to 1 (right).
    pub x: f32,
    /// From -1 (bottom) to 1 (top).
    pub y: f32,
}

/// One attachment.
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// Media or a link.
    pub kind: AttachmentKind,
    /// Where it is.
    pub url: Url,
    /// Media type, as the sender says.
    pub media_type: Option<String>,
    /// Description for those who cannot see it.
    pub name: Option<String>,
    /// A few characters that stand in while the picture loads.
    pub blurhash: Option<String>,
    /// Where to crop.
    pub focal_point: Option<FocalPoint>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
}

impl Attachment {
    pub(super) fn list(document: Document<'_>) -> Vec<Self> {
        document
            .parts("attachment", limits::ATTACHMENTS)
            .into_iter()
            .filter_map(Self::parse)
            .collect()
    }

    fn parse(part: Document<'_>) -> Option<Self> {
        if part.is("PropertyValue") {
            return None;
        }
        let link = best_link(part)?;
        let media_type = part.text("mediaType", limits::TOKEN).or(link.media_type);
        let is_page = media_type.as_deref().is_none_or(|kind| kind.starts_with("text/html"));
        let kind = match part.is("Link") && is_page {
            true => AttachmentKind::Link,
            false => AttachmentKind::Media,
        };
        Some(Self {
            kind,
            url: link.href,
            media_type,
            name: part
                .text_in_language("name", limits::DESCRIPTION)
                .0
                .or_else(|| part.text("summary", limits::DESCRIPTION)),
            blurhash: part.text("blurhash", limits::TOKEN),
            focal_point: focal_point(part),
            width: part.pixels("width").or(link.width),
            height: part.pixels("height").or(link.height),
        })
    }

    /// The media of an object that is itself a film, sound or picture: it lists its files among its
    /// `url`s.
    pub(super) fn of_media_object(document: Document<'_>) -> Option<Self> {
        let is_media = |link: &Link| {
            link.media_type.as_deref().is_some_and(|kind| {
                ["video/", "audio/", "image/"].iter().any(|prefix| kind.starts_with(prefix))
            })
        };
        let link = document.links("url").into_iter().find(is_media)?;
        Some(Self {
            kind: AttachmentKind::Media,
            url: link.href,
            media_type: link.media_type,
            name: None,
            blurhash: document.text("blurhash", limits::TOKEN),
            focal_point: None,
            width: link.width,
            height: link.height,
        })
    }
}

fn best_link(part: Document<'_>) -> Option<Link> {
    part.links("url").into_iter().chain(part.links("href")).next()
}

fn focal_point(part: Document<'_>) -> Option<FocalPoint> {
    let values: Vec<f32> = part
        .list("focalPoint", 2)
        .into_iter()
        .filter_map(Value::as_f64)
        .map(|value| value.clamp(-1.0, 1.0) as f32)
        .collect();
    match values[..] {
        [x, y] => Some(FocalPoint { x, y }),
        _ => None,
    }
}
