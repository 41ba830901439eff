//! Making, changing, moving and deleting accounts; accounts from elsewhere.

use super::{FollowOptions, NewLocalAccount, ProfileChange, ProfileField, World};
use crate::write::accounts::upsert_remote;
use crate::{SocialError, Visibility};

#[tokio::test]
async fn a_name_is_taken_once_in_any_case() {
    let world = World::start().await;
    let make =
        |name: &str| NewLocalAccount { username: name.to_owned(), display_name: String::new() };
    let mut tx = world.begin().await;
    let id = world.social.create_local_account(&mut tx, make("Alice")).await.unwrap();
    tx.commit().await.unwrap();
    for name in ["alice", "ALICE", "admin", "a-b"] {
        let mut tx = world.begin().await;
        let refused = world.social.create_local_account(&mut tx, make(name)).await;
        assert!(matches!(refused, Err(SocialError::Invalid(_))), "{name}");
    }
    let uri = world.texts(&format!("SELECT uri FROM social.account WHERE id = {id}")).await;
    assert_eq!(uri[0], format!("{}/users/Alice", super::HERE));
    // The key opens and signs.
    let signer = world.social.0.signing.of(world.social.spine(), id).await.unwrap().unwrap();
    assert!(signer.key.key.sign(b"x").is_ok());
}

#[tokio::test]
async fn a_profile_is_formatted_and_defaults_are_used() {
    let world = World::start().await;
    let (alice, _) = (world.person("alice").await, world.person("bob").await);
    let change = ProfileChange {
        display_name: Some(" Alice ".to_owned()),
        note: Some("I know @bob\n\nhttps://a.example".to_owned()),
        fields: Some(vec![
            ProfileField { name: "Web".to_owned(), value: "https://a.example".to_owned() },
            ProfileField::default(),
        ]),
        bot: Some(true),
        default_visibility: Some(Visibility::Unlisted),
        default_language: Some("de".to_owned()),
        ..ProfileChange::default()
    };
    world.social.update_profile(alice, change).await.unwrap();
    let column = |name: &str| format!("SELECT {name}::text FROM social.account WHERE id = {alice}");
    assert_eq!(world.texts(&column("display_name")).await, ["Alice"]);
    assert_eq!(world.texts(&column("kind")).await, ["Service"]);
    let note = world.texts(&column("note_html")).await;
    assert!(note[0].contains("u-url mention") && note[0].contains("</p><p>"), "{}", note[0]);
    let fields =
        "SELECT jsonb_array_length(fields)::bigint FROM social.account WHERE username = 'alice'";
    assert_eq!(world.count(fields).await, 1);
    let post = world.publish(alice, "x").await;
    let stored = format!("SELECT language FROM social.post WHERE id = {post} AND visibility = 1");
    assert_eq!(world.texts(&stored).await, ["de"]);
    let change = ProfileChange { note: Some("x".repeat(6_000)), ..ProfileChange::default() };
    assert!(matches!(
        world.social.update_profile(alice, change).await,
        Err(SocialError::Invalid(_))
    ));
}

#[tokio::test]
async fn a_remote_account_is_stored_once_and_renewed() {
    let world = World::start().await;
    let mut account = super::world::remote_account("bob", "https://a.example", "a.example");
    let id = world.remote(&account).await;
    assert_eq!(world.remote(&account).await, id);
    assert_eq!(world.events("social.AccountChanged.v1").await, 1, "the same again is no change");
    account.display_name = "Bob!".to_owned();
    account.keys = vec![("https://a.example/users/bob#new".to_owned(), "NEW".to_owned())];
    assert_eq!(world.remote(&account).await, id);
    assert_eq!(world.events("social.AccountChanged.v1").await, 2);
    assert_eq!(world.texts("SELECT material FROM social.public_key").await, ["NEW"]);

    // A key id is never taken from its owner, and a handle goes to whom WebFinger names.
    let mut thief = super::world::remote_account("bob", "https://a.example/new", "a.example");
    thief.keys = vec![("https://a.example/users/bob#new".to_owned(), "STOLEN".to_owned())];
    let thief = world.remote(&thief).await;
    assert_ne!(thief, id);
    assert_eq!(world.texts("SELECT material FROM social.public_key").await, ["NEW"]);
    let handle = format!("SELECT username FROM social.account WHERE id = {thief}");
    assert_eq!(world.texts(&handle).await, ["bob"]);
}

#[tokio::test]
async fn a_deleted_remote_account_stays_deleted_and_loses_everything() {
    let world = World::start().await;
    let alice = world.person("alice").await;
    let account = super::world::remote_account("bob", "https://a.example", "a.example");
    let bob = world.remote(&account).await;
    world.befriend(alice, bob).await;
    world.befriend(bob, alice).await;
    let mine = world.publish(alice, "x").await;
    let note = world.note(bob, "https://a.example/1", Visibility::Public);
    let note = world.insert(&[note]).await[0].post;
    let mut tx = world.begin().await;
    let favourite = crate::write::reactions::NewFavourite {
        account: bob,
        post: mine,
        uri: "https://a.example/like".to_owned(),
        cause: spine::Cause::system(),
    };
    crate::write::reactions::favourite(&world.social, &mut tx, &[favourite]).await.unwrap();
    assert!(crate::write::accounts::delete(&world.social, &mut tx, bob).await.unwrap());
    assert!(!crate::write::accounts::delete(&world.social, &mut tx, bob).await.unwrap());
    tx.commit().await.unwrap();
    world.running.settle().await;
    assert!(!world.is_home(alice, note).await);
    assert_eq!(world.counter("account", "following_count", alice.number()).await, 0);
    assert_eq!(world.counter("account", "followers_count", alice.number()).await, 0);
    assert_eq!(world.counter("post", "favourites_count", mine.number()).await, 0);
    assert_eq!(world.count("SELECT count(*) FROM social.post WHERE NOT local").await, 0);
    let mut tx = world.begin().await;
    let again = upsert_remote(&world.social, &mut tx, &[account]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(again, [bob]);
    let name = format!("SELECT display_name FROM social.account WHERE id = {bob}");
    assert_eq!(world.texts(&name).await, [""]);
}

#[tokio::test]
async fn a_local_account_is_deleted_with_everything_and_its_name_stays_taken() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.befriend(bob, alice).await;
    world.publish(alice, "x").await;
    world.social.delete_local_account(alice).await.unwrap();
    let refused = world.publish_new(alice, Default::default()).await;
    assert!(matches!(refused, Err(SocialError::Forbidden(_))));
    assert!(world.social.delete_local_account(alice).await.is_err());
    world.running.settle().await;
    assert_eq!(world.count("SELECT count(*) FROM social.post").await, 0);
    assert_eq!(world.counter("account", "following_count", bob.number()).await, 0);
    let mut tx = world.begin().await;
    let again = NewLocalAccount { username: "alice".to_owned(), display_name: String::new() };
    assert!(world.social.create_local_account(&mut tx, again).await.is_err());
}

#[tokio::test]
async fn whom_a_deleted_account_followed_and_what_it_liked_cannot_be_read() {
    let world = World::start().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    world.befriend(alice, bob).await;
    world.befriend(bob, alice).await;
    let theirs = world.publish(bob, "x").await;
    let mine = world.publish(alice, "y").await;
    world.social.favourite(alice, theirs).await.unwrap();
    world.social.favourite(bob, theirs).await.unwrap();
    world.social.boost(alice, theirs, None).await.unwrap();
    world.social.boost(bob, mine, None).await.unwrap();
    world.social.delete_local_account(alice).await.unwrap();
    world.running.settle().await;
    // Bob's own records are his: he followed, he is followed no longer.
    let relations = world.readable("social.RelationshipChanged.v1").await;
    let whose = |event: &String| {
        let change: crate::events::RelationshipChanged = serde_json::from_str(event).unwrap();
        (change.account, change.change)
    };
    let mut relations: Vec<_> = relations.iter().map(whose).collect();
    relations.sort();
    assert_eq!(relations, [(bob, "followed".to_owned()), (bob, "unfollowed".to_owned())]);
    for kind in ["social.PostReacted.v1", "social.PostDeleted.v1"] {
        let left = world.readable(kind).await;
        assert!(!left.is_empty(), "what bob did stays");
        for event in left {
            let event: serde_json::Value = serde_json::from_str(&event).unwrap();
            let by = event.get("account").or(event.get("author")).unwrap();
            assert_eq!(*by, serde_json::json!(bob), "{event}");
        }
    }
    let alices = format!(
        "SELECT count(*) FROM spine.subject_key WHERE wrapped IS NOT NULL
            AND subject IN ('account:{alice}', '{}/users/alice')",
        super::HERE
    );
    assert_eq!(world.count(&alices).await, 0, "no new key is left either");
}

#[tokio::test]
async fn a_move_takes_local_followers_along_if_the_target_agrees() {
    let world = World::start().await;
    let (old, new, fan) =
        (world.person("old").await, world.person("new").await, world.person("fan").await);
    world.befriend(fan, old).await;
    let refused = world.social.move_account(old, new).await;
    assert!(matches!(refused, Err(SocialError::Invalid(_))), "the target does not agree");
    world.social.set_aliases(new, &["old".to_owned()]).await.unwrap();
    world.social.move_account(old, new).await.unwrap();
    world.running.settle().await;
    assert_eq!(world.counter("account", "followers_count", old.number()).await, 0);
    assert_eq!(world.counter("account", "followers_count", new.number()).await, 1);
    let refused = world.social.follow(new, old, FollowOptions::default()).await;
    assert!(matches!(refused, Err(SocialError::Forbidden(_))), "nobody follows who moved");
}
