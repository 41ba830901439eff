//! Multipart bodies (RFC 7578).

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use spine::Problem;

use super::tree::Tree;
use super::{Limits, UploadedFile, bad_tree, broken_off, not_utf8, too_large};

/// Parts that are files.
const MOST_FILES: usize = 16;

/// Reads every part: texts into a tree, files as they are. A file is what has a file name (RFC
/// 7578, section 4.2); apps give texts all kinds of content types.
pub(super) async fn read(
    body: Body,
    boundary: &str,
    limits: Limits,
) -> Result<(Tree, Vec<UploadedFile>), Problem> {
    let mut parts = multer::Multipart::new(body.into_data_stream(), boundary);
    let mut tree = Tree::default();
    let mut files = Vec::new();
    let (mut text_left, mut files_left) = (limits.text, limits.files);
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        let Some(name) = part.name().map(str::to_owned) else {
            return Err(Problem::bad_request("bad-multipart", "A part of the body has no name"));
        };
        let content_type = part.content_type().map(|kind| kind.essence_str().to_owned());
        match part.file_name().map(str::to_owned) {
            None => {
                let bytes = collect(part, &mut text_left, limits.text).await?;
                let text = String::from_utf8(bytes.into()).map_err(|_| not_utf8())?;
                tree.insert(&name, text).map_err(bad_tree)?;
            }
            Some(file_name) => {
                if files.len() >= MOST_FILES {
                    return Err(Problem::bad_request("too-many-files", "There are too many files"));
                }
                let bytes = collect(part, &mut files_left, limits.files).await?;
                // A browser's empty file field: nothing was chosen.
                if !bytes.is_empty() || !file_name.is_empty() {
                    files.push(UploadedFile { name, file_name, content_type, bytes });
                }
            }
        }
    }
    Ok((tree, files))
}

async fn collect(
    mut part: multer::Field<'_>,
    left: &mut usize,
    most: usize,
) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = part.chunk().await.map_err(malformed)? {
        *left = left.checked_sub(chunk.len()).ok_or_else(|| too_large(most))?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn malformed(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamReadFailed(error) => broken_off(error),
        other => Problem::bad_request("bad-multipart", "The multipart body cannot be read")
            .with_detail(other.to_string()),
    }
}
