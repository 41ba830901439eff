//! Animated WebP files without EXIF and XMP (RFC 9649, section 2).

use super::picture::PictureError;

/// The chunks that pictures are made of.
const KEPT: [&[u8; 4]; 7] = [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// Flags of the `VP8X` chunk that announce EXIF and XMP.
const METADATA_FLAGS: u8 = 0b0000_1100;
/// Its flag that announces an animation.
const ANIMATION_FLAG: u8 = 0b0000_0010;

/// Whether the file moves.
pub(super) fn is_animated(bytes: &[u8]) -> bool {
    bytes.get(12..16) == Some(b"VP8X")
        && bytes.get(20).is_some_and(|flags| flags & ANIMATION_FLAG != 0)
}

/// The file with its frames and colours, and nothing else.
pub(super) fn without_metadata(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut kept = bytes.get(..12).ok_or(PictureError::Unreadable)?.to_vec();
    let mut rest = &bytes[12..];
    while let Some((name, after)) = rest.split_first_chunk::<4>() {
        let (length, after) = after.split_first_chunk::<4>().ok_or(PictureError::Unreadable)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        // Chunks are padded to an even length; some writers forget it at the end.
        let padded = length.saturating_add(length % 2).min(after.len());
        if length > after.len() {
            return Err(PictureError::Unreadable);
        }
        if KEPT.contains(&name) {
            let start = kept.len();
            kept.extend_from_slice(&rest[..8 + padded]);
            if name == b"VP8X"
                && let Some(flags) = kept.get_mut(start + 8)
            {
                *flags &= !METADATA_FLAGS;
            }
        }
        rest = &after[padded..];
    }
    let size = u32::try_from(kept.len() - 8).map_err(|_| PictureError::Unreadable)?;
    kept[4..8].copy_from_slice(&size.to_le_bytes());
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let mut chunk = name.to_vec();
        chunk.extend_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
        chunk.extend_from_slice(content);
        if content.len() % 2 == 1 {
            chunk.push(0);
        }
        chunk
    }

    #[test]
    fn frames_stay_and_places_go() {
        let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
        file.extend(chunk(b"VP8X", &[0b0000_1110, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        file.extend(chunk(b"ANMF", b"frame"));
        file.extend(chunk(b"EXIF", b"GPS here"));
        file.extend(chunk(b"XMP ", b"<place/>"));
        assert!(is_animated(&file));
        let kept = without_metadata(&file).unwrap();
        assert!(is_animated(&kept));
        assert_eq!(kept[20] & METADATA_FLAGS, 0);
        assert!(kept.windows(5).any(|window| window == b"frame"));
        assert!(!kept.windows(3).any(|window| window == b"GPS"));
        assert!(!kept.windows(5).any(|window| window == b"place"));
        let size = u32::from_le_bytes(kept[4..8].try_into().unwrap());
        assert_eq!(usize::try_from(size).unwrap(), kept.len() - 8);
    }
}
