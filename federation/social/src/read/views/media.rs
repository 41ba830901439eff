//! Attachments.

use super::Addresses;
use crate::MediaId;
use crate::read::entities::{Focus, MediaAttachment, MediaMeta, MediaSize};
use crate::store::read_posts::MediaRow;

/// The attachment of a row. What others host is shown from there.
pub(crate) fn media_view(row: MediaRow, addresses: &Addresses) -> MediaAttachment {
    let url = row.path.as_deref().map(|path| addresses.media(path)).or(row.remote_url.clone());
    let preview_url = row
        .preview_path
        .as_deref()
        .map(|path| addresses.media(path))
        .or(row.preview_remote_url)
        .or_else(|| if row.kind == "audio" { None } else { url.clone() });
    let focus = row.focus_x.zip(row.focus_y).map(|(x, y)| Focus { x, y });
    let original = MediaSize::new(row.width, row.height);
    let small = MediaSize::new(row.preview_width, row.preview_height).or_else(|| original.clone());
    MediaAttachment {
        id: MediaId::from_number(row.id),
        kind: row.kind,
        url,
        preview_url,
        remote_url: row.path.is_none().then_some(row.remote_url).flatten(),
        meta: MediaMeta { original, small, focus },
        description: row.description.filter(|text| !text.is_empty()),
        blurhash: row.blurhash,
    }
}
