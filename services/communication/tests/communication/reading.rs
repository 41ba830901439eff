//! How far people have read, and what they erase.

use contracts::access::Caller;
use contracts::events::communication::{ConversationRead, MessageReceived};
use contracts::plugins::{CallRecord, ChannelEvent, InboundMessage};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use serde_json::json;
use spine::Snowflake;
use uuid::Uuid;

use crate::support::{OURS, OWNER, PARTNER, Stage, request};

fn api(stage: &Stage) -> RouterTransport {
    let (router, _) = communication::routes().split_for_parts();
    let router: axum::Router = router.with_state(stage.communication.clone());
    RouterTransport::new(router, HouseholdPolicy::port())
}

async fn writes(stage: &Stage, channel: Uuid, id: &str) -> MessageReceived {
    stage.carrier.brings([ChannelEvent::Received(InboundMessage {
        external_id: id.to_owned(),
        sender: PARTNER.to_owned(),
        to: vec![OURS.to_owned()],
        received: stage.test.clock.now(),
        text: "Hi".to_owned(),
        attachments: Vec::new(),
        in_reply_to: None,
    })]);
    stage.communication.receive_webhook(channel, request()).await.unwrap();
    stage.later(1).await;
    stage.heard::<MessageReceived>().pop().unwrap()
}

#[tokio::test]
async fn what_somebody_has_read_they_have_read_and_what_we_wrote_needs_no_reading() {
    let stage = Stage::new().await;
    let (api, channel) = (api(&stage), stage.channel().await);
    let first = writes(&stage, channel.id, "SM1").await;
    let second = writes(&stage, channel.id, "SM2").await;
    stage.schedule(&Stage::order(PARTNER)).await;
    stage.settle().await;
    let me = || Caller::person(OWNER);
    let unread = async || {
        let (_, list) = api.json(me(), "GET", "/conversations", None).await;
        list["items"][0]["unread"].clone()
    };
    assert_eq!(unread().await, 2);
    let path = format!("/conversations/{}/read", first.conversation);
    let read = async |message: Uuid| {
        api.json(me(), "PUT", &path, Some(json!({ "message": message }))).await
    };
    assert_eq!(read(first.message).await.1["unread"], 1);
    assert_eq!(read(second.message).await.1["unread"], 0);
    assert_eq!(read(first.message).await.1["unread"], 0, "nothing becomes unread");
    stage.settle().await;
    assert_eq!(stage.heard::<ConversationRead>().len(), 2, "what changes nothing is no event");
    writes(&stage, channel.id, "SM3").await;
    assert_eq!(unread().await, 1);
    assert_eq!(read(Uuid::nil()).await.0, 422);
    let body = Some(json!({ "message": first.message }));
    assert_eq!(api.json(Caller::person(Snowflake(8)), "PUT", &path, body).await.0, 404);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_conversation_is_erased_as_far_as_it_had_come() {
    let stage = Stage::new().await;
    let (api, channel) = (api(&stage), stage.channel().await);
    let first = writes(&stage, channel.id, "SM1").await;
    let path = format!("/conversations/{}", first.conversation);
    let stranger = Caller::person(Snowflake(8));
    assert_eq!(api.json(stranger, "DELETE", &path, None).await.0, 404);
    assert_eq!(api.json(Caller::person(OWNER), "DELETE", &path, None).await.0, 204);
    stage.settle().await;
    assert_eq!(api.json(Caller::person(OWNER), "GET", &path, None).await.0, 404);
    assert_eq!((stage.rows("message").await, stage.rows("reading").await), (0, 0));
    assert!(!stage.is_readable(&format!("message:{}", first.message)).await);

    let second = writes(&stage, channel.id, "SM2").await;
    let path = format!("/conversations/{}", second.conversation);
    // Ordered, and not done before the next one comes.
    assert_eq!(api.json(Caller::person(OWNER), "DELETE", &path, None).await.0, 204);
    stage.test.clock.advance(chrono::TimeDelta::seconds(1));
    let third = writes(&stage, channel.id, "SM3").await;
    let left = stage.communication.message(third.message).await.unwrap();
    assert!(stage.communication.message(second.message).await.is_err());
    assert!(stage.is_readable(&format!("message:{}", left.id)).await);
    stage.running.stop().await;
}

#[tokio::test]
async fn what_comes_in_while_its_conversation_is_being_erased_is_not_lost() {
    let stage = Stage::new().await;
    let (api, channel) = (api(&stage), stage.channel().await);
    let first = writes(&stage, channel.id, "SM1").await;
    let conversation = first.conversation;
    // Somebody's message is being written down, and not committed yet.
    let mut other = stage.test.spine.pool().begin().await.unwrap();
    sqlx::query("UPDATE communication.conversation SET last_at = last_at")
        .execute(&mut *other)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO communication.message (id, direction, channel, conversation, owner, space, labels,
             sender, recipients, text, attachments, status, created_at, updated_at)
         SELECT gen_random_uuid(), 'in', channel, conversation, owner, space, labels, sender,
                recipients, 'new', attachments, status, created_at + interval '1 hour', updated_at
           FROM communication.message",
    )
    .execute(&mut *other)
    .await
    .unwrap();
    let path = format!("/conversations/{conversation}");
    assert_eq!(api.json(Caller::person(OWNER), "DELETE", &path, None).await.0, 204);
    // The erasure has come to where it waits.
    let pool = stage.test.spine.pool().clone();
    stage
        .until(async || {
            let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                           AND wait_event_type = 'Lock' AND query LIKE '%communication.conversation%')";
            sqlx::query_scalar::<_, bool>(waits).fetch_one(&pool).await.unwrap()
        })
        .await;
    other.commit().await.unwrap();
    stage.settle().await;
    assert_eq!((stage.rows("message").await, stage.rows("conversation").await), (1, 1));
    assert!(stage.communication.message(first.message).await.is_err());
    stage.running.stop().await;
}

#[tokio::test]
async fn a_message_and_a_call_are_erased_by_themselves() {
    let stage = Stage::new().await;
    let (api, channel) = (api(&stage), stage.channel().await);
    let message = writes(&stage, channel.id, "SM1").await;
    stage.carrier.brings([ChannelEvent::Call(CallRecord {
        external_id: "CA1".to_owned(),
        from: PARTNER.to_owned(),
        to: OURS.to_owned(),
        status: "ringing".to_owned(),
        seconds: None,
        at: stage.test.clock.now(),
    })]);
    stage.communication.receive_webhook(channel.id, request()).await.unwrap();
    let (_, calls) = api.json(Caller::person(OWNER), "GET", "/calls", None).await;
    let call = calls["items"][0]["id"].as_str().unwrap().to_owned();
    for path in [format!("/messages/{}", message.message), format!("/calls/{call}")] {
        assert_eq!(api.json(Caller::person(Snowflake(8)), "DELETE", &path, None).await.0, 404);
        assert_eq!(api.json(Caller::person(OWNER), "DELETE", &path, None).await.0, 204);
        assert_eq!(api.json(Caller::person(OWNER), "GET", &path, None).await.0, 404);
        assert_eq!(api.json(Caller::person(OWNER), "DELETE", &path, None).await.0, 404);
    }
    assert!(!stage.is_readable(&format!("message:{}", message.message)).await);
    assert!(!stage.is_readable(&format!("call:{call}")).await);
    let erased = stage.erased().await;
    assert_eq!(erased, [format!("message {}", message.message), format!("call {call}")]);

    // One that waits is not sent.
    let after = Some(std::time::Duration::from_secs(600));
    let retry = contracts::plugins::PluginFailure::Retry { after, reason: "429".to_owned() };
    stage.carrier.fails(retry);
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    let path = format!("/messages/{}", order.message);
    assert_eq!(api.json(Caller::person(OWNER), "DELETE", &path, None).await.0, 204);
    stage.later(3_600).await;
    assert_eq!((stage.carrier.taken().len(), stage.rows("message").await), (1, 0));
    stage.running.stop().await;
}
