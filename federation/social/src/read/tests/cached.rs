//! The cache never outlives the truth.

use super::{Node, now};
use crate::events::{
    AccountChanged, PostDeleted, PostEdited, PostReacted, PostStored, RelationshipChanged,
};
use crate::read::Page;
use crate::{AccountId, PostId, Visibility};

fn stored(post: PostId, author: AccountId, home: &[AccountId]) -> PostStored {
    PostStored {
        post,
        uri: format!("https://here.example/posts/{post}"),
        author,
        local: true,
        visibility: Visibility::Public,
        boost_of: None,
        in_reply_to: None,
        tags: Vec::new(),
        has_media: false,
        home: home.to_vec(),
        mentioned: Vec::new(),
    }
}

/// The viewer's home page as clients get it.
async fn home(node: &Node, viewer: AccountId) -> serde_json::Value {
    let page = node.social.home_json(viewer, &Page::default()).await.unwrap();
    serde_json::from_slice(&page.body).unwrap()
}

#[tokio::test]
async fn a_kept_page_is_the_page_itself() {
    let node = Node::start().await;
    let viewer = node.account("viewer", None).await;
    for _ in 0..25 {
        let post = node.post(viewer, Visibility::Public).await;
        node.put_home(viewer, post).await;
    }
    let first = node.social.home_json(viewer, &Page::default()).await.unwrap();
    let kept = node.social.home_json(viewer, &Page::default()).await.unwrap();
    assert_eq!(first.body, kept.body);
    assert_eq!(first.body.as_ptr(), kept.body.as_ptr(), "the very same bytes");
    assert_eq!(first.links, kept.links);
    let plain = node.social.home(viewer, &Page::default()).await.unwrap();
    assert_eq!(serde_json::to_vec(&plain).unwrap(), first.body);
    assert_eq!(plain.links(), first.links);
}

#[tokio::test]
async fn a_new_post_is_in_the_page_of_whom_it_was_written_for() {
    let node = Node::start().await;
    let (viewer, other) = (node.account("viewer", None).await, node.account("other", None).await);
    let author = node.account("author", None).await;
    let parent = node.post(other, Visibility::Public).await;
    for who in [viewer, other] {
        node.put_home(who, parent).await;
        assert_eq!(home(&node, who).await.as_array().unwrap().len(), 1);
    }
    let reply = node.write(author, Visibility::Public, None, Some(parent), "re").await;
    node.put_home(viewer, reply).await;
    node.run("UPDATE social.post SET replies_count = 1 WHERE id = $1", &[parent.number()]).await;
    let event = PostStored { in_reply_to: Some(parent), ..stored(reply, author, &[viewer]) };
    node.social.invalidate(&event);
    assert_eq!(home(&node, viewer).await.as_array().unwrap().len(), 2);
    assert_eq!(home(&node, other).await[0]["replies_count"], 1, "the parent's numbers");
}

#[tokio::test]
async fn a_waiting_reply_finds_its_parent() {
    let node = Node::start().await;
    let viewer = node.account("viewer", None).await;
    let orphan = node.post(viewer, Visibility::Public).await;
    node.put_home(viewer, orphan).await;
    let parent = node.post(viewer, Visibility::Public).await;
    let parent_uri = format!("https://here.example/posts/{parent}");
    sqlx::query("UPDATE social.post SET in_reply_to_uri = $2 WHERE id = $1")
        .bind(orphan.number())
        .bind(&parent_uri)
        .execute(node.social.spine().pool())
        .await
        .unwrap();
    assert!(home(&node, viewer).await[0]["in_reply_to_id"].is_null());
    node.run(
        "UPDATE social.post SET in_reply_to_id = $2, in_reply_to_account_id = $3 WHERE id = $1",
        &[orphan.number(), parent.number(), viewer.number()],
    )
    .await;
    node.social.invalidate(&stored(parent, viewer, &[]));
    assert_eq!(home(&node, viewer).await[0]["in_reply_to_id"], parent.to_string());
}

#[tokio::test]
async fn an_edited_or_deleted_post_changes_every_page_that_shows_it() {
    let node = Node::start().await;
    let (viewer, other) = (node.account("viewer", None).await, node.account("other", None).await);
    let post = node.post(other, Visibility::Public).await;
    let boost = node.boost(other, post).await;
    node.put_home(viewer, post).await;
    node.put_home(other, boost).await;
    home(&node, viewer).await;
    home(&node, other).await;
    node.run("UPDATE social.post SET content_html = 'new' WHERE id = $1", &[post.number()]).await;
    let uri = String::new();
    node.social.invalidate(&PostEdited {
        post,
        uri: uri.clone(),
        author: other,
        local: true,
        visibility: Visibility::Public,
    });
    assert_eq!(home(&node, viewer).await[0]["content"], "new");
    assert_eq!(home(&node, other).await[0]["reblog"]["content"], "new");

    node.run("DELETE FROM social.post WHERE id = $1", &[post.number()]).await;
    node.social.invalidate(&PostDeleted {
        post,
        uri,
        author: other,
        local: true,
        boost_of: None,
        in_reply_to: None,
    });
    assert_eq!(home(&node, viewer).await, serde_json::json!([]));
    assert_eq!(home(&node, other).await, serde_json::json!([]), "its boost is gone too");
    assert!(node.social.status(Some(viewer), post).await.is_err());
}

#[tokio::test]
async fn a_reaction_changes_numbers_for_all_and_flags_for_one() {
    let node = Node::start().await;
    let (viewer, other) = (node.account("viewer", None).await, node.account("other", None).await);
    let post = node.post(other, Visibility::Public).await;
    node.put_home(viewer, post).await;
    node.put_home(other, post).await;
    for who in [viewer, other] {
        assert_eq!(home(&node, who).await[0]["favourited"], false);
    }
    node.favourite(viewer, post).await;
    node.social.invalidate(&PostReacted {
        post,
        uri: String::new(),
        account: viewer,
        reaction: "favourite".into(),
    });
    for who in [viewer, other] {
        let status = &home(&node, who).await[0];
        assert_eq!(status["favourites_count"], 1);
        assert_eq!(status["favourited"], who == viewer);
    }
}

#[tokio::test]
async fn a_changed_profile_is_shown_with_every_post() {
    let node = Node::start().await;
    let (viewer, other) = (node.account("viewer", None).await, node.account("other", None).await);
    let post = node.post(other, Visibility::Public).await;
    node.mention(post, other).await;
    node.put_home(viewer, post).await;
    home(&node, viewer).await;
    node.run(
        "UPDATE social.account SET display_name = 'New', url = 'https://new.example' WHERE id = $1",
        &[other.number()],
    )
    .await;
    node.social.invalidate(&AccountChanged {
        account: other,
        uri: String::new(),
        local: true,
        change: "updated".into(),
    });
    let status = &home(&node, viewer).await[0];
    assert_eq!(status["account"]["display_name"], "New");
    assert_eq!(status["mentions"][0]["url"], "https://new.example");
    let account = node.social.account(None, other).await.unwrap();
    assert_eq!(account.display_name, "New");
}

#[tokio::test]
async fn a_block_empties_the_pages_of_both() {
    let node = Node::start().await;
    let (viewer, other) = (node.account("viewer", None).await, node.account("other", None).await);
    let theirs = node.post(other, Visibility::Public).await;
    let mine = node.post(viewer, Visibility::Public).await;
    node.put_home(viewer, theirs).await;
    node.put_home(other, mine).await;
    home(&node, viewer).await;
    home(&node, other).await;
    node.block(viewer, other).await;
    node.social.invalidate(&RelationshipChanged {
        account: viewer,
        target: other,
        change: "blocked".into(),
    });
    assert_eq!(home(&node, viewer).await, serde_json::json!([]));
    assert_eq!(home(&node, other).await, serde_json::json!([]));
}

#[tokio::test]
async fn a_page_does_not_outlive_a_poll_or_a_mute() {
    let node = Node::start().await;
    let (viewer, other) = (node.account("viewer", None).await, node.account("other", None).await);
    let post = node.post(other, Visibility::Public).await;
    let poll = node.poll(post, 1).await;
    node.put_home(viewer, post).await;
    let status = home(&node, viewer).await[0].clone();
    assert_eq!(status["poll"]["id"], poll.to_string());
    assert_eq!(status["poll"]["expired"], false);
    assert_eq!(status["poll"]["own_votes"], serde_json::json!([]));
    node.clock.advance(chrono::Duration::seconds(60));
    assert_eq!(home(&node, viewer).await[0]["poll"]["expired"], true);

    sqlx::query(
        "INSERT INTO social.mute (id, account_id, target_id, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(node.number())
    .bind(viewer.number())
    .bind(other.number())
    .bind(now() + chrono::Duration::seconds(90))
    .execute(node.social.spine().pool())
    .await
    .unwrap();
    node.social.forget_cached();
    assert_eq!(home(&node, viewer).await, serde_json::json!([]));
    node.clock.advance(chrono::Duration::seconds(61));
    assert_eq!(home(&node, viewer).await.as_array().unwrap().len(), 1);
}
