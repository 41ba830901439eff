//! Who is told what, live.

use std::sync::Arc;

use serde_json::value::RawValue;
use spine::{Cause, Event, EventData, EventId};

use super::{Node, now};
use crate::events::{NotificationMade, PostDeleted, PostEdited, PostStored};
use crate::read::stream::{Delivery, Origin, Stream, Subscription};
use crate::{AccountId, ListId, NotificationId, PostId, Visibility};

fn event<E: EventData>(data: &E) -> Event {
    let text = serde_json::to_string(data).unwrap();
    Event {
        id: EventId::new(),
        kind: E::TYPE.into(),
        source: E::SOURCE.into(),
        subject: data.subject().into(),
        time: now(),
        cause: Arc::new(Cause::system()),
        data: Some(Arc::from(RawValue::from_string(text).unwrap())),
    }
}

fn listen(viewer: AccountId, stream: Stream) -> Subscription {
    Subscription { viewer, stream }
}

fn public(viewer: AccountId) -> Subscription {
    listen(viewer, Stream::Public { origin: Origin::All, only_media: false })
}

/// Which subscriptions were told what.
fn told(deliveries: &[Delivery]) -> Vec<(usize, &'static str)> {
    let mut told: Vec<_> =
        deliveries.iter().map(|told| (told.subscription, told.message.event)).collect();
    told.sort_unstable();
    told
}

fn stored(post: PostId, author: AccountId, home: &[AccountId]) -> PostStored {
    PostStored {
        post,
        uri: String::new(),
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

#[tokio::test]
async fn a_new_post_reaches_the_streams_that_show_it() {
    let node = Node::start().await;
    let (me, fan) = (node.account("me", None).await, node.account("fan", None).await);
    let (stranger, foe) = (node.account("stranger", None).await, node.account("foe", None).await);
    node.block(foe, me).await;
    let list = ListId::from_number(node.number());
    node.run(
        "INSERT INTO social.list (id, account_id, title) VALUES ($1, $2, 'L')",
        &[list.number(), fan.number()],
    )
    .await;
    node.run(
        "INSERT INTO social.list_member (list_id, account_id) VALUES ($1, $2)",
        &[list.number(), me.number()],
    )
    .await;
    let post = node.post(me, Visibility::Public).await;
    node.tag(post, "rust").await;
    let hashtag = |name: &str| Stream::Hashtag { name: name.into(), local: false };
    let subscriptions = [
        listen(fan, Stream::User),
        listen(stranger, Stream::User),
        public(stranger),
        public(foe),
        listen(stranger, Stream::Public { origin: Origin::Remote, only_media: false }),
        listen(stranger, Stream::Public { origin: Origin::Local, only_media: true }),
        listen(stranger, hashtag("rust")),
        listen(stranger, hashtag("go")),
        listen(fan, Stream::List(list)),
        listen(stranger, Stream::List(list)),
        listen(fan, Stream::Direct),
        listen(fan, Stream::UserNotification),
    ];
    let event = event(&stored(post, me, &[me, fan]));
    let deliveries = node.social.stream_events(&event, &subscriptions).await.unwrap();
    assert_eq!(told(&deliveries), [(0, "update"), (2, "update"), (6, "update"), (8, "update")]);
    let status: serde_json::Value = serde_json::from_str(&deliveries[0].message.payload).unwrap();
    assert_eq!(status["id"], post.to_string());
    assert_eq!(status["favourited"], false);
    let tagged = deliveries.iter().find(|delivery| delivery.subscription == 6).unwrap();
    assert_eq!(tagged.message.stream, ["hashtag", "rust"]);
    assert_eq!(node.social.stream_events(&event, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_direct_post_is_told_to_those_it_is_for() {
    let node = Node::start().await;
    let (me, friend) = (node.account("me", None).await, node.account("friend", None).await);
    let stranger = node.account("stranger", None).await;
    let post = node.post(me, Visibility::Direct).await;
    node.mention(post, friend).await;
    let subscriptions = [
        listen(friend, Stream::Direct),
        listen(stranger, Stream::Direct),
        public(friend),
        listen(friend, Stream::User),
    ];
    let data =
        PostStored { visibility: Visibility::Direct, ..stored(post, me, &[friend, stranger]) };
    let deliveries = node.social.stream_events(&event(&data), &subscriptions).await.unwrap();
    assert_eq!(told(&deliveries), [(0, "conversation"), (3, "update")]);
    // Even if someone were wrongly listed, the rule of visibility is asked again.
    let wrong = [listen(stranger, Stream::User)];
    assert_eq!(node.social.stream_events(&event(&data), &wrong).await.unwrap(), []);
}

#[tokio::test]
async fn edits_deletions_and_notifications_are_told() {
    let node = Node::start().await;
    let (me, fan) = (node.account("me", None).await, node.account("fan", None).await);
    let post = node.post(me, Visibility::Public).await;
    node.put_home(fan, post).await;
    let subscriptions = [listen(fan, Stream::User), listen(me, Stream::User), public(me)];
    let edited = PostEdited {
        post,
        uri: String::new(),
        author: me,
        local: true,
        visibility: Visibility::Public,
    };
    let deliveries = node.social.stream_events(&event(&edited), &subscriptions).await.unwrap();
    assert_eq!(told(&deliveries), [(0, "status.update"), (2, "status.update")]);

    let notification = node.notify(fan, me, post).await;
    let made = NotificationMade {
        notification: NotificationId::from_number(notification),
        account: fan,
        kind: "mention".into(),
        from: me,
        post: Some(post),
    };
    let deliveries = node.social.stream_events(&event(&made), &subscriptions).await.unwrap();
    assert_eq!(told(&deliveries), [(0, "notification")]);

    let deleted = PostDeleted {
        post,
        uri: String::new(),
        author: me,
        local: true,
        boost_of: None,
        in_reply_to: None,
    };
    let deliveries = node.social.stream_events(&event(&deleted), &subscriptions).await.unwrap();
    assert_eq!(told(&deliveries), [(0, "delete"), (1, "delete"), (2, "delete")]);
    assert_eq!(deliveries[0].message.payload, post.to_string());
}
