//! Posts with uploads: sent again under the same key, and edited.

use image::{ExtendedColorType, ImageEncoder};

use super::{NewPost, World};
use crate::media::Upload;
use crate::{AccountId, MediaId, SocialError};

/// A small picture of this person's.
async fn picture(world: &World, owner: AccountId, description: &str) -> MediaId {
    let mut file = Vec::new();
    image::codecs::png::PngEncoder::new(&mut file)
        .write_image(&[200; 4 * 4 * 3], 4, 4, ExtendedColorType::Rgb8)
        .unwrap();
    let description = Some(description.to_owned());
    let upload = Upload { bytes: file.into(), description, ..Upload::default() };
    world.social.upload(owner, upload).await.unwrap().id
}

fn with_media(media: MediaId) -> NewPost {
    NewPost { text: "look".to_owned(), media: vec![media], ..Default::default() }
}

#[tokio::test]
async fn a_post_with_an_upload_sent_again_under_its_key_is_the_same_post() {
    let world = World::start().await;
    let alice = world.person("alice").await;
    let new = NewPost {
        idempotency_key: Some("k".to_owned()),
        ..with_media(picture(&world, alice, "").await)
    };
    let first = world.social.publish_post(alice, new.clone()).await.unwrap();
    let again = world.social.publish_post(alice, new.clone()).await;
    assert_eq!(again.unwrap(), first, "its upload is taken by itself");
    let without_key = NewPost { idempotency_key: None, ..new };
    let taken = world.social.publish_post(alice, without_key).await;
    assert!(matches!(taken, Err(SocialError::Invalid(_))), "{taken:?}");
    assert_eq!(world.count("SELECT count(*) FROM social.post").await, 1);
}

#[tokio::test]
async fn a_post_with_an_upload_sent_many_times_at_once_is_one_post() {
    let world = World::start().await;
    let alice = world.person("alice").await;
    // Several rounds: whether a twin still waits or is stored already differs each time.
    for round in 0..5 {
        let new = NewPost {
            idempotency_key: Some(format!("k{round}")),
            ..with_media(picture(&world, alice, "").await)
        };
        let all = (0..20).map(|_| world.social.publish_post(alice, new.clone()));
        let made = futures_util::future::join_all(all).await;
        let first = *made[0].as_ref().unwrap();
        assert!(made.into_iter().all(|post| post.unwrap() == first));
        assert_eq!(world.count("SELECT count(*) FROM social.post").await, round + 1);
    }
}
