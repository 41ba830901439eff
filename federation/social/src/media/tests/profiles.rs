//! Pictures of profiles, and what becomes of those that no profile shows.

use bytes::Bytes;
use chrono::Duration;
use image::{ExtendedColorType, ImageEncoder};

use super::{exif, holds, jpeg, path, start, stored, with_exif};
use crate::commands::{PictureChange, ProfileChange};
use crate::media::ProfilePicture;
use crate::read::tests::Node;
use crate::{AccountId, SocialError};

fn png(width: u32, height: u32) -> Bytes {
    let pixels = vec![120; width as usize * height as usize];
    let mut file = Vec::new();
    image::codecs::png::PngEncoder::new(&mut file)
        .write_image(&pixels, width, height, ExtendedColorType::L8)
        .unwrap();
    file.into()
}

fn avatar(bytes: impl Into<Bytes>) -> ProfileChange {
    let avatar = Some(PictureChange::Replace(bytes.into()));
    ProfileChange { avatar, ..ProfileChange::default() }
}

fn header(bytes: impl Into<Bytes>) -> ProfileChange {
    let header = Some(PictureChange::Replace(bytes.into()));
    ProfileChange { header, ..ProfileChange::default() }
}

/// Where the picture is that the profile shows.
async fn shown(node: &Node, account: AccountId) -> String {
    let account = node.social.credentials(account).await.unwrap().account;
    path(Some(account.avatar.as_str())).to_owned()
}

/// How many files there are.
fn files(node: &Node) -> usize {
    let folders = std::fs::read_dir(&node.social.settings().media_folder).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn profile_pictures_are_cut_to_their_shape() {
    let (node, me) = start().await;
    let file = with_exif(&jpeg(900, 300), 1);
    assert!(holds(&file, &exif(1)));
    node.social.update_profile(me, avatar(file)).await.unwrap();
    let (_, bytes) = stored(&node, &shown(&node, me).await).await.unwrap();
    assert!(!holds(&bytes, b"Exif"));
    let picture = image::load_from_memory(&bytes).unwrap();
    assert_eq!((picture.width(), picture.height()), (400, 400));
    let refused = node.social.update_profile(me, header("no picture")).await;
    assert!(matches!(refused, Err(SocialError::Invalid(_))));
}

#[tokio::test]
async fn the_thinnest_picture_becomes_a_profile_picture_and_an_endless_one_is_refused() {
    let (node, me) = start().await;
    for (width, height) in [(1, 30_000), (30_000, 1)] {
        node.social.update_profile(me, avatar(png(width, height))).await.unwrap();
        let (_, bytes) = stored(&node, &shown(&node, me).await).await.unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!((picture.width(), picture.height()), (400, 400));
        node.social.update_profile(me, header(png(width, height))).await.unwrap();
        node.social.upload(me, super::upload(png(width, height).into())).await.unwrap();
    }
    for (width, height) in [(1, 1_000_000), (1_000_000, 1)] {
        for change in [avatar(png(width, height)), header(png(width, height))] {
            let refused = node.social.update_profile(me, change).await;
            assert!(matches!(&refused, Err(SocialError::Invalid(why)) if why.contains("too long")));
        }
        let refused = node.social.upload(me, super::upload(png(width, height).into())).await;
        assert!(matches!(refused, Err(SocialError::Invalid(_))));
    }
}

#[tokio::test]
async fn a_picture_that_a_profile_left_is_gone_after_a_day_and_what_it_shows_stays() {
    let (node, me) = start().await;
    node.social.update_profile(me, avatar(png(20, 20))).await.unwrap();
    let first = shown(&node, me).await;
    node.clock.advance(Duration::days(30));
    node.social.remove_unused_files().await.unwrap();
    assert!(stored(&node, &first).await.is_ok(), "a profile shows it");

    let both = ProfileChange { header: header(png(30, 10)).header, ..avatar(png(30, 30)) };
    node.social.update_profile(me, both).await.unwrap();
    let second = shown(&node, me).await;
    assert_ne!(first, second);
    node.social.remove_unused_files().await.unwrap();
    assert!(stored(&node, &first).await.is_ok(), "others still know its address");
    node.clock.advance(Duration::hours(25));
    node.social.remove_unused_files().await.unwrap();
    assert!(matches!(stored(&node, &first).await, Err(SocialError::NotFound)));
    assert!(stored(&node, &second).await.is_ok());
    assert_eq!(files(&node), 2, "the picture and the wide one");

    let none = ProfileChange {
        avatar: Some(PictureChange::Remove),
        header: Some(PictureChange::Remove),
        ..ProfileChange::default()
    };
    node.social.update_profile(me, none.clone()).await.unwrap();
    node.social.update_profile(me, none).await.unwrap();
    node.clock.advance(Duration::hours(25));
    node.social.remove_unused_files().await.unwrap();
    assert_eq!(files(&node), 0);
}

#[tokio::test]
async fn a_refused_change_of_a_profile_stores_no_picture() {
    let (node, me) = start().await;
    let long = ProfileChange { note: Some("x".repeat(6_000)), ..avatar(png(20, 20)) };
    let broken = ProfileChange { header: header("no picture").header, ..avatar(png(20, 20)) };
    for change in [long, broken] {
        let refused = node.social.update_profile(me, change).await;
        assert!(matches!(refused, Err(SocialError::Invalid(_))));
        assert_eq!(files(&node), 0);
    }
}

#[tokio::test]
async fn a_stored_picture_that_no_profile_took_is_gone_after_a_day() {
    let (node, me) = start().await;
    let new = node.social.prepare_profile_picture(ProfilePicture::Avatar, png(20, 20));
    node.social.store_profile_picture(new.await.unwrap()).await.unwrap();
    node.social.remove_unused_files().await.unwrap();
    assert_eq!(files(&node), 1);
    node.clock.advance(Duration::hours(25));
    node.social.remove_unused_files().await.unwrap();
    assert_eq!(files(&node), 0);
    node.social.update_profile(me, avatar(png(20, 20))).await.unwrap();
    assert_eq!(files(&node), 1);
}

#[tokio::test]
async fn the_pictures_of_a_deleted_account_are_gone_with_it() {
    let (node, me) = start().await;
    let both = ProfileChange { header: header(png(30, 10)).header, ..avatar(png(30, 30)) };
    node.social.update_profile(me, both).await.unwrap();
    assert_eq!(files(&node), 2);
    node.social.delete_local_account(me).await.unwrap();
    // What the job does at the end of its work.
    node.social.remove_unused_files().await.unwrap();
    assert_eq!(files(&node), 0);
}
