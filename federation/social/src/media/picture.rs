//! Pictures: read with limits, turned upright, encoded without anything but pixels and colours.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};

use super::sniff::FileType;
use crate::limits::PICTURE_PIXELS;

/// Most pixels of a picture that is stored (Mastodon: 3,840 × 2,160); larger ones are shrunk.
const STORED_PIXELS: u64 = 8_294_400;
/// Longest side of a preview.
const PREVIEW_SIDE: u32 = 640;
/// Longest side of what a blurhash is made from.
const HASHED_SIDE: u32 = 64;
/// JPEG quality: the usual place between visible loss and large files.
const QUALITY: u8 = 88;
/// Memory that a decoder may take.
const MOST_MEMORY: u64 = 512 << 20;

/// Why a picture is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PictureError {
    /// Not a picture, or damaged.
    #[error("File cannot be read as a picture")]
    Unreadable,
    /// More pixels than we read.
    #[error("Picture has too many pixels")]
    TooManyPixels,
    /// More frames than we show.
    #[error("Picture has too many frames")]
    TooManyFrames,
    /// It cannot be written anew.
    #[error("Picture cannot be converted")]
    Unwritable(#[source] image::ImageError),
}

/// Pixels and their colour profile; nothing else of a file survives.
pub(crate) struct Picture {
    pixels: DynamicImage,
    colours: Option<Vec<u8>>,
    /// Whether the file came as lines and letters (PNG, GIF), which JPEG would smear.
    is_drawn: bool,
}

/// Reads a picture: its size first, then, if that is not too much, its pixels, turned upright.
pub(crate) fn read(kind: FileType, bytes: &[u8]) -> Result<Picture, PictureError> {
    let format = match kind {
        FileType::Jpeg => ImageFormat::Jpeg,
        FileType::Png => ImageFormat::Png,
        FileType::Gif => ImageFormat::Gif,
        FileType::Webp => ImageFormat::WebP,
        _ => return Err(PictureError::Unreadable),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PICTURE_PIXELS {
        return Err(PictureError::TooManyPixels);
    }
    // A picture whose orientation cannot be read is shown as it is.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let colours = decoder.icc_profile().unwrap_or_default();
    let mut pixels = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    pixels.apply_orientation(orientation);
    Ok(Picture { pixels, colours, is_drawn: matches!(kind, FileType::Png | FileType::Gif) })
}

fn refusal(error: image::ImageError) -> PictureError {
    match error {
        image::ImageError::Limits(_) => PictureError::TooManyPixels,
        error => {
            tracing::debug!(%error, "an uploaded picture cannot be read");
            PictureError::Unreadable
        }
    }
}

impl Picture {
    /// Width and height in pixels.
    pub fn size(&self) -> (i32, i32) {
        let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
        (side(self.pixels.width()), side(self.pixels.height()))
    }

    fn with(&self, pixels: DynamicImage) -> Self {
        Self { pixels, colours: self.colours.clone(), is_drawn: self.is_drawn }
    }

    /// The picture with at most as many pixels as we store.
    pub fn shrunk(&self) -> Self {
        let (width, height) = (f64::from(self.pixels.width()), f64::from(self.pixels.height()));
        let pixels = width * height;
        #[expect(clippy::cast_precision_loss, reason = "a small constant")]
        let most = STORED_PIXELS as f64;
        if pixels <= most {
            return self.with(self.pixels.clone());
        }
        let factor = (most / pixels).sqrt();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "smaller than the sides, which are u32"
        )]
        let side = |side: f64| ((side * factor).floor() as u32).max(1);
        self.with(self.pixels.resize_exact(side(width), side(height), FilterType::CatmullRom))
    }

    /// A small version of it; none where it is small already.
    pub fn preview(&self) -> Option<Self> {
        let is_small = self.pixels.width() <= PREVIEW_SIDE && self.pixels.height() <= PREVIEW_SIDE;
        (!is_small).then(|| self.small())
    }

    /// It, no larger than a preview.
    pub fn small(&self) -> Self {
        if self.pixels.width() <= PREVIEW_SIDE && self.pixels.height() <= PREVIEW_SIDE {
            return self.with(self.pixels.clone());
        }
        self.with(self.pixels.resize(PREVIEW_SIDE, PREVIEW_SIDE, FilterType::Triangle))
    }

    /// It in exactly this size, cut at the sides where its shape differs.
    pub fn cover(&self, (width, height): (u32, u32)) -> Self {
        self.with(self.pixels.resize_to_fill(width, height, FilterType::CatmullRom))
    }

    /// The few colours that are shown while it loads.
    pub fn blurhash(&self) -> Option<String> {
        let tiny = self.pixels.thumbnail(HASHED_SIDE, HASHED_SIDE).to_rgba8();
        let (across, down) = if tiny.width() >= tiny.height() { (4, 3) } else { (3, 4) };
        blurhash::encode(across, down, tiny.width(), tiny.height(), tiny.as_raw()).ok()
    }

    /// The file of it: PNG for drawings and wherever something shows through, JPEG for photos.
    pub fn encode(&self) -> Result<(FileType, Vec<u8>), PictureError> {
        let mut file = Vec::new();
        let shows_through = self.pixels.color().has_alpha()
            && self.pixels.to_rgba8().pixels().any(|pixel| pixel.0[3] < u8::MAX);
        let kind = if self.is_drawn || shows_through {
            let mut encoder = PngEncoder::new(&mut file);
            self.keep_colours(&mut encoder);
            self.pixels.write_with_encoder(encoder).map_err(PictureError::Unwritable)?;
            FileType::Png
        } else {
            let mut encoder = JpegEncoder::new_with_quality(&mut file, QUALITY);
            self.keep_colours(&mut encoder);
            match self.pixels.color().channel_count() {
                // Grey stays grey: its colour profile is for one channel.
                1 => DynamicImage::from(self.pixels.to_luma8()).write_with_encoder(encoder),
                _ => DynamicImage::from(self.pixels.to_rgb8()).write_with_encoder(encoder),
            }
            .map_err(PictureError::Unwritable)?;
            FileType::Jpeg
        };
        Ok((kind, file))
    }

    fn keep_colours(&self, encoder: &mut impl ImageEncoder) {
        if let Some(colours) = &self.colours
            && let Err(error) = encoder.set_icc_profile(colours.clone())
        {
            tracing::debug!(%error, "a colour profile could not be kept");
        }
    }
}
