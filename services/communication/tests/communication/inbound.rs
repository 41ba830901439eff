//! What reaches a channel: stored, then answered.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use communication::{Channel, ChannelChange, CommunicationError, NewChannel};
use contracts::access::{Principal, Purpose, SpaceId};
use contracts::events::communication::{
    CallChanged, CallStarted, DeliveryUpdated, MessageReceived,
};
use contracts::model::{Alias, EntityDraft, Target};
use contracts::plugins::{
    Attachment, CallRecord, ChannelEvent, HookRequest, InboundMessage, PluginFailure, Undone,
};
use serde_json::json;
use spine::Cause;
use uuid::Uuid;

use crate::support::{OURS, OWNER, PARTNER, Stage, external, request};

fn call(stage: &Stage, status: &str, seconds: Option<u32>) -> ChannelEvent {
    ChannelEvent::Call(CallRecord {
        external_id: "CA1".to_owned(),
        from: PARTNER.to_owned(),
        to: OURS.to_owned(),
        status: status.to_owned(),
        seconds,
        at: stage.test.clock.now(),
    })
}

fn message(stage: &Stage, id: &str, from: &str, text: &str) -> InboundMessage {
    InboundMessage {
        external_id: id.to_owned(),
        sender: from.to_owned(),
        to: vec![OURS.to_owned()],
        received: stage.test.clock.now(),
        text: text.to_owned(),
        attachments: Vec::new(),
        in_reply_to: None,
    }
}

fn leads_to(draft: &EntityDraft, rel: &str) -> Vec<String> {
    let value = |target: &Target| match target {
        Target::Alias(Alias { scheme, value }) => format!("{scheme}:{value}"),
        Target::Key(key) => key.external_id.clone(),
        Target::Entity(id) => id.to_string(),
    };
    draft.edges.iter().filter(|edge| edge.rel == rel).map(|edge| value(&edge.to)).collect()
}

#[tokio::test]
async fn a_call_is_told_once_with_who_calls_and_what_they_are_to_the_owner() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let ana = stage
        .contacts
        .knows(&format!("tel:{PARTNER}"), json!({ "name": "Ana", "keywords": ["Partner"] }));
    for _ in 0..2 {
        stage.carrier.brings([call(&stage, "ringing", None)]);
        let answer = stage.communication.receive_webhook(channel.id, request()).await.unwrap();
        assert_eq!((answer.status, answer.body), (200, b"<Response/>".to_vec()));
        let stored: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM spine.event WHERE type = 'communication.CallStarted.v1'",
        )
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
        assert_eq!(stored, 1, "on disk when the answer goes out");
    }
    stage.settle().await;
    let [started] = &stage.heard::<CallStarted>()[..] else { panic!("once") };
    assert_eq!((started.owner, started.channel, &*started.external_id), (OWNER, channel.id, "CA1"));
    assert_eq!((started.from.entity, started.from.name.as_deref()), (Some(ana), Some("Ana")));
    assert_eq!(started.from.roles, ["Partner"]);
    assert_eq!((&*started.to.address, started.to.entity), (OURS, None));
    assert!(stage.heard::<CallChanged>().is_empty());

    let asked = stage.contacts.asked.lock().unwrap().clone();
    assert_eq!(asked[0].1, format!("tel:{OURS}"));
    let caller = &asked[0].0;
    assert_eq!(caller.principal, Principal::Service("communication".into()));
    assert_eq!((caller.behalf, &caller.purpose), (Some(OWNER), &Purpose::COMMUNICATE));

    let [draft] = &stage.ordered().await[..] else { panic!("once") };
    assert_eq!((&*draft.r#type, &*draft.key.source), ("PhoneCall", "communication"));
    assert_eq!(draft.key.external_id, started.call.to_string());
    assert_eq!(leads_to(draft, "sender"), [format!("tel:{PARTNER}")]);
    assert_eq!(leads_to(draft, "recipient"), [format!("tel:{OURS}")]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_call_goes_on_forward_only_and_its_end_is_known() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    for (status, seconds) in
        [("ringing", None), ("completed", Some(42)), ("answered", None), ("completed", Some(42))]
    {
        stage.carrier.brings([call(&stage, status, seconds)]);
        stage.communication.receive_webhook(channel.id, request()).await.unwrap();
        stage.later(10).await;
    }
    assert_eq!(stage.heard::<CallStarted>().len(), 1);
    let [changed] = &stage.heard::<CallChanged>()[..] else { panic!("once") };
    assert_eq!((&*changed.status, changed.seconds), ("completed", Some(42)));
    let drafts = stage.ordered().await;
    assert_eq!(drafts.len(), 2);
    assert_eq!(drafts[1].data["duration"], "PT42S");
    assert_eq!(drafts[1].key, drafts[0].key);
    // What is no state of a call is an error of the plugin, and stores nothing.
    stage.carrier.brings([call(&stage, "in-progress", None)]);
    let odd = stage.communication.receive_webhook(channel.id, request()).await;
    assert!(matches!(odd, Err(CommunicationError::Undone(Undone::Failed(_)))), "{odd:?}");
    stage.running.stop().await;
}

#[tokio::test]
async fn messages_of_the_same_people_are_one_conversation_and_a_repeat_is_none() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let attachment = Attachment {
        name: "cat.jpg".to_owned(),
        media_type: "image/jpeg".to_owned(),
        data: vec![0; 9],
    };
    // A number as some services write it, and text as some people do.
    let first = InboundMessage {
        attachments: vec![attachment],
        ..message(&stage, "SM1", "+43 660 1234567", "Hi\u{0}")
    };
    for event in [first.clone(), first, message(&stage, "SM2", PARTNER, "Are you there?")] {
        stage.carrier.brings([ChannelEvent::Received(event)]);
        stage.communication.receive_webhook(channel.id, request()).await.unwrap();
    }
    stage.settle().await;
    let received = stage.heard::<MessageReceived>();
    let texts: Vec<_> = received.iter().map(|event| event.text.as_str()).collect();
    assert_eq!(texts, ["Hi\u{fffd}", "Are you there?"]);
    assert_eq!(received[0].conversation, received[1].conversation);
    assert_eq!(received[0].from.address, PARTNER);

    let drafts = stage.ordered().await;
    let types: Vec<_> = drafts.iter().map(|draft| draft.r#type.as_str()).collect();
    assert_eq!(types, ["Message", "Conversation", "Message"]);
    assert_eq!(leads_to(&drafts[0], "isPartOf"), [received[0].conversation.to_string()]);
    assert_eq!(leads_to(&drafts[1], "participant"), [format!("tel:{PARTNER}")]);
    let kept = stage.communication.message(received[0].message).await.unwrap();
    let [file] = &kept.attachments[..] else { panic!("{kept:?}") };
    assert_eq!(
        (file.name.as_deref(), &*file.media_type, file.bytes),
        (Some("cat.jpg"), "image/jpeg", 9)
    );
    assert_eq!(received[0].attachments, kept.attachments);
    let shown = &drafts[0].data["messageAttachment"][0];
    assert_eq!(
        (&shown["encodingFormat"], &shown["contentSize"]),
        (&json!("image/jpeg"), &json!(9))
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn an_answer_is_known_as_one_and_a_strange_sender_is_an_address_and_no_more() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    let answer = InboundMessage {
        in_reply_to: Some(external(&order.message.to_string())),
        ..message(&stage, "SM1", PARTNER, "Fine")
    };
    let strange = message(&stage, "SM2", "INFO", "Your parcel");
    stage.carrier.brings([ChannelEvent::Received(answer), ChannelEvent::Received(strange)]);
    stage.communication.receive_webhook(channel.id, request()).await.unwrap();
    stage.settle().await;
    let received = stage.heard::<MessageReceived>();
    let kept = stage.communication.message(received[0].message).await.unwrap();
    assert_eq!(kept.in_reply_to, Some(order.message));
    assert_eq!(
        kept.conversation,
        stage.communication.message(order.message).await.unwrap().conversation
    );
    assert_eq!((&*received[1].from.address, received[1].from.entity), ("INFO", None));
    stage.running.stop().await;
}

#[tokio::test]
async fn a_webhook_that_is_not_genuine_or_not_for_anybody_stores_nothing() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let receive = async |id, request| stage.communication.receive_webhook(id, request).await;

    stage.carrier.hook(Err(PluginFailure::Rejected("the signature is wrong".to_owned()).into()));
    let forged = receive(channel.id, request()).await;
    assert!(
        matches!(forged, Err(CommunicationError::Undone(Undone::HookRefused(_)))),
        "{forged:?}"
    );
    let problem = spine::Problem::from(forged.unwrap_err());
    assert_eq!(problem.status().as_u16(), 403);

    let nobody = receive(Uuid::now_v7(), request()).await;
    assert!(matches!(nobody, Err(CommunicationError::NotFound)), "{nobody:?}");

    let large = HookRequest { body: vec![0; (1 << 20) + 1], ..request() };
    let large = receive(channel.id, large).await;
    assert!(matches!(large, Err(CommunicationError::Undone(Undone::HookTooLarge))), "{large:?}");

    let flood =
        (0..101).map(|n| ChannelEvent::Received(message(&stage, &n.to_string(), PARTNER, "x")));
    stage.carrier.brings(flood);
    let flood = receive(channel.id, request()).await;
    assert!(matches!(flood, Err(CommunicationError::Undone(Undone::Failed(_)))), "{flood:?}");

    let pause = ChannelChange { paused: Some(true), ..ChannelChange::default() };
    let paused = stage.communication.change(channel, pause, Cause::system()).await.unwrap();
    let paused = receive(paused.id, request()).await;
    assert!(matches!(paused, Err(CommunicationError::Undone(Undone::Later { .. }))), "{paused:?}");

    stage.settle().await;
    assert!(stage.heard::<MessageReceived>().is_empty() && stage.heard::<CallStarted>().is_empty());
    assert!(stage.contacts.asked.lock().unwrap().is_empty(), "nobody is asked about a forgery");
    stage.running.stop().await;
}

#[tokio::test]
async fn where_nobody_can_say_who_calls_it_is_kept_and_asked_again() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let ana = stage.contacts.knows(&format!("tel:{PARTNER}"), json!({ "name": "Ana" }));
    stage.contacts.away.store(true, Ordering::SeqCst);
    stage.carrier.brings([call(&stage, "ringing", None)]);
    // The service does not come a second time.
    let answer = stage.communication.receive_webhook(channel.id, request()).await.unwrap();
    assert_eq!(answer.status, 200);
    stage.settle().await;
    assert!(stage.heard::<CallStarted>().is_empty());
    stage.contacts.away.store(false, Ordering::SeqCst);
    stage.later(10).await;
    let [started] = &stage.heard::<CallStarted>()[..] else { panic!("once") };
    assert_eq!(started.from.entity, Some(ana));

    // Nor is it lost where nobody can ever say.
    stage.contacts.away.store(true, Ordering::SeqCst);
    stage.carrier.brings([ChannelEvent::Received(message(&stage, "SM1", PARTNER, "Hi"))]);
    stage.communication.receive_webhook(channel.id, request()).await.unwrap();
    for _ in 0..8 {
        stage.later(100).await;
    }
    let [received] = &stage.heard::<MessageReceived>()[..] else { panic!("once") };
    assert_eq!((&*received.from.address, received.from.entity), (PARTNER, None));
    stage.running.stop().await;
}

#[tokio::test]
async fn what_a_moved_channel_carries_begins_conversations_of_its_own() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let share = ChannelChange { space: Some(SpaceId::household()), ..ChannelChange::default() };
    let shared = stage.communication.change(channel, share, Cause::system()).await.unwrap();
    let say = async |id: &str| {
        let said = message(&stage, id, PARTNER, "Hi");
        stage.carrier.brings([ChannelEvent::Received(said)]);
        stage.communication.receive_webhook(shared.id, request()).await.unwrap();
        stage.settle().await;
        let id = stage.heard::<MessageReceived>().last().unwrap().conversation;
        let spaces = "SELECT space FROM communication.conversation WHERE id = $1";
        let space = sqlx::query_scalar::<_, String>(spaces).bind(id);
        (id, space.fetch_one(stage.test.spine.pool()).await.unwrap())
    };
    let (first, of_all) = say("SM1").await;
    assert_eq!(of_all, "household");
    let own = SpaceId::of_person(OWNER);
    let channel = stage.communication.channel(shared.id).await.unwrap();
    let keep = ChannelChange { space: Some(own.clone()), ..ChannelChange::default() };
    stage.communication.change(channel, keep, Cause::system()).await.unwrap();
    let (second, of_one) = say("SM2").await;
    // The household does not learn that it goes on.
    assert_eq!((of_one.as_str(), second == first), (own.as_str(), false));
    assert_eq!(say("SM3").await.0, second);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_channel_that_is_removed_meanwhile_takes_nothing_in() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let (communication, id) = (stage.communication.clone(), channel.id);
    stage.contacts.meanwhile(async move {
        communication.remove(id, true, Cause::system()).await.unwrap();
    });
    stage.carrier.brings([ChannelEvent::Received(message(&stage, "SM1", PARTNER, "Secret"))]);
    let gone = stage.communication.receive_webhook(channel.id, request()).await;
    assert!(matches!(gone, Err(CommunicationError::NotFound)), "{gone:?}");
    stage.settle().await;
    assert_eq!((stage.rows("message").await, stage.rows("conversation").await), (0, 0));
    stage.running.stop().await;
}

#[tokio::test]
async fn a_room_is_one_conversation_whoever_speaks_and_a_number_of_ours_is_nobody_else() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let others: Vec<String> =
        (0..60).map(|n| format!("{n:02}{}@{}.example", "a".repeat(60), "b".repeat(180))).collect();
    let home =
        NewChannel { plugin: "matrix".to_owned(), ..Stage::new_channel("@home:example.org") };
    let matrix = stage.communication.add(home, Cause::system()).await.unwrap();
    let mail = Stage::new_channel("home@example.org");
    let mail = stage.communication.add(mail, Cause::system()).await.unwrap();
    let to = |channel: &Channel, to: &[String], id: &str, from: &str| {
        let said = InboundMessage { to: to.to_vec(), ..message(&stage, id, from, "x") };
        (channel.id, said)
    };
    let room = ["!room:example.org".to_owned()];
    for (channel, said) in [
        to(&matrix, &room, "$1", "@ann:example.org"),
        to(&matrix, &room, "$2", "@bob:example.org"),
        to(&matrix, std::slice::from_ref(&matrix.address), "$3", "@ann:example.org"),
        to(&channel, &["+4319999999".to_owned()], "SM1", PARTNER),
        to(&channel, &[OURS.to_owned()], "SM2", PARTNER),
        // More than fits into an index.
        to(&mail, &others, "M1", "ana@example.org"),
    ] {
        stage.carrier.brings([ChannelEvent::Received(said)]);
        stage.communication.receive_webhook(channel, request()).await.unwrap();
    }
    stage.settle().await;
    let of: Vec<Uuid> =
        stage.heard::<MessageReceived>().into_iter().map(|event| event.conversation).collect();
    assert_eq!(of[0], of[1]);
    assert_ne!(of[0], of[2], "between two it is another one");
    assert_eq!(of[3], of[4]);
    assert_eq!(stage.rows("conversation").await, 4);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_call_of_which_only_the_end_is_told_began_before() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    stage.carrier.brings([call(&stage, "completed", Some(42))]);
    stage.communication.receive_webhook(channel.id, request()).await.unwrap();
    stage.settle().await;
    let [started] = &stage.heard::<CallStarted>()[..] else { panic!("once") };
    assert_eq!(started.at, stage.test.clock.now() - TimeDelta::seconds(42));
    assert_eq!(stage.heard::<CallChanged>()[0].at, stage.test.clock.now());
    stage.running.stop().await;
}

#[tokio::test]
async fn a_word_about_nothing_of_ours_is_kept_for_a_while_and_then_forgotten() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    stage.carrier.brings([ChannelEvent::Status(contracts::plugins::Receipt {
        external_id: "SM-of-another-program".to_owned(),
        status: contracts::plugins::Delivery::Delivered,
        detail: None,
    })]);
    stage.communication.receive_webhook(channel.id, request()).await.unwrap();
    stage.settle().await;
    assert!(stage.heard::<DeliveryUpdated>().is_empty());
    let kept = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM communication.early_status")
            .fetch_one(stage.test.spine.pool())
            .await
            .unwrap()
    };
    assert_eq!(kept().await, 1);
    stage.later(TimeDelta::days(9).num_seconds()).await;
    assert_eq!(kept().await, 0);
    stage.running.stop().await;
}
