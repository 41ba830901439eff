//! What a file is, by its first bytes.

/// What we accept and serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileType {
    Jpeg,
    Png,
    Gif,
    Webp,
    Mp4,
    QuickTime,
    Webm,
    Mp3,
    Ogg,
    Flac,
    Wav,
    Aac,
    M4a,
}

/// Content types that may be uploaded, for clients to read.
pub(crate) const ACCEPTED_TYPES: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "video/mp4",
    "video/quicktime",
    "video/webm",
    "audio/mpeg",
    "audio/ogg",
    "audio/flac",
    "audio/wav",
    "audio/aac",
    "audio/mp4",
];

impl FileType {
    const ALL: [Self; 13] = [
        Self::Jpeg,
        Self::Png,
        Self::Gif,
        Self::Webp,
        Self::Mp4,
        Self::QuickTime,
        Self::Webm,
        Self::Mp3,
        Self::Ogg,
        Self::Flac,
        Self::Wav,
        Self::Aac,
        Self::M4a,
    ];

    /// What the file is; none where we do not accept it.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let at =
            |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|b| b.starts_with(magic));
        if at(0, &[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if at(0, b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
            Some(Self::Gif)
        } else if at(0, b"RIFF") && at(8, b"WEBP") {
            Some(Self::Webp)
        } else if at(0, b"RIFF") && at(8, b"WAVE") {
            Some(Self::Wav)
        } else if at(4, b"ftyp") {
            iso_brand(bytes.get(8..12)?)
        } else if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) {
            // Matroska's header names its kind early; only WebM plays in browsers.
            let head = &bytes[..bytes.len().min(64)];
            head.windows(4).any(|window| window == b"webm").then_some(Self::Webm)
        } else if at(0, b"OggS") {
            Some(Self::Ogg)
        } else if at(0, b"fLaC") {
            Some(Self::Flac)
        } else if at(0, b"ID3") {
            Some(Self::Mp3)
        } else {
            match bytes {
                // ADTS: twelve bits of sync, layer 0. MPEG audio: eleven bits of sync, layer 3.
                [0xff, second, ..] if second & 0xf6 == 0xf0 => Some(Self::Aac),
                [0xff, second, ..] if second & 0xe6 == 0xe2 => Some(Self::Mp3),
                _ => None,
            }
        }
    }

    /// The type of a file with this ending of ours.
    pub fn with_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.extension() == extension)
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Mp4 => "mp4",
            Self::QuickTime => "mov",
            Self::Webm => "webm",
            Self::Mp3 => "mp3",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Wav => "wav",
            Self::Aac => "aac",
            Self::M4a => "m4a",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Mp4 => "video/mp4",
            Self::QuickTime => "video/quicktime",
            Self::Webm => "video/webm",
            Self::Mp3 => "audio/mpeg",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
            Self::Aac => "audio/aac",
            Self::M4a => "audio/mp4",
        }
    }

    /// Mastodon's name for the kind of attachment.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Jpeg | Self::Png | Self::Gif | Self::Webp => "image",
            Self::Mp4 | Self::QuickTime | Self::Webm => "video",
            Self::Mp3 | Self::Ogg | Self::Flac | Self::Wav | Self::Aac | Self::M4a => "audio",
        }
    }
}

/// The kind of an ISO base media file by its major brand; pictures (HEIC, AVIF) are not read.
fn iso_brand(brand: &[u8]) -> Option<FileType> {
    match brand {
        b"M4A " | b"M4B " | b"F4A " => Some(FileType::M4a),
        b"qt  " => Some(FileType::QuickTime),
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" | b"avif"
        | b"avis" => None,
        _ => Some(FileType::Mp4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_decide() {
        assert_eq!(FileType::of(b"\xff\xd8\xff\xe0rest"), Some(FileType::Jpeg));
        assert_eq!(FileType::of(b"RIFF\0\0\0\0WEBPVP8 "), Some(FileType::Webp));
        assert_eq!(FileType::of(b"\0\0\0\x18ftypisom"), Some(FileType::Mp4));
        assert_eq!(FileType::of(b"\0\0\0\x18ftypavif"), None);
        assert_eq!(FileType::of(b"\xff\xfb\x90\0"), Some(FileType::Mp3));
        assert_eq!(FileType::of(b"\xff\xf1\x50\x80"), Some(FileType::Aac));
        assert_eq!(FileType::of(b"<svg xmlns=\"http://www.w3.org/2000/svg\">"), None);
        assert_eq!(FileType::of(b"<html>"), None);
        assert_eq!(FileType::of(b""), None);
    }

    #[test]
    fn every_type_is_named_to_clients_and_found_by_its_ending() {
        for kind in FileType::ALL {
            assert!(ACCEPTED_TYPES.contains(&kind.content_type()));
            assert_eq!(FileType::with_extension(kind.extension()), Some(kind));
        }
        assert_eq!(ACCEPTED_TYPES.len(), FileType::ALL.len());
    }
}
