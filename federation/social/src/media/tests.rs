//! Uploads against a real database and a real folder.

mod profiles;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use spine::Cause;

use super::Upload;
use crate::read::entities::Focus;
use crate::read::tests::Node;
use crate::write::posts::{self, DeletedPost};
use crate::{AccountId, SocialError, Visibility};

/// A JPEG of this size, red on its left half.
fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) }
    });
    let mut file = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 90)
        .write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    file
}

/// An APP1 segment with EXIF: an orientation, and a GPS directory with a latitude.
fn exif(orientation: u16) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    tiff.extend_from_slice(&2_u16.to_be_bytes());
    // Orientation, SHORT, one value.
    tiff.extend_from_slice(&[0x01, 0x12, 0, 3, 0, 0, 0, 1]);
    tiff.extend_from_slice(&orientation.to_be_bytes());
    tiff.extend_from_slice(&[0, 0]);
    // Pointer to the GPS directory behind this one.
    tiff.extend_from_slice(&[0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38]);
    tiff.extend_from_slice(&[0, 0, 0, 0]);
    // GPS: latitude reference "N", then a text that must not survive.
    tiff.extend_from_slice(&[0, 1, 0, 1, 0, 2, 0, 0, 0, 2, b'N', 0, 0, 0, 0, 0, 0, 0]);
    tiff.extend_from_slice(b"GPS 48.137154 11.576124");
    let mut segment = vec![0xff, 0xe1];
    segment.extend_from_slice(&u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
    segment.extend_from_slice(b"Exif\0\0");
    segment.extend_from_slice(&tiff);
    segment
}

fn with_exif(file: &[u8], orientation: u16) -> Vec<u8> {
    [&file[..2], &exif(orientation), &file[2..]].concat()
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn upload(bytes: Vec<u8>) -> Upload {
    Upload { bytes: bytes.into(), ..Upload::default() }
}

/// The path of an address of ours.
fn path(url: Option<&str>) -> &str {
    url.unwrap().strip_prefix("https://here.example/media/").unwrap()
}

/// A stored file's content type and bytes.
async fn stored(node: &Node, path: &str) -> Result<(&'static str, Bytes), SocialError> {
    let file = node.social.open_media(path).await?;
    let bytes = part(node, path, 0..u64::MAX).await;
    assert_eq!(bytes.len() as u64, file.size);
    Ok((file.content_type, bytes))
}

/// A part of a stored file.
async fn part(node: &Node, path: &str, bytes: std::ops::Range<u64>) -> Bytes {
    let file = node.social.open_media(path).await.unwrap();
    let pieces: Vec<Bytes> = file.read(bytes).try_collect().await.unwrap();
    pieces.concat().into()
}

async fn start() -> (Node, AccountId) {
    let node = Node::start().await;
    let me = node.account("me", None).await;
    (node, me)
}

#[tokio::test]
async fn places_are_removed_and_pictures_turned_upright() {
    let (node, me) = start().await;
    let file = with_exif(&jpeg(1_000, 500), 6);
    assert!(holds(&file, b"48.137154") && holds(&file, b"Exif"));
    let made = node
        .social
        .upload(
            me,
            Upload {
                description: Some("red and blue".into()),
                focus: Some(Focus { x: 0.5, y: 7.0 }),
                file_name: Some("at-home.jpg".into()),
                ..upload(file)
            },
        )
        .await
        .unwrap();
    assert_eq!(made.kind, "image");
    let original = made.meta.original.as_ref().unwrap();
    assert_eq!((original.width, original.height), (500, 1_000), "turned a quarter");
    let small = made.meta.small.as_ref().unwrap();
    assert_eq!((small.width, small.height), (320, 640));
    assert_eq!(made.meta.focus, Some(Focus { x: 0.5, y: 1.0 }));
    assert_eq!(made.description.as_deref(), Some("red and blue"));
    assert!(made.blurhash.is_some());
    for url in [&made.url, &made.preview_url] {
        let (content_type, bytes) = stored(&node, path(url.as_deref())).await.unwrap();
        assert_eq!(content_type, "image/jpeg");
        for secret in [&b"Exif"[..], b"GPS", b"48.137154", b"at-home"] {
            assert!(!holds(&bytes, secret));
        }
        let picture = image::load_from_memory(&bytes).unwrap().to_rgb8();
        let top = picture.get_pixel(picture.width() / 2, 10).0;
        assert!(top[0] > 150 && top[2] < 100, "red is on top now: {top:?}");
    }
}

#[tokio::test]
async fn too_many_pixels_and_other_files_are_refused() {
    let (node, me) = start().await;
    // A PNG that says 60,000 × 60,000 and holds nothing: refused by its header.
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bomb.extend_from_slice(&60_000_u32.to_be_bytes());
    bomb.extend_from_slice(&60_000_u32.to_be_bytes());
    bomb.extend_from_slice(&[8, 2, 0, 0, 0]);
    bomb.extend_from_slice(&crc(&bomb[12..]).to_be_bytes());
    bomb.extend_from_slice(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    let refused = node.social.upload(me, upload(bomb)).await;
    assert!(
        matches!(&refused, Err(SocialError::Invalid(why)) if why.contains("pixels")),
        "{refused:?}"
    );
    for file in [&b"<html><script>"[..], b"<svg/>", b"", b"\xff\xd8\xff\xe0broken"] {
        let refused = node.social.upload(me, upload(file.to_vec())).await;
        assert!(matches!(refused, Err(SocialError::Invalid(_))), "{file:?}");
    }
    let mut large = b"\xff\xd8\xff".to_vec();
    large.resize((16 << 20) + 1, 0);
    assert!(matches!(
        node.social.upload(me, upload(large)).await,
        Err(SocialError::Invalid(why)) if why.contains("16 MB")
    ));
    let files = std::fs::read_dir(node.folder.path().join("media")).unwrap().count();
    assert_eq!(files, 0, "nothing of it was stored");
}

/// The check sum of a PNG chunk (PNG specification, annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 }
        })
    })
}

#[tokio::test]
async fn transparent_pictures_stay_transparent() {
    let (node, me) = start().await;
    let picture = image::RgbaImage::from_pixel(700, 20, image::Rgba([1, 2, 3, 120]));
    let mut file = Vec::new();
    image::codecs::png::PngEncoder::new(&mut file)
        .write_image(picture.as_raw(), 700, 20, ExtendedColorType::Rgba8)
        .unwrap();
    let made = node.social.upload(me, upload(file)).await.unwrap();
    let (content_type, bytes) = stored(&node, path(made.url.as_deref())).await.unwrap();
    assert_eq!(content_type, "image/png");
    let picture = image::load_from_memory(&bytes).unwrap().to_rgba8();
    assert_eq!(picture.get_pixel(5, 5).0, [1, 2, 3, 120]);
}

#[tokio::test]
async fn videos_are_stored_as_they_are_and_served_in_ranges() {
    let (node, me) = start().await;
    let file = [&b"\0\0\0\x10ftypisom\0\0\0\0"[..], b"\0\0\0\x0cmdatfilm"].concat();
    let made = node
        .social
        .upload(me, Upload { thumbnail: Some(jpeg(800, 400).into()), ..upload(file.clone()) })
        .await
        .unwrap();
    assert_eq!(made.kind, "video");
    assert!(made.blurhash.is_some(), "from its thumbnail");
    assert_ne!(made.preview_url, made.url);
    let at = path(made.url.as_deref());
    assert_eq!(stored(&node, at).await.unwrap(), ("video/mp4", file.into()));
    assert_eq!(part(&node, at, 4..8).await, "ftyp");
    assert_eq!(part(&node, at, 24..9_999).await, "film", "what reaches past the end is left out");
    assert_eq!(part(&node, at, 9_999..10_000).await, "");
    let elsewhere = node.social.open_media("../../etc/passwd").await;
    assert!(matches!(elsewhere, Err(SocialError::NotFound)));
}

#[tokio::test]
async fn a_large_file_is_read_whole_piece_by_piece_and_never_cut_short_in_silence() {
    let (node, me) = start().await;
    let mut file = b"\0\0\0\x10ftypisom\0\0\0\0\0\x98\x96\x88mdat".to_vec();
    // 10,000,000 bytes that repeat nowhere near the size of a piece.
    file.extend((0..10_000_000_u32).map(|index| (index % 251) as u8));
    let made = node.social.upload(me, upload(file.clone())).await.unwrap();
    let at = path(made.url.as_deref());
    assert!(stored(&node, at).await.unwrap().1 == file);
    assert!(part(&node, at, 1_048_575..7_000_001).await == file[1_048_575..7_000_001]);

    let opened = node.social.open_media(at).await.unwrap();
    let mut pieces = opened.read(0..opened.size);
    assert_eq!(pieces.try_next().await.unwrap().unwrap().len(), 1 << 20);
    let on_disk = node.social.settings().media_folder.join(at);
    std::fs::File::options().write(true).open(on_disk).unwrap().set_len(1 << 20).unwrap();
    assert!(pieces.try_next().await.is_err());
}

#[tokio::test]
async fn only_the_uploader_changes_an_upload_and_only_until_it_is_attached() {
    let (node, me) = start().await;
    let other = node.account("other", None).await;
    let made = node.social.upload(me, upload(jpeg(20, 20))).await.unwrap();
    assert_eq!(made.preview_url, made.url, "small pictures are their own preview");
    let text = Some("new".to_owned());
    assert!(node.social.update_media(other, made.id, text.clone(), None).await.is_err());
    assert!(node.social.media(other, made.id).await.is_err());
    let changed = node.social.update_media(me, made.id, text, None).await.unwrap();
    assert_eq!(changed.description.as_deref(), Some("new"));
    let focus = Some(Focus { x: -0.5, y: 0.25 });
    let changed = node.social.update_media(me, made.id, None, focus).await.unwrap();
    assert_eq!((changed.description.as_deref(), changed.meta.focus), (Some("new"), focus));
    let long = Some("x".repeat(1_501));
    assert!(matches!(
        node.social.update_media(me, made.id, long, None).await,
        Err(SocialError::Invalid(_))
    ));
    let post = node.post(me, Visibility::Public).await;
    node.run(
        "UPDATE social.media SET post_id = $2 WHERE id = $1",
        &[made.id.number(), post.number()],
    )
    .await;
    assert!(node.social.update_media(me, made.id, Some("late".into()), None).await.is_err());
}

#[tokio::test]
async fn uploads_that_nobody_attached_are_gone_after_a_day() {
    let (node, me) = start().await;
    let lost = node.social.upload(me, upload(jpeg(700, 20))).await.unwrap();
    let used = node.social.upload(me, upload(jpeg(20, 20))).await.unwrap();
    let post = node.post(me, Visibility::Public).await;
    node.run(
        "UPDATE social.media SET post_id = $2 WHERE id = $1",
        &[used.id.number(), post.number()],
    )
    .await;
    node.clock.advance(chrono::Duration::hours(23));
    node.social.remove_unattached_media().await.unwrap();
    assert!(node.social.media(me, lost.id).await.is_ok());
    node.clock.advance(chrono::Duration::hours(2));
    node.social.remove_unattached_media().await.unwrap();
    assert!(node.social.media(me, lost.id).await.is_err());
    for url in [&lost.url, &lost.preview_url] {
        assert!(node.social.open_media(path(url.as_deref())).await.is_err());
    }
    assert!(node.social.open_media(path(used.url.as_deref())).await.is_ok());
}

#[tokio::test]
async fn the_files_of_a_deleted_post_are_gone_after_a_day() {
    let (node, me) = start().await;
    let made = node.social.upload(me, upload(jpeg(700, 20))).await.unwrap();
    let post = node.post(me, Visibility::Public).await;
    node.run(
        "UPDATE social.media SET post_id = $2 WHERE id = $1",
        &[made.id.number(), post.number()],
    )
    .await;
    node.clock.advance(chrono::Duration::days(300));
    let mut tx = node.social.spine().begin(Cause::system()).await.unwrap();
    let gone = DeletedPost { post, cause: Cause::system() };
    posts::delete(&node.social, &mut tx, &[gone]).await.unwrap();
    tx.commit().await.unwrap();
    // It may be written anew with the same picture.
    node.social.remove_unattached_media().await.unwrap();
    assert!(node.social.open_media(path(made.url.as_deref())).await.is_ok());
    node.clock.advance(chrono::Duration::hours(25));
    node.social.remove_unattached_media().await.unwrap();
    assert!(node.social.media(me, made.id).await.is_err());
    for url in [&made.url, &made.preview_url] {
        assert!(node.social.open_media(path(url.as_deref())).await.is_err());
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_removed_is_not_forgotten() {
    let (node, me) = start().await;
    let made = node.social.upload(me, upload(jpeg(20, 20))).await.unwrap();
    node.clock.advance(chrono::Duration::hours(25));
    // What is no file, and not empty, cannot be removed as one.
    let file = node.social.settings().media_folder.join(path(made.url.as_deref()));
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir_all(file.join("full")).unwrap();
    assert!(node.social.remove_unattached_media().await.is_err());
    assert!(node.social.media(me, made.id).await.is_ok());
    std::fs::remove_dir_all(&file).unwrap();
    node.social.remove_unattached_media().await.unwrap();
    assert!(node.social.media(me, made.id).await.is_err());
}

#[tokio::test]
async fn an_upload_is_deleted_by_its_owner_unless_a_post_has_it() {
    let (node, me) = start().await;
    let other = node.account("other", None).await;
    let made = node.social.upload(me, upload(jpeg(700, 20))).await.unwrap();
    let theirs = node.social.delete_media(other, made.id).await;
    assert!(matches!(theirs, Err(SocialError::NotFound)));
    let used = node.social.upload(me, upload(jpeg(20, 20))).await.unwrap();
    let post = node.post(me, Visibility::Public).await;
    node.run(
        "UPDATE social.media SET post_id = $2 WHERE id = $1",
        &[used.id.number(), post.number()],
    )
    .await;
    let refused = node.social.delete_media(me, used.id).await;
    assert!(matches!(refused, Err(SocialError::Invalid(_))), "{refused:?}");
    assert!(node.social.open_media(path(used.url.as_deref())).await.is_ok());

    node.social.delete_media(me, made.id).await.unwrap();
    for url in [&made.url, &made.preview_url] {
        assert!(node.social.open_media(path(url.as_deref())).await.is_err());
    }
    let again = node.social.delete_media(me, made.id).await;
    assert!(matches!(again, Err(SocialError::NotFound)));
}
