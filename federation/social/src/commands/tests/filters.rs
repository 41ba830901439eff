//! What people do not want to read.

use std::time::Duration;

use spine::Clock;

use super::{FilterChange, FilterExpiry, KeywordChange, NewPoll, NewPost, World};
use crate::read::Page;
use crate::read::entities::{FilterResult, Status};
use crate::{AccountId, FilterId, PostId, SocialError, Visibility};

fn clock() -> Clock {
    Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

fn word(keyword: &str) -> KeywordChange {
    KeywordChange {
        keyword: Some(keyword.to_owned()),
        whole_word: Some(true),
        ..Default::default()
    }
}

fn filter(title: &str, words: &[&str]) -> FilterChange {
    FilterChange {
        title: Some(title.to_owned()),
        contexts: Some(vec!["home".to_owned(), "public".to_owned()]),
        keywords: words.iter().copied().map(word).collect(),
        ..Default::default()
    }
}

fn results(status: &Status) -> &[FilterResult] {
    &status.viewer.as_ref().unwrap().filtered
}

/// The titles of the viewer's filters that a post meets.
async fn met(world: &World, viewer: AccountId, post: PostId) -> Vec<String> {
    let status = world.social.status(Some(viewer), post).await.unwrap();
    results(&status).iter().map(|result| result.filter.title.clone()).collect()
}

/// The same, as the home timeline has it.
async fn met_at_home(world: &World, viewer: AccountId) -> serde_json::Value {
    let page = world.social.home_json(viewer, &Page::first(1)).await.unwrap();
    let statuses: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    statuses[0]["filtered"].clone()
}

#[tokio::test]
async fn a_filter_meets_posts_by_their_words_wherever_they_stand() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.social.create_filter(bob, filter("pets", &["cat", "dog house"])).await.unwrap();
    let post = world.publish(alice, "a CAT sat").await;
    let status = world.social.status(Some(bob), post).await.unwrap();
    let [result] = results(&status) else { panic!("one filter is met") };
    assert_eq!(result.keyword_matches, Some(vec!["CAT".to_owned()]));
    assert!(result.status_matches.is_none() && result.filter.keywords.is_none());
    assert!(met(&world, alice, post).await.is_empty(), "another's filter");
    let warned = NewPost {
        text: "look".to_owned(),
        spoiler_text: "dog house".to_owned(),
        ..Default::default()
    };
    let warned = world.publish_new(alice, warned).await.unwrap();
    let poll = NewPoll {
        options: vec!["cat".to_owned(), "horse".to_owned()],
        expires_in: Duration::from_secs(600),
        multiple: false,
        hide_totals: false,
    };
    let asked = NewPost { text: "which?".to_owned(), poll: Some(poll), ..Default::default() };
    let asked = world.publish_new(alice, asked).await.unwrap();
    let harmless = world.publish(alice, "concatenate the dog's house").await;
    assert_eq!(met(&world, bob, warned).await, ["pets"]);
    assert_eq!(met(&world, bob, asked).await, ["pets"]);
    assert!(met(&world, bob, harmless).await.is_empty());
    let boost = world.social.boost(alice, post, None).await.unwrap();
    assert_eq!(met(&world, bob, boost).await, ["pets"]);
}

#[tokio::test]
async fn changes_of_a_filter_show_at_once_and_are_recorded() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.befriend(bob, alice).await;
    let post = world.publish(alice, "a cat sat").await;
    assert_eq!(met_at_home(&world, bob).await, serde_json::json!([]));
    let id = world.social.create_filter(bob, filter("pets", &["cat"])).await.unwrap();
    assert_eq!(met_at_home(&world, bob).await[0]["keyword_matches"][0], "cat");
    let made = world.social.filter(bob, id).await.unwrap();
    let keyword = made.keywords.unwrap()[0].id;
    let change = KeywordChange {
        id: Some(keyword),
        keyword: Some("horse".to_owned()),
        ..Default::default()
    };
    let edit = FilterChange { keywords: vec![change], ..Default::default() };
    world.social.update_filter(bob, id, edit).await.unwrap();
    assert_eq!(met_at_home(&world, bob).await, serde_json::json!([]));
    let entry = world.social.add_filter_post(bob, id, post).await.unwrap();
    assert_eq!(world.social.add_filter_post(bob, id, post).await.unwrap(), entry);
    let held = met_at_home(&world, bob).await;
    assert_eq!(held[0]["status_matches"][0], post.to_string());
    world.social.delete_filter_post(bob, entry).await.unwrap();
    world.social.add_filter_keyword(bob, id, "sat".to_owned(), true).await.unwrap();
    assert_eq!(met_at_home(&world, bob).await[0]["keyword_matches"][0], "sat");
    world.social.delete_filter(bob, id).await.unwrap();
    assert_eq!(met_at_home(&world, bob).await, serde_json::json!([]));
    assert_eq!(world.events("social.FilterChanged.v1").await, 7);
}

#[tokio::test]
async fn a_filter_ends_by_itself() {
    let clock = clock();
    let world = World::start_on(clock.clone()).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let expiry = Some(FilterExpiry::After(Duration::from_secs(60)));
    let short = FilterChange { expiry, ..filter("pets", &["cat"]) };
    let id = world.social.create_filter(bob, short).await.unwrap();
    let post = world.publish(alice, "a cat").await;
    assert_eq!(met(&world, bob, post).await, ["pets"]);
    clock.advance(chrono::Duration::seconds(61));
    assert!(met(&world, bob, post).await.is_empty());
    let for_ever = FilterChange { expiry: Some(FilterExpiry::Never), ..Default::default() };
    world.social.update_filter(bob, id, for_ever).await.unwrap();
    assert_eq!(met(&world, bob, post).await, ["pets"]);
}

#[tokio::test]
async fn a_filter_is_its_owners_and_keeps_its_rules() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let id = world.social.create_filter(bob, filter("pets", &["cat"])).await.unwrap();
    let keyword = world.social.filter(bob, id).await.unwrap().keywords.unwrap()[0].id;
    assert!(matches!(world.social.filter(alice, id).await, Err(SocialError::NotFound)));
    let edit = world.social.update_filter(alice, id, FilterChange::default()).await;
    assert!(matches!(edit, Err(SocialError::NotFound)));
    assert!(matches!(world.social.delete_filter(alice, id).await, Err(SocialError::NotFound)));
    assert!(world.social.filter_with_keyword(alice, keyword).await.is_err());
    let theirs = world.social.create_filter(alice, filter("mine", &[])).await.unwrap();
    let stolen = KeywordChange { id: Some(keyword), remove: true, ..Default::default() };
    let steal = FilterChange { keywords: vec![stolen], ..Default::default() };
    let steal = world.social.update_filter(alice, theirs, steal).await;
    assert!(matches!(steal, Err(SocialError::NotFound)));
    let secret = NewPost {
        text: "cat".to_owned(),
        visibility: Some(Visibility::Direct),
        ..Default::default()
    };
    let secret = world.publish_new(bob, secret).await.unwrap();
    let unseen = world.social.add_filter_post(alice, theirs, secret).await;
    assert!(matches!(unseen, Err(SocialError::NotFound)));

    let many: Vec<String> = (0..201).map(|number| format!("word{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let nowhere = FilterChange { contexts: Some(Vec::new()), ..filter("x", &[]) };
    let elsewhere = FilterChange { contexts: Some(vec!["dreams".to_owned()]), ..filter("x", &[]) };
    let unknown = FilterChange { action: Some("shout".to_owned()), ..filter("x", &[]) };
    for refused in [
        FilterChange::default(),
        filter(" ", &[]),
        filter("x", &[" "]),
        filter("x", &["y".repeat(513).as_str()]),
        filter("x", &many),
        nowhere,
        elsewhere,
        unknown,
    ] {
        let outcome: Result<FilterId, _> = world.social.create_filter(alice, refused.clone()).await;
        assert!(matches!(outcome, Err(SocialError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(world.count("SELECT count(*) FROM social.filter").await, 2);
}
