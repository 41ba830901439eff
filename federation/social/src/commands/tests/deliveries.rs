//! What other servers get, and what happens when they do not take it.

use chrono::Duration;
use serde_json::json;
use spine::Clock;

use super::{FollowOptions, Inbox, NewPost, PostEdit, World};
use crate::{AccountId, Visibility};

/// A clock that the test moves.
pub(super) fn clock() -> Clock {
    Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

/// A local author with a follower on another server.
pub(super) async fn followed_author(world: &World, inbox: &Inbox) -> (AccountId, AccountId) {
    let author = world.person("author").await;
    let fan = world.remote(&inbox.account("fan")).await;
    world.befriend(fan, author).await;
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Accept"], "a follower hears that he is accepted");
    (author, fan)
}

#[tokio::test]
async fn a_post_goes_once_to_each_server_signed_and_whole() {
    let (world, inbox) = (World::start().await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    let second = world.remote(&inbox.account("second")).await;
    world.befriend(second, author).await;
    world.running.settle().await;
    inbox.delivered();
    let post = world.publish(author, "hello #x").await;
    world.running.settle().await;
    let delivered = inbox.delivered();
    assert_eq!(delivered.len(), 1, "two followers, one shared inbox");
    assert_eq!(delivered[0].path, "/inbox");
    assert!(delivered[0].headers.contains_key("signature"));
    assert!(delivered[0].headers.contains_key("digest"));
    let body = &delivered[0].body;
    assert_eq!(body["type"], "Create");
    assert_eq!(body["id"], format!("{}/users/author/statuses/{post}/activity", super::HERE));
    assert_eq!(body["object"]["type"], "Note");
    assert_eq!(body["to"], json!(["https://www.w3.org/ns/activitystreams#Public"]));
    let kept = "SELECT count(*) FROM social.remote_host WHERE last_success_at IS NOT NULL";
    assert_eq!(world.count(kept).await, 1);
}

#[tokio::test]
async fn each_change_is_told_and_each_undo_too() {
    let (world, inbox) = (World::start().await, Inbox::start().await);
    let (author, fan) = followed_author(&world, &inbox).await;
    let settle = || async {
        world.running.settle().await;
        inbox.kinds()
    };
    let mut note = world.note(fan, &format!("{}/1", inbox.origin), Visibility::Public);
    note.mentions = Vec::new();
    let theirs = world.insert(&[note]).await[0].post;

    world.social.favourite(author, theirs).await.unwrap();
    world.social.favourite(author, theirs).await.unwrap();
    assert_eq!(settle().await, ["Like"]);
    world.social.unfavourite(author, theirs).await.unwrap();
    assert_eq!(settle().await, ["Undo"]);
    world.social.boost(author, theirs, None).await.unwrap();
    assert_eq!(settle().await, ["Announce"]);
    world.social.unboost(author, theirs).await.unwrap();
    assert_eq!(settle().await, ["Undo"]);
    world.social.follow(author, fan, FollowOptions::default()).await.unwrap();
    assert_eq!(settle().await, ["Follow"]);
    world.social.unfollow(author, fan).await.unwrap();
    assert_eq!(settle().await, ["Undo"]);
    let post = world.publish(author, "one").await;
    assert_eq!(settle().await, ["Create"]);
    let edit = PostEdit { text: Some("two".to_owned()), ..Default::default() };
    world.social.edit_post(author, post, edit).await.unwrap();
    assert_eq!(settle().await, ["Update"]);
    world.social.pin(author, post).await.unwrap();
    assert_eq!(settle().await, ["Add"]);
    world.social.unpin(author, post).await.unwrap();
    assert_eq!(settle().await, ["Remove"]);
    world.social.delete_post(author, post).await.unwrap();
    assert_eq!(settle().await, ["Delete"]);
    let change = super::ProfileChange { note: Some("n".to_owned()), ..Default::default() };
    world.social.update_profile(author, change).await.unwrap();
    assert_eq!(settle().await, ["Update"]);
    let complaint = super::NewComplaint {
        target: fan,
        posts: vec![theirs],
        comment: "c".to_owned(),
        forward: true,
        category: "spam".to_owned(),
    };
    world.social.report_account(author, complaint).await.unwrap();
    world.running.settle().await;
    let flag = &inbox.delivered()[0].body;
    assert_eq!(flag["type"], "Flag");
    assert_eq!(flag["actor"], format!("{}/actor", super::HERE), "the node reports, nobody else");
    world.social.block(author, fan).await.unwrap();
    let mut told = settle().await;
    told.sort();
    assert_eq!(told, ["Block", "Reject"], "the block, and that he follows no longer");
    world.social.unblock(author, fan).await.unwrap();
    assert_eq!(settle().await, ["Undo"]);
    world.social.delete_local_account(author).await.unwrap();
    let told = settle().await;
    assert!(told.is_empty() || told == ["Delete"], "{told:?}");
}

#[tokio::test]
async fn a_deleted_account_is_told_to_those_who_know_it() {
    let (world, inbox) = (World::start().await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    world.social.delete_local_account(author).await.unwrap();
    world.running.settle().await;
    let delivered = inbox.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].body["type"], "Delete");
    assert_eq!(delivered[0].body["object"], format!("{}/users/author", super::HERE));
}

#[tokio::test]
async fn a_direct_post_goes_only_to_those_it_names() {
    let (world, inbox, other) = (World::start().await, Inbox::start().await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    world.remote(&other.account("named")).await;
    let new = NewPost {
        text: format!("@named@{} secret", other.host()),
        visibility: Some(Visibility::Direct),
        ..Default::default()
    };
    let post = world.publish_new(author, new).await.unwrap();
    world.running.settle().await;
    assert!(inbox.kinds().is_empty(), "followers get nothing");
    let delivered = other.delivered();
    assert_eq!(delivered[0].body["to"], json!([format!("{}/users/named", other.origin)]));
    assert_eq!(delivered[0].body["cc"], json!([]));
    world.social.delete_post(author, post).await.unwrap();
    world.running.settle().await;
    assert!(inbox.kinds().is_empty());
    assert_eq!(other.kinds(), ["Delete"]);
}

#[tokio::test]
async fn a_local_matter_leaves_no_trace_outside() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.befriend(bob, alice).await;
    let post = world.publish(alice, "hello").await;
    world.social.favourite(bob, post).await.unwrap();
    world.social.boost(bob, post, None).await.unwrap();
    world.social.delete_post(alice, post).await.unwrap();
    world.running.settle().await;
    assert_eq!(world.count("SELECT count(*) FROM social.outgoing_activity").await, 0);
}

#[tokio::test]
async fn a_delivery_is_tried_again_until_it_is_taken() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    inbox.will_answer([(503, None), (500, None)]);
    world.publish(author, "hello").await;
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 1);
    clock.advance(Duration::seconds(10));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 0, "sixteen seconds at least");
    clock.advance(Duration::seconds(30));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 1);
    clock.advance(Duration::seconds(120));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 1);
    clock.advance(Duration::days(1));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 0, "it was taken");
    assert_eq!(world.count("SELECT failures::bigint FROM social.remote_host").await, 0);
}

#[tokio::test]
async fn a_server_may_say_when() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    inbox.will_answer([(429, Some(3_600))]);
    world.publish(author, "hello").await;
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 1);
    clock.advance(Duration::minutes(59));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 0);
    clock.advance(Duration::minutes(20));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 1);
}

#[tokio::test]
async fn a_server_that_says_at_once_is_tried_no_sooner_than_one_that_says_nothing() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    inbox.will_answer(std::iter::repeat_n((429, Some(0)), 20));
    world.publish(author, "hello").await;
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 1);
    clock.advance(Duration::seconds(25));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 0, "half a minute at least");
    clock.advance(Duration::seconds(10));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 1);
    for _ in 0..10 {
        clock.advance(Duration::seconds(35));
        world.running.settle().await;
    }
    let tries = inbox.kinds().len();
    assert!((2..=3).contains(&tries), "{tries}: each wait is longer than the one before");
    let counted = "SELECT failures::bigint FROM spine.job WHERE kind LIKE 'social.deliver%'";
    assert!(world.count(counted).await >= 4, "each is an attempt");
}

#[tokio::test]
async fn a_broken_server_that_says_when_is_still_broken() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    inbox.will_answer([(503, Some(60)), (429, Some(60))]);
    let failures = "SELECT failures::bigint FROM social.remote_host";
    world.publish(author, "hello").await;
    world.running.settle().await;
    assert_eq!(world.count(failures).await, 1);
    clock.advance(Duration::minutes(2));
    world.running.settle().await;
    assert_eq!(world.count(failures).await, 0, "it answers, if only that it has too much to do");
}

#[tokio::test]
async fn a_refusal_is_final() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    for status in [403, 404, 501] {
        inbox.will_answer([(status, None)]);
        world.publish(author, "hello").await;
        world.running.settle().await;
        assert_eq!(inbox.kinds().len(), 1);
        clock.advance(Duration::days(2));
        world.running.settle().await;
        assert_eq!(inbox.kinds().len(), 0, "{status}");
    }
}

#[tokio::test]
async fn whoever_is_behind_an_inbox_that_is_gone_is_read_again() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, fan) = followed_author(&world, &inbox).await;
    clock.advance(Duration::hours(2));
    inbox.will_answer([(410, None), (410, None)]);
    world.publish(author, "hello").await;
    world.running.settle().await;
    let paths: Vec<_> = inbox.delivered().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/inbox", "/users/fan"]);
    let deleted = "SELECT count(*) FROM social.account WHERE deleted_at IS NOT NULL";
    assert_eq!(world.count(deleted).await, 1, "{fan}");
    world.publish(author, "hello?").await;
    world.running.settle().await;
    assert!(inbox.kinds().is_empty(), "nobody is there any more");
}

#[tokio::test]
async fn a_host_that_fails_on_seven_days_gets_nothing_any_more() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    inbox.will_answer(std::iter::repeat_n((502, None), 1_000));
    for day in 1..=7 {
        world.publish(author, &day.to_string()).await;
        world.running.settle().await;
        assert!(!inbox.kinds().is_empty(), "day {day}: it is still tried");
        clock.advance(Duration::days(1));
    }
    world.running.settle().await;
    assert!(inbox.kinds().is_empty(), "what waited for it has ended");
    let left = "SELECT count(*) FROM spine.job WHERE kind LIKE 'social.deliver%'";
    assert_eq!(world.count(left).await, 0, "and is no dead letter either");
    world.publish(author, "anybody?").await;
    world.running.settle().await;
    assert!(inbox.kinds().is_empty());
    let kept = "SELECT count(*) FROM social.outgoing_activity WHERE body LIKE '%anybody%'";
    assert_eq!(world.count(kept).await, 0, "nothing is even made for it");
    let hosts = &world.social.0.hosts;
    hosts.wrote(world.social.spine(), inbox.host()).await.unwrap();
    world.publish(author, "welcome back").await;
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Create"]);
}

#[tokio::test]
async fn a_delivery_that_nobody_takes_for_days_ends_without_a_dead_letter() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    inbox.will_answer(std::iter::repeat_n((401, Some(1)), 1_000));
    world.publish(author, "hello").await;
    for _ in 0..100 {
        world.running.settle().await;
        clock.advance(Duration::hours(1));
    }
    assert!(inbox.kinds().len() > 10);
    let left = "SELECT count(*) FROM spine.job WHERE kind LIKE 'social.deliver%'";
    assert_eq!(world.count(left).await, 0);
}

#[tokio::test]
async fn the_other_form_of_signature_is_tried_and_remembered() {
    let (world, inbox) = (World::start().await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    inbox.refuse_cavage();
    world.publish(author, "one").await;
    world.running.settle().await;
    let delivered = inbox.delivered();
    assert_eq!(delivered.len(), 2, "first one form, then the other");
    assert!(delivered[1].headers.contains_key("signature-input"));
    world.publish(author, "two").await;
    world.running.settle().await;
    assert_eq!(inbox.delivered().len(), 1, "the form that worked comes first now");
    let form = "SELECT signature_form::bigint FROM social.remote_host";
    assert_eq!(world.count(form).await, 1);
}

#[tokio::test]
async fn a_silent_host_is_left_alone_and_met_again() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    inbox.will_answer(std::iter::repeat_n((502, None), 11));
    for number in 0..12 {
        world.publish(author, &number.to_string()).await;
        world.running.settle().await;
    }
    assert_eq!(inbox.kinds().len(), 10, "the tenth failure opens the breaker");
    let open = "SELECT count(*) FROM social.remote_host WHERE open_until IS NOT NULL";
    assert_eq!(world.count(open).await, 1);
    clock.advance(Duration::minutes(1));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 0, "it is left alone");
    clock.advance(Duration::minutes(5));
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 1, "one delivery looks whether it is back");
    for _ in 0..60 {
        clock.advance(Duration::minutes(30));
        world.running.settle().await;
    }
    assert_eq!(inbox.kinds().len(), 12, "all are taken in the end");
    assert_eq!(world.count(open).await, 0);
}

#[tokio::test]
async fn what_is_deleted_before_it_was_delivered_is_not_delivered() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    inbox.will_answer([(503, None)]);
    let post = world.publish(author, "a mistake").await;
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Create"]);
    world.social.delete_post(author, post).await.unwrap();
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Delete"]);
    clock.advance(Duration::hours(1));
    // The body may stay in memory for ten seconds of real time; the database has it no more.
    let kept = "SELECT count(*) FROM social.outgoing_activity WHERE body LIKE '%mistake%'";
    assert_eq!(world.count(kept).await, 0);
}

#[tokio::test]
async fn a_vote_elsewhere_is_a_note_for_its_author_alone() {
    let (world, inbox) = (World::start().await, Inbox::start().await);
    let voter = world.person("voter").await;
    let asker = world.remote(&inbox.account("asker")).await;
    let mut question = world.note(asker, &format!("{}/question", inbox.origin), Visibility::Public);
    question.kind = "Question".to_owned();
    let poll = crate::PollId(world.social.spine().snowflakes().next());
    let option =
        |title: &str| crate::write::posts::PollOption { title: title.to_owned(), votes_count: 0 };
    question.poll = Some(crate::write::posts::StoredPoll {
        id: poll,
        options: vec![option("yes"), option("no")],
        multiple: true,
        hide_totals: false,
        ends_at: Some(world.now() + Duration::hours(1)),
        voters_count: 0,
    });
    world.insert(&[question]).await;
    world.social.vote(voter, poll, &[0, 1]).await.unwrap();
    world.running.settle().await;
    let delivered = inbox.delivered();
    let names: Vec<_> = delivered.iter().map(|vote| vote.body["object"]["name"].clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&json!("yes")) && names.contains(&json!("no")));
    assert_eq!(delivered[0].body["type"], "Create");
    assert_eq!(delivered[0].body["object"]["to"], json!([format!("{}/users/asker", inbox.origin)]));
    assert!(delivered[0].body["object"].get("content").is_none());
}

#[tokio::test]
async fn the_counts_of_a_local_poll_go_out_a_little_later() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    let (a, b) = (world.person("a").await, world.person("b").await);
    let new = NewPost {
        text: "?".to_owned(),
        poll: Some(super::NewPoll {
            options: vec!["x".to_owned(), "y".to_owned()],
            expires_in: std::time::Duration::from_secs(3_600),
            multiple: false,
            hide_totals: false,
        }),
        ..Default::default()
    };
    world.publish_new(author, new).await.unwrap();
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Create"]);
    let poll = crate::PollId::from_number(world.count("SELECT id FROM social.poll").await);
    world.social.vote(a, poll, &[0]).await.unwrap();
    world.social.vote(b, poll, &[0]).await.unwrap();
    clock.advance(Duration::minutes(4));
    world.running.settle().await;
    let told = inbox.delivered();
    assert_eq!(told.len(), 1, "both votes in one update");
    assert_eq!(told[0].body["object"]["votersCount"], 2);
    clock.advance(Duration::hours(1));
    world.running.settle().await;
    let told = inbox.delivered();
    assert_eq!(told.len(), 1, "the end is told");
    assert!(told[0].body["object"].get("closed").is_some());
}
