//! Following, blocking, muting, reporting.

use super::{FollowOptions, MuteOptions, NewComplaint, World};
use crate::SocialError;

#[tokio::test]
async fn a_follow_counts_once_on_both_sides() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    for _ in 0..2 {
        world.social.follow(alice, bob, FollowOptions::default()).await.unwrap();
    }
    assert_eq!(world.counter("account", "following_count", alice.number()).await, 1);
    assert_eq!(world.counter("account", "followers_count", bob.number()).await, 1);
    assert_eq!(world.notified(bob).await, ["follow"]);
    assert_eq!(world.events("social.RelationshipChanged.v1").await, 1);
    for _ in 0..2 {
        world.social.unfollow(alice, bob).await.unwrap();
    }
    assert_eq!(world.counter("account", "following_count", alice.number()).await, 0);
    assert_eq!(world.counter("account", "followers_count", bob.number()).await, 0);
    assert!(world.notified(bob).await.is_empty());
    assert_eq!(world.events("social.RelationshipChanged.v1").await, 2);
    assert!(matches!(
        world.social.follow(alice, alice, FollowOptions::default()).await,
        Err(SocialError::Invalid(_))
    ));
}

#[tokio::test]
async fn options_that_are_not_named_stay() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let first = FollowOptions { notify: Some(true), reblogs: Some(false), languages: None };
    world.social.follow(alice, bob, first).await.unwrap();
    let second = FollowOptions { reblogs: Some(true), ..FollowOptions::default() };
    world.social.follow(alice, bob, second).await.unwrap();
    let kept = "SELECT count(*) FROM social.follow WHERE notify AND show_boosts AND accepted";
    assert_eq!(world.count(kept).await, 1);
}

#[tokio::test]
async fn a_request_waits_for_an_answer() {
    let world = World::start().await;
    let (alice, bob, eve) =
        (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let lock = super::ProfileChange { locked: Some(true), ..Default::default() };
    world.social.update_profile(bob, lock).await.unwrap();
    world.social.follow(alice, bob, FollowOptions::default()).await.unwrap();
    world.social.follow(eve, bob, FollowOptions::default()).await.unwrap();
    assert_eq!(world.counter("account", "followers_count", bob.number()).await, 0);
    assert_eq!(world.notified(bob).await, ["follow_request", "follow_request"]);
    for _ in 0..2 {
        world.social.authorize_follow(bob, alice).await.unwrap();
        world.social.reject_follow(bob, eve).await.unwrap();
    }
    assert_eq!(world.counter("account", "followers_count", bob.number()).await, 1);
    assert_eq!(world.notified(bob).await, ["follow"]);
    world.social.remove_follower(bob, alice).await.unwrap();
    assert_eq!(world.counter("account", "followers_count", bob.number()).await, 0);
    assert_eq!(world.count("SELECT count(*) FROM social.follow").await, 0);
}

#[tokio::test]
async fn a_block_ends_everything_between_two_people() {
    let world = World::start().await;
    let (alice, bob, eve) =
        (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    world.befriend(alice, bob).await;
    world.befriend(bob, alice).await;
    world.befriend(alice, eve).await;
    let post = world.publish(bob, "@alice x").await;
    let boost = world.social.boost(eve, post, None).await.unwrap();
    assert!(world.is_home(alice, post).await);
    let list = super::ListChange { title: Some("l".to_owned()), ..Default::default() };
    let list = world.social.create_list(alice, list).await.unwrap();
    world.social.add_to_list(alice, list, &[bob]).await.unwrap();
    for _ in 0..2 {
        world.social.block(alice, bob).await.unwrap();
    }
    assert!(!world.is_home(alice, post).await);
    assert!(!world.is_home(alice, boost).await, "boosts of him too");
    assert_eq!(world.notified(alice).await, Vec::<String>::new());
    assert_eq!(world.count("SELECT count(*) FROM social.list_member").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM social.follow").await, 1);
    assert_eq!(world.counter("account", "followers_count", bob.number()).await, 0);
    assert_eq!(world.counter("account", "following_count", bob.number()).await, 0);
    for (follower, target) in [(alice, bob), (bob, alice)] {
        let refused = world.social.follow(follower, target, FollowOptions::default()).await;
        assert!(matches!(refused, Err(SocialError::Forbidden(_))));
    }
    for _ in 0..2 {
        world.social.unblock(alice, bob).await.unwrap();
    }
    world.social.follow(bob, alice, FollowOptions::default()).await.unwrap();
    let blocked = "SELECT count(*) FROM social.block";
    assert_eq!(world.count(blocked).await, 0);
}

#[tokio::test]
async fn a_mute_may_end_by_itself_and_may_let_notifications_through() {
    let clock = spine::Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let world = World::start_on(clock.clone()).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.befriend(alice, bob).await;
    let options =
        MuteOptions { notifications: false, duration: Some(std::time::Duration::from_secs(3_600)) };
    world.social.mute(alice, bob, options).await.unwrap();
    let hidden = world.publish(bob, "@alice one").await;
    assert!(!world.is_home(alice, hidden).await);
    assert_eq!(world.notified(alice).await, ["mention"]);
    clock.advance(chrono::Duration::hours(2));
    let shown = world.publish(bob, "two").await;
    assert!(world.is_home(alice, shown).await);
}

#[tokio::test]
async fn a_blocked_host_is_gone_with_its_subdomains() {
    let world = World::start().await;
    let alice = world.person("alice").await;
    let near = world.stranger("near", "bad.example").await;
    let below = world.stranger("below", "sub.bad.example").await;
    let far = world.stranger("far", "notbad.example").await;
    for stranger in [near, below, far] {
        world.befriend(alice, stranger).await;
        world.befriend(stranger, alice).await;
    }
    for _ in 0..2 {
        world.social.block_domain(alice, "BAD.example").await.unwrap();
    }
    assert_eq!(world.counter("account", "following_count", alice.number()).await, 1);
    assert_eq!(world.counter("account", "followers_count", alice.number()).await, 1);
    assert!(world.social.block_domain(alice, "127.0.0.1:9").await.is_err(), "not our own");
    world.social.unblock_domain(alice, "bad.example").await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM social.domain_block").await, 0);
}

#[tokio::test]
async fn notes_lists_markers_and_reports_are_kept() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.social.set_note(alice, bob, "my neighbour").await.unwrap();
    assert_eq!(world.texts("SELECT comment FROM social.account_note").await, ["my neighbour"]);
    world.social.set_note(alice, bob, "").await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM social.account_note").await, 0);

    let positions = [("notifications".to_owned(), "123".to_owned())].into_iter().collect();
    for _ in 0..2 {
        world.social.save_markers(alice, &positions).await.unwrap();
    }
    assert_eq!(world.count("SELECT version::bigint FROM social.marker").await, 2);
    let read = format!(
        "SELECT last_notification_read FROM social.local_account WHERE account_id = {alice}"
    );
    assert_eq!(world.count(&read).await, 123);

    let list = super::ListChange { title: Some("l".to_owned()), ..Default::default() };
    let list = world.social.create_list(alice, list).await.unwrap();
    let refused = world.social.add_to_list(alice, list, &[bob]).await;
    assert!(matches!(refused, Err(SocialError::NotFound)), "not followed");
    assert!(matches!(world.social.delete_list(bob, list).await, Err(SocialError::NotFound)));

    let post = world.publish(bob, "rude").await;
    let mine = world.publish(alice, "mine").await;
    let complaint = NewComplaint {
        target: bob,
        posts: vec![post, mine],
        comment: "rude".to_owned(),
        forward: true,
        category: "violation".to_owned(),
    };
    let id = world.social.report_account(alice, complaint).await.unwrap();
    let posts = format!("SELECT cardinality(post_ids)::bigint FROM social.report WHERE id = {id}");
    assert_eq!(world.count(&posts).await, 1, "only his posts");
    assert_eq!(world.events("social.ReportFiled.v1").await, 1);
}
