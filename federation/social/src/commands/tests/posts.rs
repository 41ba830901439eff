//! Publishing, editing and deleting; batches from elsewhere.

use std::time::Duration;

use super::{NewPoll, NewPost, PostEdit, ProfileChange, ProfileField, World};
use crate::write::posts::{self, DeletedPost, Mention, Outcome, ReplyTo};
use crate::{PostId, SocialError, Visibility};

#[tokio::test]
async fn a_post_is_stored_counted_and_recorded() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let post = world.publish(alice, "Hello @bob #Rust https://a.example").await;
    let html =
        world.texts(&format!("SELECT content_html FROM social.post WHERE id = {post}")).await;
    assert!(html[0].contains(r#"class="u-url mention">@<span>bob</span>"#), "{}", html[0]);
    assert_eq!(
        world.texts(&format!("SELECT name FROM social.post_tag WHERE post_id = {post}")).await,
        ["rust"]
    );
    assert_eq!(world.notified(bob).await, ["mention"]);
    assert_eq!(world.counter("account", "statuses_count", alice.number()).await, 1);
    assert_eq!(world.events("social.PostStored.v1").await, 1);
    let uri = world.texts(&format!("SELECT uri FROM social.post WHERE id = {post}")).await;
    assert_eq!(uri[0], format!("{}/users/alice/statuses/{post}", super::HERE));

    let answer = world.answer(bob, post, "hm").await;
    assert_eq!(world.counter("post", "replies_count", post.number()).await, 1);
    let conversation = world.counter("post", "conversation_id", answer.number()).await;
    assert_eq!(conversation, post.number());
}

#[tokio::test]
async fn a_key_makes_one_post_however_often_and_concurrently_it_is_sent() {
    let world = World::start().await;
    let alice = world.person("alice").await;
    let new = NewPost {
        text: "once".to_owned(),
        idempotency_key: Some("k".to_owned()),
        ..Default::default()
    };
    let all = (0..20).map(|_| world.publish_new(alice, new.clone()));
    let made = futures_util::future::join_all(all).await;
    let first = *made[0].as_ref().unwrap();
    assert!(made.into_iter().all(|post| post.unwrap() == first));
    assert_eq!(world.count("SELECT count(*) FROM social.post").await, 1);
    let bob = world.person("bob").await;
    let other = world.publish_new(bob, new).await.unwrap();
    assert_ne!(other, first, "a key belongs to its account");
}

#[tokio::test]
async fn a_key_is_forgotten_after_an_hour() {
    let clock = spine::Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let world = World::start_on(clock.clone()).await;
    let alice = world.person("alice").await;
    let new = NewPost {
        text: "twice".to_owned(),
        idempotency_key: Some("k".to_owned()),
        ..Default::default()
    };
    let first = world.publish_new(alice, new.clone()).await.unwrap();
    clock.advance(chrono::Duration::minutes(59));
    assert_eq!(world.publish_new(alice, new.clone()).await.unwrap(), first);
    clock.advance(chrono::Duration::minutes(2));
    assert_ne!(world.publish_new(alice, new).await.unwrap(), first);
}

#[tokio::test]
async fn many_posts_at_once_are_all_stored_and_a_bad_one_fails_alone() {
    let world = World::start().await;
    let alice = world.person("alice").await;
    let say = |number: usize| NewPost { text: format!("post {number}"), ..Default::default() };
    let all = (0..100).map(|number| world.publish_new(alice, say(number)));
    let made = futures_util::future::join_all(all).await;
    assert!(made.iter().all(Result::is_ok));
    assert_eq!(world.counter("account", "statuses_count", alice.number()).await, 100);
}

#[tokio::test]
async fn rules_are_kept() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let refused = |new: NewPost| {
        let world = &world;
        async move { world.publish_new(alice, new).await.unwrap_err() }
    };
    let too_long = NewPost { text: "x".repeat(501), ..Default::default() };
    assert!(matches!(refused(too_long).await, SocialError::Invalid(_)));
    assert!(matches!(refused(NewPost::default()).await, SocialError::Invalid(_)));
    let foreign = NewPost {
        text: "x".to_owned(),
        media: vec![crate::MediaId::from_number(1)],
        ..Default::default()
    };
    assert!(matches!(refused(foreign).await, SocialError::Invalid(_)));
    let one_option =
        NewPost { text: "x".to_owned(), poll: Some(poll(&["a"])), ..Default::default() };
    assert!(matches!(refused(one_option).await, SocialError::Invalid(_)));
    let private = NewPost {
        text: "secret".to_owned(),
        visibility: Some(Visibility::Private),
        ..Default::default()
    };
    let private = world.publish_new(bob, private).await.unwrap();
    let answer = NewPost { text: "x".to_owned(), in_reply_to: Some(private), ..Default::default() };
    assert!(matches!(refused(answer).await, SocialError::NotFound));
}

fn poll(options: &[&str]) -> NewPoll {
    NewPoll {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        expires_in: Duration::from_secs(600),
        multiple: false,
        hide_totals: false,
    }
}

#[tokio::test]
async fn what_apps_are_told_of_limits_is_what_is_held() {
    let world = World::start().await;
    let alice = world.person("alice").await;
    let told = world.social.instance_v2().await.unwrap().configuration;
    let publish = |new: NewPost| world.publish_new(alice, new);
    let is_refused = |outcome| matches!(outcome, Err(SocialError::Invalid(_)));

    let text = |length: usize| NewPost { text: "x".repeat(length), ..Default::default() };
    assert!(publish(text(told.statuses.max_characters)).await.is_ok());
    assert!(is_refused(publish(text(told.statuses.max_characters + 1)).await));
    let link = "https://a.example/".to_owned() + &"long/".repeat(50);
    let rest = told.statuses.max_characters - told.statuses.characters_reserved_per_url - 1;
    let linked = |rest: usize| NewPost {
        text: format!("{link} {}", "x".repeat(rest)),
        ..Default::default()
    };
    assert!(publish(linked(rest)).await.is_ok());
    assert!(is_refused(publish(linked(rest + 1)).await));

    let asked = |options: usize, characters: usize, seconds: u64| {
        let options: Vec<String> =
            (0..options).map(|number| format!("{number:0characters$}")).collect();
        let poll = NewPoll {
            options,
            expires_in: Duration::from_secs(seconds),
            multiple: false,
            hide_totals: false,
        };
        publish(NewPost { text: "?".to_owned(), poll: Some(poll), ..Default::default() })
    };
    let polls = told.polls;
    let (options, characters) = (polls.max_options, polls.max_characters_per_option);
    assert!(asked(options, characters, polls.min_expiration).await.is_ok());
    assert!(asked(options, characters, polls.max_expiration).await.is_ok());
    assert!(is_refused(asked(options + 1, characters, polls.min_expiration).await));
    assert!(is_refused(asked(options, characters + 1, polls.min_expiration).await));
    assert!(is_refused(asked(options, characters, polls.min_expiration - 1).await));
    assert!(is_refused(asked(options, characters, polls.max_expiration + 1).await));

    let fields = |count: usize| {
        let field = ProfileField { name: "a".to_owned(), value: "b".to_owned() };
        let change = ProfileChange { fields: Some(vec![field; count]), ..Default::default() };
        world.social.update_profile(alice, change)
    };
    assert!(fields(told.accounts.max_profile_fields).await.is_ok());
    assert!(fields(told.accounts.max_profile_fields + 1).await.is_err());
    for _ in 0..told.accounts.max_pinned_statuses {
        let post = world.publish(alice, "pinned").await;
        world.social.pin(alice, post).await.unwrap();
    }
    let one_more = world.publish(alice, "one more").await;
    assert!(is_refused(world.social.pin(alice, one_more).await.map(|()| one_more)));
}

#[tokio::test]
async fn an_edit_keeps_the_version_before_and_tells_whoever_boosted() {
    let world = World::start().await;
    let (alice, bob, eve) =
        (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let post = world.publish(alice, "one #a").await;
    world.social.boost(bob, post, None).await.unwrap();
    let edit = PostEdit { text: Some("two #b @eve".to_owned()), ..Default::default() };
    world.social.edit_post(alice, post, edit.clone()).await.unwrap();
    world.social.edit_post(alice, post, edit).await.unwrap();
    let versions = format!("SELECT content_text FROM social.post_edit WHERE post_id = {post}");
    assert_eq!(world.texts(&versions).await, ["one #a"], "the same again is no edit");
    let tags = format!("SELECT name FROM social.post_tag WHERE post_id = {post}");
    assert_eq!(world.texts(&tags).await, ["b"]);
    assert_eq!(world.notified(bob).await, ["update"]);
    assert_eq!(world.notified(eve).await, ["mention"]);
    assert_eq!(world.events("social.PostEdited.v1").await, 1);
    let edit = PostEdit { text: Some("mine".to_owned()), ..Default::default() };
    assert!(matches!(world.social.edit_post(eve, post, edit).await, Err(SocialError::NotFound)));
}

#[tokio::test]
async fn a_deleted_post_takes_everything_with_it_and_does_not_come_back() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.befriend(bob, alice).await;
    let parent = world.publish(bob, "parent").await;
    let post = world.answer(alice, parent, "@bob child").await;
    let reply = world.answer(bob, post, "grandchild").await;
    world.social.boost(bob, post, None).await.unwrap();
    world.social.favourite(bob, post).await.unwrap();
    assert_eq!(world.counter("post", "replies_count", parent.number()).await, 1);

    assert!(matches!(world.social.delete_post(bob, post).await, Err(SocialError::NotFound)));
    world.social.delete_post(alice, post).await.unwrap();
    assert!(matches!(world.social.delete_post(alice, post).await, Err(SocialError::NotFound)));
    assert_eq!(world.counter("post", "replies_count", parent.number()).await, 0);
    assert_eq!(world.counter("account", "statuses_count", alice.number()).await, 0);
    assert_eq!(world.counter("account", "statuses_count", bob.number()).await, 2, "no boost");
    assert!(!world.is_home(bob, post).await);
    assert_eq!(world.notified(bob).await, Vec::<String>::new());
    assert_eq!(world.notified(alice).await, ["follow"]);
    let orphaned =
        format!("SELECT count(*) FROM social.post WHERE id = {reply} AND in_reply_to_id IS NULL");
    assert_eq!(world.count(&orphaned).await, 1);
    assert_eq!(world.events("social.PostDeleted.v1").await, 2, "the post and its boost");
    assert_eq!(world.count("SELECT count(*) FROM social.tombstone").await, 1);
}

#[tokio::test]
async fn a_remote_post_that_was_deleted_stays_deleted() {
    let world = World::start().await;
    let author = world.stranger("author", "a.example").await;
    let note = world.note(author, "https://a.example/1", Visibility::Public);
    let stored = world.insert(std::slice::from_ref(&note)).await[0].post;
    let mut tx = world.begin().await;
    let cause = spine::Cause::system();
    let gone = DeletedPost { post: stored, cause };
    let done = posts::delete(&world.social, &mut tx, std::slice::from_ref(&gone)).await.unwrap();
    assert_eq!(done, [stored]);
    assert!(posts::delete(&world.social, &mut tx, &[gone]).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    assert_eq!(world.insert(&[note]).await[0].outcome, Outcome::Deleted);
    // Another's tombstone of the same URI means nothing.
    let other = world.stranger("other", "b.example").await;
    let forged = world.note(other, "https://a.example/1", Visibility::Public);
    assert_eq!(world.insert(&[forged]).await[0].outcome, Outcome::New);
}

#[tokio::test]
async fn a_batch_is_exactly_once_in_any_order() {
    let world = World::start().await;
    let author = world.stranger("author", "a.example").await;
    // Each answers the one after it: parents come later in the batch.
    let mut batch: Vec<_> = (0..150)
        .map(|number| {
            let uri = format!("https://a.example/{number}");
            let mut note = world.note(author, &uri, Visibility::Public);
            if number < 149 {
                note.reply_to = ReplyTo::Uri(format!("https://a.example/{}", number + 1));
            }
            note
        })
        .collect();
    batch.push(batch[3].clone());
    let first = world.insert(&batch).await;
    assert_eq!(first.iter().filter(|item| item.outcome == Outcome::New).count(), 150);
    assert_eq!(first[150].outcome, Outcome::Known);
    assert_eq!(first[150].post, first[3].post);
    let again = world.insert(&batch).await;
    assert!(again.iter().all(|item| item.outcome == Outcome::Known));
    assert_eq!(again[7].post, first[7].post);
    assert_eq!(world.counter("account", "statuses_count", author.number()).await, 150);
    let conversations = "SELECT count(DISTINCT conversation_id) FROM social.post";
    assert_eq!(world.count(conversations).await, 1);
    assert_eq!(world.count("SELECT count(*) FROM social.post WHERE replies_count = 1").await, 149);
    assert_eq!(world.events("social.PostStored.v1").await, 150);
}

#[tokio::test]
async fn orphans_find_their_parent_when_it_arrives() {
    let world = World::start().await;
    let author = world.stranger("author", "a.example").await;
    let reader = world.person("reader").await;
    let mut child = world.note(author, "https://a.example/child", Visibility::Public);
    child.reply_to = ReplyTo::Uri("https://a.example/parent".to_owned());
    let child = world.insert(&[child]).await[0].clone();
    assert_eq!(child.waits_for.as_deref(), Some("https://a.example/parent"));
    let mut grandchild = world.note(author, "https://a.example/grandchild", Visibility::Public);
    grandchild.reply_to = ReplyTo::Uri("https://a.example/child".to_owned());
    let grandchild = world.insert(&[grandchild]).await[0].post;
    world.social.mute_conversation(reader, grandchild).await.unwrap();

    let parent = world.note(author, "https://a.example/parent", Visibility::Public);
    let parent = world.insert(&[parent]).await[0].post;
    for post in [child.post, grandchild] {
        let conversation = world.counter("post", "conversation_id", post.number()).await;
        assert_eq!(conversation, parent.number());
    }
    assert_eq!(world.counter("post", "in_reply_to_id", child.post.number()).await, parent.number());
    assert_eq!(world.counter("post", "replies_count", parent.number()).await, 1);
    let mut calling = world.note(author, "https://a.example/call", Visibility::Public);
    calling.reply_to = ReplyTo::Uri("https://a.example/parent".to_owned());
    calling.mentions = vec![Mention { account: reader, silent: false }];
    world.insert(&[calling]).await;
    assert!(world.notified(reader).await.is_empty(), "the mute moved with the conversation");
}

#[tokio::test]
async fn a_taken_id_is_given_up() {
    let world = World::start().await;
    let author = world.stranger("author", "a.example").await;
    let note = world.note(author, "https://a.example/1", Visibility::Public);
    let mut twin = world.note(author, "https://a.example/2", Visibility::Public);
    twin.id = note.id;
    let mut triplet = world.note(author, "https://a.example/3", Visibility::Public);
    triplet.id = note.id;
    world.insert(&[note]).await;
    let stored = world.insert(&[twin, triplet]).await;
    assert!(stored.iter().all(|item| item.outcome == Outcome::New));
    assert_eq!(world.count("SELECT count(*) FROM social.post").await, 3);
}

#[tokio::test]
async fn nothing_of_a_suspended_account_is_taken() {
    let world = World::start().await;
    let author = world.stranger("author", "a.example").await;
    let mut tx = world.begin().await;
    assert!(crate::write::accounts::suspend(&world.social, &mut tx, author).await.unwrap());
    assert!(!crate::write::accounts::suspend(&world.social, &mut tx, author).await.unwrap());
    tx.commit().await.unwrap();
    let note = world.note(author, "https://a.example/1", Visibility::Public);
    assert_eq!(world.insert(&[note]).await[0].outcome, Outcome::Refused);
}

#[tokio::test]
async fn a_poll_counts_each_person_once_and_ends_by_itself() {
    let clock = spine::Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let world = World::start_on(clock.clone()).await;
    let (alice, bob, eve) =
        (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let new = NewPost { text: "?".to_owned(), poll: Some(poll(&["a", "b"])), ..Default::default() };
    let post: PostId = world.publish_new(alice, new).await.unwrap();
    let poll = world.count(&format!("SELECT id FROM social.poll WHERE post_id = {post}")).await;
    let poll = crate::PollId::from_number(poll);
    world.social.vote(bob, poll, &[1]).await.unwrap();
    assert!(matches!(world.social.vote(bob, poll, &[0]).await, Err(SocialError::Invalid(_))));
    assert!(matches!(world.social.vote(alice, poll, &[0]).await, Err(SocialError::Invalid(_))));
    assert!(matches!(world.social.vote(eve, poll, &[0, 1]).await, Err(SocialError::Invalid(_))));
    assert!(matches!(world.social.vote(eve, poll, &[2]).await, Err(SocialError::Invalid(_))));
    let votes = "SELECT votes_count::text FROM social.poll_option ORDER BY position";
    assert_eq!(world.texts(votes).await, ["0", "1"]);
    assert_eq!(world.count("SELECT voters_count FROM social.poll").await, 1);
    clock.advance(chrono::Duration::seconds(601));
    world.running.settle().await;
    assert!(matches!(world.social.vote(eve, poll, &[0]).await, Err(SocialError::Invalid(_))));
    assert_eq!(world.notified(alice).await, ["poll"]);
    assert_eq!(world.notified(bob).await, ["poll"]);
    assert!(world.notified(eve).await.is_empty());
}
