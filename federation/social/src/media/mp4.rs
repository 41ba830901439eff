//! MP4, QuickTime and M4A files with their descriptions blanked (ISO/IEC 14496-12).
//!
//! Phones write the place of a recording into `moov/udta` or `moov/meta`. Those boxes are turned
//! into `free` boxes of the same length, filled with zeros, so that no offset in the file moves.

use bytes::{Bytes, BytesMut};

/// Boxes that hold descriptions: of the file, of a track, of anything.
const BLANKED: [&[u8; 4]; 3] = [b"udta", b"meta", b"uuid"];
/// Boxes that hold boxes.
const HOLDERS: [&[u8; 4]; 3] = [b"moov", b"trak", b"mdia"];
/// How deep boxes are looked into.
const DEEPEST: usize = 4;

/// A box to blank: where its name, its content and what follows it begin.
struct Found {
    name: usize,
    content: usize,
    end: usize,
}

/// The file with its descriptions blanked; what does not read as boxes stays as it is.
pub(super) fn without_metadata(bytes: Bytes) -> Bytes {
    let mut found = Vec::new();
    find(&bytes, 0, DEEPEST, &mut found);
    if found.is_empty() {
        return bytes;
    }
    let mut blanked = BytesMut::from(bytes);
    for Found { name, content, end } in found {
        blanked[name..name + 4].copy_from_slice(b"free");
        blanked[content..end].fill(0);
    }
    blanked.freeze()
}

/// Collects the boxes to blank. `base`: where in the file these bytes begin.
fn find(bytes: &[u8], base: usize, deeper: usize, found: &mut Vec<Found>) {
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 8) {
        let short = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let name: &[u8] = &header[4..8];
        let (length, header_length) = match short {
            0 => (bytes.len() - at, 8),
            1 => match bytes[at + 8..].first_chunk::<8>() {
                Some(long) => {
                    (usize::try_from(u64::from_be_bytes(*long)).unwrap_or(usize::MAX), 16)
                }
                None => return,
            },
            short => (usize::try_from(short).unwrap_or(usize::MAX), 8),
        };
        let end = at.saturating_add(length);
        if length < header_length || end > bytes.len() {
            return;
        }
        let content = at + header_length;
        if BLANKED.iter().any(|blanked| name == *blanked) {
            found.push(Found { name: base + at + 4, content: base + content, end: base + end });
        } else if deeper > 0 && HOLDERS.iter().any(|holder| name == *holder) {
            find(&bytes[content..end], base + content, deeper - 1, found);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let mut made = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
        made.extend_from_slice(name);
        made.extend_from_slice(content);
        made
    }

    #[test]
    fn places_are_blanked_and_nothing_moves() {
        let track = made(b"trak", &[made(b"udta", b"my name"), made(b"tkhd", b"sizes")].concat());
        let movie = made(b"moov", &[made(b"udta", b"+48.1+011.5/"), track].concat());
        let long = [&1_u32.to_be_bytes()[..], b"mdat", &20_u64.to_be_bytes(), b"film"].concat();
        let file = [made(b"ftyp", b"isom"), long, movie, made(b"mdat", b"udta stays")].concat();
        let blanked = without_metadata(Bytes::from(file.clone()));
        assert_eq!(blanked.len(), file.len());
        assert!(!blanked.windows(5).any(|window| window == b"+48.1"));
        assert!(!blanked.windows(7).any(|window| window == b"my name"));
        assert!(blanked.ends_with(b"udta stays"));
        assert!(blanked.windows(5).any(|window| window == b"sizes"));
    }

    #[test]
    fn nonsense_stays_as_it_is() {
        let file = Bytes::from_static(b"\0\0\0\x02ftypisom");
        assert_eq!(without_metadata(file.clone()), file);
    }
}
