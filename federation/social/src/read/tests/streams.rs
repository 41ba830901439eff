//! Who is told what, live.

use std::sync::Arc;

use serde_json::value::RawValue;
use spine::{Cause, Event, EventData, EventId};

use super::{Node, now};
use crate::events::{FilterChanged, NotificationMade, PostDeleted, PostEdited, PostStored};
use crate::read::stream::{Delivery, Origin, Stream, Subscription};
use crate::read::{Page, PublicFilter};
use crate::{AccountId, FilterId, ListId, NotificationId, PostId, Visibility};

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
    let payload = deliveries[0].message.payload.as_deref().unwrap();
    let status: serde_json::Value = serde_json::from_str(payload).unwrap();
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
    assert_eq!(deliveries[0].message.payload, Some(post.to_string()));
}

#[tokio::test]
async fn the_public_stream_leaves_out_the_replies_that_the_public_timeline_leaves_out() {
    let node = Node::start().await;
    let (me, other) = (node.account("me", None).await, node.account("other", None).await);
    let root = node.post(me, Visibility::Public).await;
    let own = node.write(me, Visibility::Public, None, Some(root), "more").await;
    let reply = node.write(other, Visibility::Public, None, Some(root), "re").await;
    let orphan = node.post(other, Visibility::Public).await;
    node.run(
        "UPDATE social.post SET in_reply_to_uri = 'https://far.example/unknown' WHERE id = $1",
        &[orphan.number()],
    )
    .await;
    let filter = PublicFilter::default();
    let timeline = node.social.public(None, &filter, &Page::default()).await.unwrap();
    let shown: Vec<PostId> = timeline.items.iter().map(|status| status.id()).collect();
    assert_eq!(shown, [own, root]);
    for (post, author) in [(root, me), (own, me), (reply, other), (orphan, other)] {
        let event = event(&stored(post, author, &[]));
        let told = node.social.stream_events(&event, &[public(me)]).await.unwrap();
        assert_eq!(!told.is_empty(), shown.contains(&post), "{post}");
    }
}

#[tokio::test]
async fn a_changed_filter_is_told_to_the_apps_of_whose_it_is() {
    let node = Node::start().await;
    let (me, other) = (node.account("me", None).await, node.account("other", None).await);
    let subscriptions = [
        listen(me, Stream::User),
        listen(other, Stream::User),
        listen(me, Stream::UserNotification),
        public(me),
    ];
    let changed = FilterChanged {
        account: me,
        filter: FilterId::from_number(node.number()),
        change: "updated".into(),
    };
    let deliveries = node.social.stream_events(&event(&changed), &subscriptions).await.unwrap();
    assert_eq!(told(&deliveries), [(0, "filters_changed")]);
    assert_eq!(deliveries[0].message.payload, None);
}
