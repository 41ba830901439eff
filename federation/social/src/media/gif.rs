//! Animated GIF files without comments and application data (GIF89a, W3C 1990).

use super::picture::PictureError;
use crate::limits::PICTURE_PIXELS;

/// Most frames (Mastodon's limit for video).
const MOST_FRAMES: usize = 36_000;

/// The file with its frames, timing and loop count, and nothing else.
pub(super) fn without_metadata(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut reader = Reader { bytes, at: 0 };
    let mut kept = Vec::with_capacity(bytes.len());
    let header = reader.take(13)?;
    kept.extend_from_slice(header);
    let screen = u64::from(u16::from_le_bytes([header[6], header[7]]))
        * u64::from(u16::from_le_bytes([header[8], header[9]]));
    if screen > PICTURE_PIXELS {
        return Err(PictureError::TooManyPixels);
    }
    kept.extend_from_slice(reader.take(table_size(header[10]))?);
    let mut frames = 0;
    loop {
        let start = reader.at;
        match reader.byte()? {
            0x3b => {
                kept.push(0x3b);
                return Ok(kept);
            }
            0x2c => {
                frames += 1;
                if frames > MOST_FRAMES {
                    return Err(PictureError::TooManyFrames);
                }
                let descriptor = reader.take(9)?;
                reader.take(table_size(descriptor[8]))?;
                reader.byte()?; // LZW minimum code size.
                reader.skip_blocks()?;
                kept.extend_from_slice(&bytes[start..reader.at]);
            }
            0x21 => {
                let label = reader.byte()?;
                let content = reader.at;
                reader.skip_blocks()?;
                let is_loop = label == 0xff
                    && bytes[content..reader.at].starts_with(b"\x0bNETSCAPE2.0")
                    && reader.at - content <= 32;
                if label == 0xf9 || is_loop {
                    kept.extend_from_slice(&bytes[start..reader.at]);
                }
            }
            _ => return Err(PictureError::Unreadable),
        }
    }
}

/// Bytes of the colour table that these flags announce.
fn table_size(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], PictureError> {
        let end = self.at.saturating_add(count);
        let taken = self.bytes.get(self.at..end).ok_or(PictureError::Unreadable)?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, PictureError> {
        Ok(self.take(1)?[0])
    }

    /// Skips data blocks up to and with the empty one.
    fn skip_blocks(&mut self) -> Result<(), PictureError> {
        loop {
            let length = self.byte()?;
            if length == 0 {
                return Ok(());
            }
            self.take(length.into())?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_loop_stay_and_comments_go() {
        let mut file = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff".to_vec();
        let looping = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00";
        let comment = b"\x21\xfe\x06secret\x00";
        let place = b"\x21\xff\x0bXMP DataXMP\x05place\x00";
        let control = b"\x21\xf9\x04\x00\x0a\x00\x00\x00";
        let frame = b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00";
        for block in [&looping[..], comment, control, frame, place, control, frame, b"\x3b"] {
            file.extend_from_slice(block);
        }
        let kept = without_metadata(&file).unwrap();
        assert_eq!(kept.len(), file.len() - comment.len() - place.len());
        assert!(!kept.windows(6).any(|window| window == b"secret"));
        assert!(!kept.windows(5).any(|window| window == b"place"));
        assert!(kept.windows(11).any(|window| window == b"NETSCAPE2.0"));
    }

    #[test]
    fn cut_files_are_refused() {
        assert!(without_metadata(b"GIF89a\x01\x00\x01\x00\x80\x00\x00").is_err());
        assert!(without_metadata(b"").is_err());
    }
}
