//! Posts with uploads: sent again under the same key, and edited.

use image::{ExtendedColorType, ImageEncoder};

use super::{Inbox, MediaChange, NewPost, PostEdit, World};
use crate::media::Upload;
use crate::read::entities::Focus;
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
    let first = world.publish_new(alice, new.clone()).await.unwrap();
    let again = world.publish_new(alice, new.clone()).await;
    assert_eq!(again.unwrap(), first, "its upload is taken by itself");
    let without_key = NewPost { idempotency_key: None, ..new };
    let taken = world.publish_new(alice, without_key).await;
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
        let all = (0..20).map(|_| world.publish_new(alice, new.clone()));
        let made = futures_util::future::join_all(all).await;
        let first = *made[0].as_ref().unwrap();
        assert!(made.into_iter().all(|post| post.unwrap() == first));
        assert_eq!(world.count("SELECT count(*) FROM social.post").await, round + 1);
    }
}

#[tokio::test]
async fn the_description_of_a_posted_picture_is_edited_with_its_post_and_told_to_others() {
    let (world, inbox) = (World::start().await, Inbox::start().await);
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let fan = world.remote(&inbox.account("fan")).await;
    world.befriend(fan, alice).await;
    let media = picture(&world, alice, "a cta").await;
    let post = world.publish_new(alice, with_media(media)).await.unwrap();
    world.running.settle().await;
    inbox.delivered();

    let change = |description: Option<&str>, focus| PostEdit {
        media: Some(vec![media]),
        media_changes: vec![MediaChange {
            id: media,
            description: description.map(str::to_owned),
            focus,
        }],
        ..Default::default()
    };
    let same = change(Some("a cta"), None);
    world.social.edit_post(alice, post, same).await.unwrap();
    assert_eq!(world.events("social.PostEdited.v1").await, 0, "nothing changed");

    let better = change(Some("a cat"), Some((0.5, 7.0)));
    let theirs = world.social.edit_post(bob, post, better.clone()).await;
    assert!(matches!(theirs, Err(SocialError::NotFound)));
    world.social.edit_post(alice, post, better).await.unwrap();
    let shown = world.social.status(Some(alice), post).await.unwrap();
    let attachment = &shown.body.media_attachments[0];
    assert_eq!(attachment.id, media);
    assert_eq!(attachment.description.as_deref(), Some("a cat"));
    assert_eq!(attachment.meta.focus, Some(Focus { x: 0.5, y: 1.0 }));
    assert!(shown.body.edited_at.is_some());
    let history = world.social.status_history(Some(alice), post).await.unwrap();
    let descriptions: Vec<_> =
        history.iter().map(|version| version.media_attachments[0].description.as_deref()).collect();
    assert_eq!(descriptions, [Some("a cta"), Some("a cat")]);
    world.running.settle().await;
    let told = inbox.delivered();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].body["type"], "Update");
    assert_eq!(told[0].body["object"]["attachment"][0]["name"], "a cat");

    let long = change(Some(&"x".repeat(1_501)), None);
    let refused = world.social.edit_post(alice, post, long).await;
    assert!(matches!(refused, Err(SocialError::Invalid(_))));
    world.social.edit_post(alice, post, change(Some(""), None)).await.unwrap();
    let shown = world.social.status(Some(alice), post).await.unwrap();
    assert_eq!(shown.body.media_attachments[0].description, None);
    assert_eq!(shown.body.media_attachments[0].meta.focus, Some(Focus { x: 0.5, y: 1.0 }));
}

#[tokio::test]
async fn an_edit_changes_the_uploads_of_its_own_post_only() {
    let world = World::start().await;
    let alice = world.person("alice").await;
    let (first, second) =
        (picture(&world, alice, "first").await, picture(&world, alice, "second").await);
    let post = world.publish_new(alice, with_media(first)).await.unwrap();
    world.publish_new(alice, with_media(second)).await.unwrap();
    let edit = PostEdit {
        media: Some(vec![first]),
        media_changes: vec![MediaChange {
            id: second,
            description: Some("changed".to_owned()),
            focus: None,
        }],
        ..Default::default()
    };
    world.social.edit_post(alice, post, edit).await.unwrap();
    let kept = world.texts("SELECT description FROM social.media ORDER BY id").await;
    assert_eq!(kept, ["first", "second"]);
    let added = picture(&world, alice, "third").await;
    let edit = PostEdit {
        media: Some(vec![first, added]),
        media_changes: vec![MediaChange {
            id: added,
            description: Some("new with the edit".to_owned()),
            focus: None,
        }],
        ..Default::default()
    };
    world.social.edit_post(alice, post, edit).await.unwrap();
    let kept = world.texts("SELECT description FROM social.media ORDER BY id").await;
    assert_eq!(kept, ["first", "second", "new with the edit"]);
}
