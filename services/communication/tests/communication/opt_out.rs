//! Who wants no messages gets none.

use contracts::access::Caller;
use contracts::events::communication::{ConsentToMessagesChanged, MessageSent};
use contracts::plugins::{ChannelEvent, InboundMessage};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use serde_json::json;
use spine::Snowflake;
use uuid::Uuid;

use crate::support::{OURS, OWNER, PARTNER, Stage, request};

async fn writes(stage: &Stage, channel: Uuid, id: &str, text: &str) {
    stage.carrier.brings([ChannelEvent::Received(InboundMessage {
        external_id: id.to_owned(),
        sender: PARTNER.to_owned(),
        to: vec![OURS.to_owned()],
        received: stage.test.clock.now(),
        text: text.to_owned(),
        attachments: Vec::new(),
        in_reply_to: None,
    })]);
    stage.communication.receive_webhook(channel, request()).await.unwrap();
    stage.settle().await;
}

async fn is_sent(stage: &Stage) -> bool {
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    let (status, detail) = stage.status(order.message).await;
    let is_refused = status == "refused" && detail.unwrap_or_default().contains("STOP");
    assert_ne!(is_refused, status == "accepted");
    !is_refused
}

#[tokio::test]
async fn stop_is_heeded_until_start_and_only_its_owner_lifts_it_otherwise() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    writes(&stage, channel.id, "SM1", "Please stop by at seven").await;
    assert!(is_sent(&stage).await);
    writes(&stage, channel.id, "SM2", "Stop.").await;
    writes(&stage, channel.id, "SM3", "STOP").await;
    assert!(!is_sent(&stage).await);
    writes(&stage, channel.id, "SM4", "START").await;
    assert!(is_sent(&stage).await);
    let changes: Vec<bool> =
        stage.heard::<ConsentToMessagesChanged>().into_iter().map(|event| event.wanted).collect();
    assert_eq!(changes, [false, true], "what changes nothing is no event");

    writes(&stage, channel.id, "SM5", "stop").await;
    let (router, _) = communication::routes().split_for_parts();
    let router: axum::Router = router.with_state(stage.communication.clone());
    let api = RouterTransport::new(router, HouseholdPolicy::port());
    let path = format!("/channels/{}/opt-outs", channel.id);
    let (status, list) = api.json(Caller::person(OWNER), "GET", &path, None).await;
    assert_eq!((status, &list["items"][0]["address"]), (200, &json!(PARTNER)));
    let one = format!("{path}/%2B436601234567");
    assert_eq!(api.json(Caller::person(Snowflake(8)), "DELETE", &one, None).await.0, 404);
    assert_eq!(api.json(Caller::person(OWNER), "DELETE", &format!("{path}/x"), None).await.0, 404);
    assert_eq!(api.json(Caller::person(OWNER), "DELETE", &one, None).await.0, 204);
    assert!(is_sent(&stage).await);
    assert_eq!(stage.heard::<MessageSent>().len(), 3);
    stage.running.stop().await;
}
