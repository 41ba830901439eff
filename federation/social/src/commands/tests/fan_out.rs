//! Who gets a post into his home timeline, and who is told.

use super::World;
use crate::store::write_commands;
use crate::write::posts::{Distribution, Mention, ReplyTo};
use crate::{AccountId, Visibility};

/// A reader who follows an author.
async fn reader_and_author(world: &World) -> (AccountId, AccountId) {
    let reader = world.person("reader").await;
    let author = world.stranger("author", "a.example").await;
    world.befriend(reader, author).await;
    (reader, author)
}

#[tokio::test]
async fn followers_and_the_local_author_get_a_post() {
    let world = World::start().await;
    let (author, follower, other) =
        (world.person("author").await, world.person("follower").await, world.person("other").await);
    world.befriend(follower, author).await;
    let post = world.publish(author, "hello").await;
    assert!(world.is_home(author, post).await);
    assert!(world.is_home(follower, post).await);
    assert!(!world.is_home(other, post).await);
}

#[tokio::test]
async fn a_direct_post_reaches_only_followers_that_are_named() {
    let world = World::start().await;
    let (reader, author) = reader_and_author(&world).await;
    let named = world.person("named").await;
    world.befriend(named, author).await;
    let stranger = world.person("stranger").await;
    let mut note = world.note(author, "https://a.example/1", Visibility::Direct);
    note.mentions = vec![
        Mention { account: named, silent: false },
        Mention { account: stranger, silent: false },
    ];
    let post = world.insert(&[note]).await[0].post;
    assert!(world.is_home(named, post).await);
    assert!(!world.is_home(reader, post).await);
    assert!(!world.is_home(stranger, post).await);
    assert_eq!(world.notified(stranger).await, ["mention"]);
    assert_eq!(world.counter("account", "statuses_count", author.number()).await, 0);
}

#[tokio::test]
async fn an_answer_reaches_only_those_who_follow_both_sides() {
    let world = World::start().await;
    let (reader, author) = reader_and_author(&world).await;
    let unknown = world.stranger("unknown", "b.example").await;
    let parent = world.note(unknown, "https://b.example/1", Visibility::Public);
    world.insert(&[parent]).await;
    let mut answer = world.note(author, "https://a.example/1", Visibility::Public);
    answer.reply_to = ReplyTo::Uri("https://b.example/1".to_owned());
    let mut own_thread = world.note(author, "https://a.example/2", Visibility::Public);
    own_thread.reply_to = ReplyTo::Uri("https://a.example/1".to_owned());
    let mut orphan = world.note(author, "https://a.example/3", Visibility::Public);
    orphan.reply_to = ReplyTo::Uri("https://c.example/never-seen".to_owned());
    let stored = world.insert(&[answer, own_thread, orphan]).await;
    assert!(!world.is_home(reader, stored[0].post).await, "an answer to someone unknown");
    assert!(world.is_home(reader, stored[1].post).await, "an answer to himself");
    assert!(!world.is_home(reader, stored[2].post).await, "an answer to who knows what");
    assert_eq!(stored[2].waits_for.as_deref(), Some("https://c.example/never-seen"));

    world.befriend(reader, unknown).await;
    let mut second = world.note(author, "https://a.example/4", Visibility::Public);
    second.reply_to = ReplyTo::Uri("https://b.example/1".to_owned());
    let second = world.insert(&[second]).await[0].post;
    assert!(world.is_home(reader, second).await, "an answer to someone followed");
    let mine = world.publish(reader, "mine").await;
    let to_me = world.texts(&format!("SELECT uri FROM social.post WHERE id = {mine}")).await;
    let mut third = world.note(author, "https://a.example/5", Visibility::Public);
    third.reply_to = ReplyTo::Uri(to_me[0].clone());
    let third = world.insert(&[third]).await[0].post;
    assert!(world.is_home(reader, third).await, "an answer to me");
}

#[tokio::test]
async fn blocks_and_mutes_keep_posts_and_notifications_away() {
    let world = World::start().await;
    let (reader, author) = reader_and_author(&world).await;
    let hated = world.stranger("hated", "b.example").await;
    world.social.mute(reader, hated, super::MuteOptions::default()).await.unwrap();
    let quoted = world.note(hated, "https://b.example/1", Visibility::Public);
    let quoted = world.insert(&[quoted]).await[0].post;

    let mut naming = world.note(author, "https://a.example/1", Visibility::Public);
    naming.mentions = vec![Mention { account: hated, silent: false }];
    let mut boost = world.note(author, "https://a.example/2", Visibility::Public);
    boost.boost_of = Some(quoted);
    let stored = world.insert(&[naming, boost]).await;
    assert!(!world.is_home(reader, stored[0].post).await, "a post that names him");
    assert!(!world.is_home(reader, stored[1].post).await, "a boost of him");

    let mut calling = world.note(hated, "https://b.example/2", Visibility::Public);
    calling.mentions = vec![Mention { account: reader, silent: false }];
    world.insert(&[calling]).await;
    assert!(world.notified(reader).await.is_empty());

    world.social.unmute(reader, hated).await.unwrap();
    let mut calling = world.note(hated, "https://b.example/3", Visibility::Public);
    calling.mentions = vec![Mention { account: reader, silent: false }];
    world.insert(&[calling]).await;
    assert_eq!(world.notified(reader).await, ["mention"]);
}

#[tokio::test]
async fn a_boost_comes_home_once_and_only_where_boosts_are_wanted() {
    let world = World::start().await;
    let (reader, author) = reader_and_author(&world).await;
    let second = world.stranger("second", "b.example").await;
    world.befriend(reader, second).await;
    let third = world.stranger("third", "c.example").await;
    let original = world.note(third, "https://c.example/1", Visibility::Public);
    let original = world.insert(&[original]).await[0].post;
    let boost = |author, uri: &str| {
        let mut boost = world.note(author, uri, Visibility::Public);
        boost.boost_of = Some(original);
        boost
    };
    let first = world.insert(&[boost(author, "https://a.example/b")]).await;
    assert!(world.is_home(reader, first[0].post).await);
    let again = world.insert(&[boost(second, "https://b.example/b")]).await;
    assert!(!world.is_home(reader, again[0].post).await, "it is there already");
    assert_eq!(world.counter("post", "boosts_count", original.number()).await, 2);

    // The same account boosts the same post once.
    let repeated = world.insert(&[boost(author, "https://a.example/other-id")]).await;
    assert_eq!(repeated[0].outcome, crate::write::posts::Outcome::Known);
    assert_eq!(repeated[0].post, first[0].post);
    assert_eq!(world.counter("post", "boosts_count", original.number()).await, 2);

    let quiet = world.person("quiet").await;
    let options = super::FollowOptions { reblogs: Some(false), ..Default::default() };
    let star = world.person("star").await;
    world.social.follow(quiet, star, options).await.unwrap();
    let boosted = world.social.boost(star, original, None).await.unwrap();
    assert!(!world.is_home(quiet, boosted).await, "boosts are not wanted");
}

#[tokio::test]
async fn who_asked_for_it_is_told_of_every_post_but_not_of_answers() {
    let world = World::start().await;
    let (fan, star, other) =
        (world.person("fan").await, world.person("star").await, world.person("other").await);
    let options = super::FollowOptions { notify: Some(true), ..Default::default() };
    world.social.follow(fan, star, options).await.unwrap();
    world.befriend(fan, other).await;
    world.publish(star, "news").await;
    let post = world.publish(other, "hm").await;
    world.answer(star, post, "an answer").await;
    world.publish(star, "hello @fan").await;
    assert_eq!(world.notified(fan).await, ["status", "mention"]);
}

#[tokio::test]
async fn a_muted_conversation_is_silent() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let post = world.publish(alice, "hi").await;
    world.answer(bob, post, "@alice one").await;
    world.social.mute_conversation(alice, post).await.unwrap();
    world.answer(bob, post, "@alice two").await;
    assert_eq!(world.notified(alice).await, ["mention"]);
    world.social.unmute_conversation(alice, post).await.unwrap();
    world.answer(bob, post, "@alice three").await;
    assert_eq!(world.notified(alice).await.len(), 2);
}

#[tokio::test]
async fn followed_hashtags_and_languages_decide_too() {
    let world = World::start().await;
    let reader = world.person("reader").await;
    let author = world.stranger("author", "a.example").await;
    world.social.follow_tag(reader, "#Rust").await.unwrap();
    let mut tagged = world.note(author, "https://a.example/1", Visibility::Public);
    tagged.tags = vec!["rust".to_owned()];
    let mut unlisted = world.note(author, "https://a.example/2", Visibility::Unlisted);
    unlisted.tags = vec!["rust".to_owned()];
    let stored = world.insert(&[tagged, unlisted]).await;
    assert!(world.is_home(reader, stored[0].post).await);
    assert!(!world.is_home(reader, stored[1].post).await);

    let star = world.person("star").await;
    let options =
        super::FollowOptions { languages: Some(vec!["de".to_owned()]), ..Default::default() };
    world.social.follow(reader, star, options).await.unwrap();
    let say = |language: &str| super::NewPost {
        text: "x".to_owned(),
        language: Some(language.to_owned()),
        ..Default::default()
    };
    let german = world.publish_new(star, say("de")).await.unwrap();
    let english = world.publish_new(star, say("en")).await.unwrap();
    assert!(world.is_home(reader, german).await);
    assert!(!world.is_home(reader, english).await);
}

#[tokio::test]
async fn members_of_an_exclusive_list_stay_out_of_home() {
    let world = World::start().await;
    let (reader, star) = (world.person("reader").await, world.person("star").await);
    world.befriend(reader, star).await;
    let list = super::ListChange {
        title: Some("loud".to_owned()),
        exclusive: Some(true),
        ..Default::default()
    };
    let list = world.social.create_list(reader, list).await.unwrap();
    world.social.add_to_list(reader, list, &[star]).await.unwrap();
    let post = world.publish(star, "x").await;
    assert!(!world.is_home(reader, post).await);
    world.social.delete_list(reader, list).await.unwrap();
    let post = world.publish(star, "y").await;
    assert!(world.is_home(reader, post).await);
}

#[tokio::test]
async fn what_is_fetched_for_context_disturbs_nobody() {
    let world = World::start().await;
    let (reader, author) = reader_and_author(&world).await;
    let mut note = world.note(author, "https://a.example/1", Visibility::Public);
    note.mentions = vec![Mention { account: reader, silent: false }];
    note.distribution = Distribution::Nobody;
    let post = world.insert(&[note]).await[0].post;
    assert!(!world.is_home(reader, post).await);
    assert!(world.notified(reader).await.is_empty());
}

#[tokio::test]
async fn following_brings_the_newest_posts_and_unfollowing_takes_them_away() {
    let world = World::start().await;
    let (reader, star) = (world.person("reader").await, world.person("star").await);
    let before = world.publish(star, "before").await;
    world.social.follow(reader, star, Default::default()).await.unwrap();
    assert!(world.is_home(reader, before).await);
    let after = world.publish(star, "after").await;
    assert!(world.is_home(reader, after).await);
    world.social.unfollow(reader, star).await.unwrap();
    assert!(!world.is_home(reader, before).await);
    assert!(!world.is_home(reader, after).await);
    let mut connection = world.social.spine().pool().acquire().await.unwrap();
    let row = write_commands::target(&mut connection, reader.number(), star.number()).await;
    assert_eq!(row.unwrap().unwrap().follow_accepted, None);
}
