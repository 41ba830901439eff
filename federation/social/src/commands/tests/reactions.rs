//! Favourites, boosts, bookmarks, pins.

use super::{NewPoll, NewPost, World};
use crate::read::Page;
use crate::{AccountId, SocialError, Visibility};

#[tokio::test]
async fn a_favourite_counts_once_and_can_be_taken_back() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let post = world.publish(alice, "x").await;
    world.social.favourite(bob, post).await.unwrap();
    world.social.favourite(bob, post).await.unwrap();
    assert_eq!(world.counter("post", "favourites_count", post.number()).await, 1);
    assert_eq!(world.notified(alice).await, ["favourite"]);
    assert_eq!(world.events("social.PostReacted.v1").await, 1);
    world.social.unfavourite(bob, post).await.unwrap();
    world.social.unfavourite(bob, post).await.unwrap();
    assert_eq!(world.counter("post", "favourites_count", post.number()).await, 0);
    assert!(world.notified(alice).await.is_empty());
    assert_eq!(world.events("social.PostReacted.v1").await, 2);
}

#[tokio::test]
async fn a_boost_counts_once_and_can_be_taken_back() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let post = world.publish(alice, "x").await;
    let boost = world.social.boost(bob, post, None).await.unwrap();
    assert_eq!(world.social.boost(bob, post, None).await.unwrap(), boost);
    // Of a boost, what it boosts.
    assert_eq!(world.social.boost(bob, boost, None).await.unwrap(), boost);
    assert_eq!(world.counter("post", "boosts_count", post.number()).await, 1);
    assert_eq!(world.notified(alice).await, ["reblog"]);
    world.social.unboost(bob, post).await.unwrap();
    world.social.unboost(bob, post).await.unwrap();
    assert_eq!(world.counter("post", "boosts_count", post.number()).await, 0);
    assert!(world.notified(alice).await.is_empty());
    let again = world.social.boost(bob, post, None).await.unwrap();
    assert_ne!(again, boost);
    world.social.delete_post(bob, again).await.unwrap();
    assert_eq!(world.counter("post", "boosts_count", post.number()).await, 0);
    assert_eq!(world.counter("account", "statuses_count", bob.number()).await, 0);
}

#[tokio::test]
async fn what_is_not_for_everyone_is_not_passed_on() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.befriend(bob, alice).await;
    let say = |visibility| super::NewPost {
        text: "@bob x".to_owned(),
        visibility: Some(visibility),
        ..Default::default()
    };
    let private = world.publish_new(alice, say(Visibility::Private)).await.unwrap();
    let direct = world.publish_new(alice, say(Visibility::Direct)).await.unwrap();
    for post in [private, direct] {
        let refused = world.social.boost(bob, post, None).await;
        assert!(matches!(refused, Err(SocialError::Forbidden(_))));
    }
    let own = world.social.boost(alice, private, Some(Visibility::Public)).await.unwrap();
    assert_eq!(world.counter("post", "visibility::bigint", own.number()).await, 2);
    assert!(world.social.boost(alice, direct, None).await.is_err());
}

#[tokio::test]
async fn who_may_not_see_a_post_cannot_touch_it() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let public = world.publish(alice, "x").await;
    world.social.favourite(bob, public).await.unwrap();
    world.social.block(alice, bob).await.unwrap();
    assert!(matches!(world.social.favourite(bob, public).await, Err(SocialError::NotFound)));
    assert!(matches!(world.social.bookmark(bob, public).await, Err(SocialError::NotFound)));
    assert!(matches!(world.social.boost(bob, public, None).await, Err(SocialError::NotFound)));
}

#[tokio::test]
async fn bookmarks_and_pins_are_kept_and_limited() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let post = world.publish(alice, "0").await;
    for _ in 0..2 {
        world.social.bookmark(bob, post).await.unwrap();
    }
    assert_eq!(world.count("SELECT count(*) FROM social.bookmark").await, 1);
    world.social.unbookmark(bob, post).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM social.bookmark").await, 0);

    assert!(matches!(world.social.pin(bob, post).await, Err(SocialError::NotFound)));
    for _ in 0..2 {
        world.social.pin(alice, post).await.unwrap();
    }
    for number in 1..5 {
        let more = world.publish(alice, &number.to_string()).await;
        world.social.pin(alice, more).await.unwrap();
    }
    let sixth = world.publish(alice, "6").await;
    assert!(matches!(world.social.pin(alice, sixth).await, Err(SocialError::Invalid(_))));
    assert_eq!(world.count("SELECT count(*) FROM social.pin").await, 5);
    world.social.unpin(alice, post).await.unwrap();
    world.social.pin(alice, sixth).await.unwrap();
}

/// A post in the home timeline as its reader's client gets it, kept page or not.
async fn at_home(world: &World, reader: AccountId) -> serde_json::Value {
    let page = world.social.home_json(reader, &Page::default()).await.unwrap();
    let page: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    page[0].clone()
}

#[tokio::test]
async fn who_reacts_reads_the_new_numbers_and_marks_at_once() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.befriend(bob, alice).await;
    let post = world.publish(alice, "x").await;
    let (social, actor) = (&world.social, Some(bob));
    for count in [1, 0] {
        // Kept in memory, as of before the change.
        assert_eq!(social.status(actor, post).await.unwrap().body.favourites_count, 1 - count);
        assert_eq!(at_home(&world, bob).await["favourites_count"], 1 - count);
        if count == 1 {
            social.favourite(bob, post).await.unwrap();
        } else {
            social.unfavourite(bob, post).await.unwrap();
        }
        assert_eq!(social.status(actor, post).await.unwrap().body.favourites_count, count);
        let home = at_home(&world, bob).await;
        assert_eq!(
            (&home["favourites_count"], &home["favourited"]),
            (&count.into(), &(count == 1).into())
        );
    }
    social.bookmark(bob, post).await.unwrap();
    assert_eq!(at_home(&world, bob).await["bookmarked"], true);
    social.unbookmark(bob, post).await.unwrap();
    assert_eq!(at_home(&world, bob).await["bookmarked"], false);
    social.mute_conversation(bob, post).await.unwrap();
    assert_eq!(at_home(&world, bob).await["muted"], true);
    social.unmute_conversation(bob, post).await.unwrap();
    assert_eq!(at_home(&world, bob).await["muted"], false);
    at_home(&world, alice).await;
    social.pin(alice, post).await.unwrap();
    assert_eq!(at_home(&world, alice).await["pinned"], true);
    social.unpin(alice, post).await.unwrap();
    assert_eq!(at_home(&world, alice).await["pinned"], false);
}

#[tokio::test]
async fn who_votes_reads_the_new_count_at_once() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let poll = NewPoll {
        options: vec!["yes".to_owned(), "no".to_owned()],
        expires_in: std::time::Duration::from_secs(3_600),
        multiple: false,
        hide_totals: false,
    };
    let new = NewPost { text: "Well?".to_owned(), poll: Some(poll), ..Default::default() };
    let post = world.publish_new(alice, new).await.unwrap();
    let poll = world.social.status(Some(bob), post).await.unwrap().poll.unwrap();
    assert_eq!((poll.votes_count, poll.voted), (0, Some(false)));
    world.social.vote(bob, poll.id, &[0]).await.unwrap();
    let poll = world.social.poll(Some(bob), poll.id).await.unwrap();
    assert_eq!((poll.votes_count, poll.voted), (1, Some(true)));
}
