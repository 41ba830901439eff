//! Pictures: read with limits, turned upright, encoded without anything but pixels and colours.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};

use super::sniff::FileType;
use crate::limits::{PICTURE_PIXELS, PICTURE_SIDE};

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
    /// A side is longer than we read.
    #[error("Picture is too long or too wide (a side has at most {PICTURE_SIDE} pixels)")]
    TooLong,
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
    if width == 0 || height == 0 {
        return Err(PictureError::Unreadable);
    }
    if width.max(height) > PICTURE_SIDE {
        return Err(PictureError::TooLong);
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
    ///
    /// It is cut before it is scaled: scaled whole to cover the size, a picture of one by thirty
    /// thousand pixels would need more memory than there is.
    pub fn cover(&self, (width, height): (u32, u32)) -> Self {
        let (whole_width, whole_height) = (self.pixels.width(), self.pixels.height());
        let cut_width = scaled(whole_height, width, height).clamp(1, whole_width);
        let cut_height = scaled(whole_width, height, width).clamp(1, whole_height);
        let (left, top) = ((whole_width - cut_width) / 2, (whole_height - cut_height) / 2);
        let cut = self.pixels.crop_imm(left, top, cut_width, cut_height);
        self.with(cut.resize_exact(width, height, FilterType::CatmullRom))
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

/// `side × numerator / denominator`, rounded.
fn scaled(side: u32, numerator: u32, denominator: u32) -> u32 {
    let (numerator, denominator) = (u64::from(numerator), u64::from(denominator.max(1)));
    let scaled = (u64::from(side) * numerator + denominator / 2) / denominator;
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    fn picture(pixels: RgbImage) -> Picture {
        Picture { pixels: pixels.into(), colours: None, is_drawn: false }
    }

    #[test]
    fn a_cover_keeps_the_middle_and_the_shape_of_things() {
        // Three squares; the one in the middle is red.
        let squares = RgbImage::from_fn(900, 300, |x, _| {
            if (300..600).contains(&x) { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) }
        });
        let cover = picture(squares.clone()).cover((400, 400));
        assert_eq!(cover.size(), (400, 400));
        assert!(cover.pixels.to_rgb8().pixels().all(|pixel| pixel.0[0] > 200), "only the middle");
        let wide = picture(squares).cover((1_500, 500)).pixels.to_rgb8();
        assert_eq!(wide.get_pixel(20, 250).0, [20, 20, 220]);
        assert_eq!(wide.get_pixel(750, 250).0, [220, 20, 20]);
    }

    #[test]
    fn the_thinnest_pictures_are_covered_previewed_and_hashed_within_little_memory() {
        for (width, height) in [(1, PICTURE_SIDE), (PICTURE_SIDE, 1), (1, 1), (3, PICTURE_SIDE)] {
            let thin = picture(RgbImage::from_pixel(width, height, Rgb([20, 200, 20])));
            for size in [(400, 400), (1_500, 500)] {
                let cover = thin.cover(size);
                assert_eq!((cover.pixels.width(), cover.pixels.height()), size);
                assert_eq!(cover.pixels.to_rgb8().get_pixel(200, 200).0, [20, 200, 20]);
            }
            let small = thin.small();
            assert!(small.pixels.width() <= PREVIEW_SIDE && small.pixels.height() <= PREVIEW_SIDE);
            assert!(thin.blurhash().is_some());
            assert_eq!(thin.shrunk().size(), thin.size());
        }
    }
}
