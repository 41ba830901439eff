//! The JSON that clients decode, whole.

use super::Node;
use crate::Visibility;
use crate::read::{NotificationFilter, Page};

#[tokio::test]
async fn a_status_holds_what_strict_clients_want() {
    let node = Node::start().await;
    let (me, other) =
        (node.account("me", None).await, node.account("o", Some("far.example")).await);
    let post = node.post(other, Visibility::Unlisted).await;
    node.mention(post, me).await;
    let status = serde_json::to_value(node.social.status(Some(me), post).await.unwrap()).unwrap();
    for list in ["mentions", "emojis", "tags", "media_attachments", "filtered"] {
        assert!(status[list].is_array(), "{list}");
    }
    for flag in ["favourited", "reblogged", "muted", "bookmarked", "sensitive"] {
        assert_eq!(status[flag], false, "{flag}");
    }
    for number in ["replies_count", "reblogs_count", "favourites_count"] {
        assert_eq!(status[number], 0, "{number}");
    }
    assert_eq!(status["visibility"], "unlisted");
    assert_eq!(status["spoiler_text"], "");
    assert_eq!(status["created_at"], "2026-11-22T11:05:37.000Z");
    assert_eq!(status["id"], post.to_string());
    assert_eq!(status["mentions"][0]["acct"], "me");
    assert!(status.get("pinned").is_none(), "only for one's own posts");
    for nullable in ["reblog", "poll", "card", "in_reply_to_id", "edited_at"] {
        assert!(status.get(nullable).is_some_and(serde_json::Value::is_null), "{nullable}");
    }
    let account = &status["account"];
    assert_eq!(account["acct"], "o@far.example");
    assert_eq!(account["avatar"], "https://here.example/static/avatar.png");
    assert_eq!(account["header_static"], "https://here.example/static/header.png");
    assert_eq!(account["created_at"], "2026-11-22T00:00:00.000Z");
    assert!(account.get("source").is_none(), "only on the credentials routes");
    let strangers = serde_json::to_value(node.social.status(None, post).await.unwrap()).unwrap();
    assert!(strangers.get("favourited").is_none());
    let own = node.post(me, Visibility::Public).await;
    let own = serde_json::to_value(node.social.status(Some(me), own).await.unwrap()).unwrap();
    assert_eq!(own["pinned"], false);
}

#[tokio::test]
async fn credentials_hold_real_booleans() {
    let node = Node::start().await;
    let me = node.account("me", None).await;
    let mine = serde_json::to_value(node.social.credentials(me).await.unwrap()).unwrap();
    assert_eq!(mine["source"]["sensitive"], false);
    assert_eq!(mine["source"]["privacy"], "public");
    assert_eq!(mine["source"]["follow_requests_count"], 0);
    assert_eq!(mine["role"]["id"], "-99");
    assert_eq!(mine["username"], "me");
    let preferences = serde_json::to_value(node.social.preferences(me).await.unwrap()).unwrap();
    assert_eq!(preferences["posting:default:visibility"], "public");
}

#[tokio::test]
async fn a_notification_without_its_post_is_left_out() {
    let node = Node::start().await;
    let (me, other) = (node.account("me", None).await, node.account("other", None).await);
    let post = node.post(other, Visibility::Public).await;
    node.notify(me, other, post).await;
    node.run(
        "INSERT INTO social.notification (id, account_id, kind, from_id, created_at)
         VALUES ($1, $2, 'favourite', $3, now()), ($1 + 1, $2, 'follow', $3, now())",
        &[node.number() + 10, me.number(), other.number()],
    )
    .await;
    let (filter, page) = (NotificationFilter::default(), Page::default());
    let shown = node.social.notifications(me, &filter, &page).await.unwrap().items;
    let kinds: Vec<_> = shown.iter().map(|notification| notification.kind.as_str()).collect();
    assert_eq!(kinds, ["follow", "mention"]);
    let follow = serde_json::to_value(&shown[0]).unwrap();
    assert!(follow.get("status").is_none());
    assert_eq!(node.social.unread_notifications(me, &filter, None).await.unwrap(), 3);
    let (grouped, _) = node.social.grouped_notifications(me, &filter, &page).await.unwrap();
    assert_eq!(grouped.notification_groups.len(), 2);
    assert_eq!((grouped.accounts.len(), grouped.statuses.len()), (1, 1));
    let only = NotificationFilter { types: vec!["follow".into()], ..NotificationFilter::default() };
    assert_eq!(node.social.notifications(me, &only, &page).await.unwrap().items.len(), 1);
    node.social.dismiss_notification(me, shown[0].id).await.unwrap();
    assert!(node.social.dismiss_notification(me, shown[0].id).await.is_err());
    node.social.clear_notifications(me).await.unwrap();
    assert!(node.social.notifications(me, &filter, &page).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn relationships_are_given_in_order_and_without_gaps() {
    let node = Node::start().await;
    let (me, other) = (node.account("me", None).await, node.account("other", None).await);
    let third = node.account("third", None).await;
    node.follow(me, other).await;
    node.follow(third, me).await;
    let found = node.social.relationships(me, &[third, other, me]).await.unwrap();
    assert_eq!(found.iter().map(|r| r.id).collect::<Vec<_>>(), [third, other, me]);
    assert!(found[1].following && found[1].showing_reblogs && !found[1].followed_by);
    assert!(found[0].followed_by && !found[0].following && !found[0].showing_reblogs);
    assert_eq!(found[2].note, "");
    let familiar = node.social.familiar_followers(me, &[other]).await.unwrap();
    assert_eq!(familiar[0].accounts.len(), 0);
    node.follow(me, third).await;
    node.follow(third, other).await;
    let familiar = node.social.familiar_followers(me, &[other]).await.unwrap();
    assert_eq!(familiar[0].accounts[0].id, third);
}
