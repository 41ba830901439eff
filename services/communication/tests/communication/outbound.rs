//! What goes out: once, and only as far as the policy lets it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use communication::{ChannelState, NewChannel};
use contracts::access::{Principal, SpaceId};
use contracts::events::communication::{DeliveryUpdated, MessageSent};
use contracts::jobs::SendOutgoingMessage;
use contracts::model::EntityDraft;
use contracts::plugins::{ChannelEvent, Delivery, PluginError, PluginFailure, Receipt};
use serde_json::json;
use spine::work::admin::{self, JobFilter, State};
use spine::{Cause, JobOptions, Snowflake};
use uuid::Uuid;

use crate::support::{Answer, OURS, OWNER, PARTNER, Stage, external, request};

fn updates(stage: &Stage) -> Vec<String> {
    stage.heard::<DeliveryUpdated>().into_iter().map(|event| event.status).collect()
}

async fn told(stage: &Stage, channel: Uuid, message: Uuid, status: Delivery) {
    let external_id = external(&message.to_string());
    let receipt = Receipt { external_id, status, detail: None };
    stage.carrier.brings([ChannelEvent::Status(receipt)]);
    stage.communication.receive_webhook(channel, request()).await.unwrap();
    stage.settle().await;
}

#[tokio::test]
async fn a_message_is_sent_once_and_its_status_moves_forward_only() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    stage.contacts.knows(&format!("tel:{PARTNER}"), json!({ "name": "Ana" }));
    let order = Stage::order("+43 660 1234567");
    // Twice: say, by a handler that ran again.
    stage.schedule(&order).await;
    stage.schedule(&order).await;
    stage.settle().await;

    let [taken] = &stage.carrier.taken()[..] else { panic!("once") };
    assert_eq!(taken.id, order.message.to_string(), "the idempotency key");
    assert_eq!(
        (taken.to.as_slice(), taken.sender.as_deref()),
        (&[PARTNER.to_owned()][..], Some(OURS))
    );
    let [sent] = &stage.heard::<MessageSent>()[..] else { panic!("once") };
    assert_eq!((sent.message, sent.channel, sent.owner), (order.message, channel.id, OWNER));
    assert_eq!(sent.to[0].name.as_deref(), Some("Ana"));
    assert_eq!(stage.status(order.message).await.0, "accepted");
    let drafts = stage.ordered().await;
    let types: Vec<_> = drafts.iter().map(|draft| draft.r#type.as_str()).collect();
    assert_eq!(types, ["Conversation", "Message"]);
    assert_eq!(drafts[1].data["text"], order.text);

    for status in [Delivery::Delivered, Delivery::Sent, Delivery::Delivered, Delivery::Failed] {
        told(&stage, channel.id, order.message, status).await;
    }
    assert_eq!(updates(&stage), ["delivered"]);
    told(&stage, channel.id, order.message, Delivery::Read).await;
    assert_eq!(updates(&stage), ["delivered", "read"]);
    assert_eq!(stage.status(order.message).await.0, "read");
    stage.running.stop().await;
}

#[tokio::test]
async fn a_crash_between_the_services_yes_and_our_commit_sends_the_same_id_again() {
    let mut stage = Stage::new().await;
    stage.channel().await;
    let pool = stage.test.spine.pool().clone();
    stage.carrier.will(Answer::TakesAndTheLeaseIsLost(pool));
    stage.carrier.will(Answer::TakesAndHangs);
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    let carrier = stage.carrier.clone();
    stage.until(async || carrier.taken().len() == 2).await;
    assert_eq!(stage.status(order.message).await.0, "sending");
    stage = stage.killed().await;
    stage.settle().await;
    let ids: Vec<String> = stage.carrier.taken().into_iter().map(|taken| taken.id).collect();
    assert_eq!(ids, vec![order.message.to_string(); 3]);
    assert_eq!(stage.heard::<MessageSent>().len(), 1);
    assert_eq!(stage.status(order.message).await.0, "accepted");
    stage.running.stop().await;
}

#[tokio::test]
async fn without_consent_nothing_is_sent_and_nothing_is_tried_again() {
    let stage = Stage::new().await;
    stage.channel().await;
    stage.consents.withdrawn.store(true, Ordering::SeqCst);
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    stage.later(86_400).await;
    assert!(stage.carrier.taken().is_empty());
    let (status, detail) = stage.status(order.message).await;
    assert_eq!(status, "refused");
    assert!(detail.unwrap().contains("not consented"));
    assert_eq!(updates(&stage), ["refused"]);
    let asked = stage.consents.asked.lock().unwrap().clone();
    let [(caller, resource)] = &asked[..] else { panic!("once") };
    assert_eq!(
        caller.principal,
        Principal::Service("rules".into()),
        "a rule's message is the rules' doing"
    );
    assert_eq!((caller.behalf, caller.purpose.as_str()), (Some(OWNER), "automation"));
    let id = order.message.to_string();
    assert_eq!((resource.kind, &*resource.id, resource.subject), ("message", &*id, Some(OWNER)));
    stage.running.stop().await;
}

#[tokio::test]
async fn a_consent_that_is_withdrawn_while_a_message_waits_stops_it() {
    let stage = Stage::new().await;
    stage.channel().await;
    let after = Some(Duration::from_secs(600));
    stage.carrier.fails(PluginFailure::Retry { after, reason: "429".to_owned() });
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    assert_eq!(stage.carrier.taken().len(), 1);
    stage.later(300).await;
    assert_eq!(stage.carrier.taken().len(), 1, "not before the service wants it");
    stage.consents.withdrawn.store(true, Ordering::SeqCst);
    stage.later(600).await;
    assert_eq!(stage.carrier.taken().len(), 1);
    assert_eq!(updates(&stage), ["refused"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn retry_after_is_honoured_and_then_it_goes_out_with_the_same_id() {
    let stage = Stage::new().await;
    stage.channel().await;
    let after = Some(Duration::from_secs(600));
    stage.carrier.fails(PluginFailure::Retry { after, reason: "429".to_owned() });
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    stage.later(900).await;
    let ids: Vec<String> = stage.carrier.taken().into_iter().map(|taken| taken.id).collect();
    assert_eq!(ids, vec![order.message.to_string(); 2]);
    assert_eq!(stage.heard::<MessageSent>().len(), 1);
    stage.running.stop().await;
}

#[tokio::test]
async fn what_the_service_will_never_take_has_failed_and_says_why() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    stage.carrier.fails(PluginFailure::Failed("21211: this number is not valid".to_owned()));
    let refused = Receipt {
        external_id: "SM9".to_owned(),
        status: Delivery::Failed,
        detail: Some("blocked".to_owned()),
    };
    let orders = [Stage::order(PARTNER), Stage::order(PARTNER)];
    stage.schedule(&orders[0]).await;
    stage.settle().await;
    stage.carrier.will(Answer::Says(refused));
    stage.schedule(&orders[1]).await;
    stage.settle().await;
    stage.later(86_400).await;
    assert_eq!(stage.carrier.taken().len(), 2);
    assert!(stage.heard::<MessageSent>().is_empty());
    let details: Vec<_> =
        stage.heard::<DeliveryUpdated>().into_iter().map(|event| event.detail.unwrap()).collect();
    assert!(details[0].contains("21211") && details[1] == "blocked", "{details:?}");
    told(&stage, channel.id, orders[0].message, Delivery::Delivered).await;
    assert_eq!(stage.status(orders[0].message).await.0, "failed", "failed is final");
    stage.running.stop().await;
}

#[tokio::test]
async fn a_refused_credential_stops_the_channel_until_its_owner_acts() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    stage.carrier.fails(PluginFailure::Unauthorized("the key was revoked".to_owned()));
    let (first, second) = (Stage::order(PARTNER), Stage::order(PARTNER));
    stage.schedule(&first).await;
    stage.settle().await;
    stage.schedule(&second).await;
    stage.settle().await;
    assert_eq!(stage.carrier.taken().len(), 1);
    let channel = stage.communication.channel(channel.id).await.unwrap();
    assert_eq!(channel.state, ChannelState::NeedsSignIn);
    assert_eq!(channel.last_error.as_deref(), Some("the key was revoked"));
    assert_eq!(updates(&stage), ["failed", "failed"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_message_goes_through_the_owners_channel_for_its_kind_of_address() {
    let stage = Stage::new().await;
    let tel = stage.channel().await;
    let mail = Stage::new_channel("ana@example.org");
    let mail = stage.communication.add(mail, Cause::system()).await.unwrap();
    let second = Stage::new_channel("+4319999999");
    let second = stage.communication.add(second, Cause::system()).await.unwrap();
    assert!(tel.is_default && mail.is_default && !second.is_default);
    let explicit = SendOutgoingMessage { channel: Some(second.id), ..Stage::order(PARTNER) };
    let orders = [
        (Stage::order(PARTNER), Some(tel.id)),
        (Stage::order("bob@example.org"), Some(mail.id)),
        (explicit, Some(second.id)),
        (Stage::order("@bob:example.org"), None),
        (Stage::order("nonsense"), None),
        (SendOutgoingMessage { channel: Some(mail.id), ..Stage::order(PARTNER) }, None),
        (SendOutgoingMessage { text: "a\u{0}".to_owned(), ..Stage::order(PARTNER) }, None),
        (SendOutgoingMessage { purpose: "No purpose".to_owned(), ..Stage::order(PARTNER) }, None),
    ];
    for (order, _) in &orders {
        stage.schedule(order).await;
    }
    stage.settle().await;
    for (order, channel) in &orders {
        let message = stage.communication.message(order.message).await.unwrap();
        assert_eq!(message.channel, *channel, "{order:?}");
        assert_eq!(message.detail.is_some(), channel.is_none(), "{order:?}");
    }
    assert_eq!(stage.heard::<MessageSent>().len(), 3);
    let gone: Vec<_> = stage.heard::<DeliveryUpdated>();
    assert_eq!(gone.len(), 5);
    assert!(gone.iter().all(|event| event.channel.is_nil()));
    stage.running.stop().await;
}

#[tokio::test]
async fn a_word_that_comes_before_our_own_commit_counts_after_it() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let order = Stage::order(PARTNER);
    told(&stage, channel.id, order.message, Delivery::Delivered).await;
    told(&stage, channel.id, order.message, Delivery::Sent).await;
    stage.schedule(&order).await;
    stage.settle().await;
    assert_eq!(stage.status(order.message).await.0, "delivered");
    assert_eq!(
        (stage.heard::<MessageSent>().len(), updates(&stage)),
        (1, vec!["delivered".to_owned()])
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn a_broken_plugin_is_tried_again_and_a_message_that_is_a_day_late_is_not_sent() {
    let stage = Stage::new().await;
    stage.channel().await;
    let stopped =
        || PluginError::Stopped { plugin: "twilio".to_owned(), reason: "deadline".to_owned() };
    stage.carrier.will(Answer::Fails(stopped()));
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    stage.later(60).await;
    assert_eq!(stage.carrier.taken().len(), 2);
    assert_eq!(stage.status(order.message).await.0, "accepted");

    let after = Duration::from_secs(100_000);
    let resting = PluginError::Resting { plugin: "twilio".to_owned(), after };
    stage.carrier.will(Answer::Fails(resting));
    let late = Stage::order(PARTNER);
    stage.schedule(&late).await;
    stage.settle().await;
    stage.later(100_001).await;
    assert_eq!(stage.carrier.taken().len(), 3);
    assert_eq!(updates(&stage), ["failed"]);
    let dead = JobFilter { state: Some(State::Dead), ..JobFilter::default() };
    assert!(admin::list(stage.test.spine.pool(), &dead, 10).await.unwrap().is_empty());
    stage.running.stop().await;
}

#[tokio::test]
async fn what_waited_for_days_with_a_node_that_was_off_is_not_sent_when_it_wakes() {
    let stage = Stage::new().await;
    stage.channel().await;
    let yesterday = stage.test.clock.now() - chrono::TimeDelta::hours(25);
    let order = SendOutgoingMessage { ordered_at: Some(yesterday), ..Stage::order(PARTNER) };
    stage.schedule(&order).await;
    stage.settle().await;
    assert_eq!(stage.status(order.message).await.0, "failed");
    assert!(stage.carrier.taken().is_empty());
    stage.running.stop().await;
}

#[tokio::test]
async fn an_id_that_the_service_gives_twice_sends_nothing_twice() {
    let stage = Stage::new().await;
    stage.channel().await;
    let same = || Receipt { external_id: "SM1".to_owned(), status: Delivery::Sent, detail: None };
    let orders = [Stage::order(PARTNER), Stage::order(PARTNER)];
    for order in &orders {
        stage.carrier.will(Answer::Says(same()));
        stage.schedule(order).await;
        stage.settle().await;
    }
    assert_eq!((stage.carrier.taken().len(), stage.heard::<MessageSent>().len()), (2, 2));
    let second = stage.communication.message(orders[1].message).await.unwrap();
    assert_eq!((second.status.name(), second.external_id), ("sent", None));
    stage.running.stop().await;
}

#[tokio::test]
async fn the_graph_knows_how_far_a_message_has_come() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    told(&stage, channel.id, order.message, Delivery::Failed).await;
    let drafts = stage.ordered().await;
    let status = |draft: &EntityDraft| draft.data["creativeWorkStatus"].clone();
    assert_eq!((status(&drafts[1]), status(&drafts[2])), ("accepted".into(), "failed".into()));
    assert_eq!(drafts[1].key, drafts[2].key);
    assert_eq!(drafts[1].edges, drafts[2].edges);
    assert!(drafts[1].provenance.event < drafts[2].provenance.event, "the newer word counts");
    stage.running.stop().await;
}

#[tokio::test]
async fn what_somebody_elses_rule_may_not_send_shows_up_nowhere_but_with_them() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    stage.consents.withdrawn.store(true, Ordering::SeqCst);
    let bob = Snowflake(8);
    let order =
        SendOutgoingMessage { owner: bob, channel: Some(channel.id), ..Stage::order(PARTNER) };
    stage.schedule(&order).await;
    stage.settle().await;
    let message = stage.communication.message(order.message).await.unwrap();
    assert_eq!((message.status.name(), message.owner), ("refused", bob));
    assert_eq!(
        message.space,
        SpaceId::of_person(bob),
        "and not among what is the channel's owner's"
    );
    assert_eq!(message.from.address, "", "nor does Bob learn their number");
    stage.running.stop().await;
}

#[tokio::test]
async fn what_a_person_wrote_is_sent_as_theirs() {
    let stage = Stage::new().await;
    stage.channel().await;
    let order =
        SendOutgoingMessage { rule: None, purpose: "use".to_owned(), ..Stage::order(PARTNER) };
    let person = Principal::Person(OWNER);
    let mut tx = stage.test.spine.begin(Cause::by(person.to_string())).await.unwrap();
    tx.order(&order, JobOptions::default()).unwrap();
    tx.commit().await.unwrap();
    stage.settle().await;
    let asked = stage.consents.asked.lock().unwrap().clone();
    // As the service, consent would be needed for what is labelled as theirs alone.
    assert_eq!((&asked[0].0.principal, asked[0].0.purpose.as_str()), (&person, "use"));
    stage.running.stop().await;
}

#[tokio::test]
async fn a_message_that_its_job_left_ends_and_nobody_claims_to_know_what_became_of_it() {
    let stage = Stage::new().await;
    stage.channel().await;
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    // As if its job had died again and again.
    sqlx::query("UPDATE communication.message SET status = 'sending', external_id = NULL")
        .execute(stage.test.spine.pool())
        .await
        .unwrap();
    stage.later(20 * 3_600).await;
    assert_eq!(stage.status(order.message).await.0, "sending");
    stage.later(24 * 3_600).await;
    stage.later(24 * 3_600).await;
    let (status, detail) = stage.status(order.message).await;
    assert_eq!(
        (status, detail.as_deref()),
        ("failed", Some("nobody knows whether its service took it"))
    );
    assert_eq!(updates(&stage), ["failed"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_refusal_after_an_attempt_that_may_have_got_through_says_so() {
    let stage = Stage::new().await;
    stage.channel().await;
    let stopped = PluginError::Stopped { plugin: "twilio".to_owned(), reason: "x".to_owned() };
    stage.carrier.will(Answer::Fails(stopped));
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    stage.consents.withdrawn.store(true, Ordering::SeqCst);
    stage.later(60).await;
    let (status, detail) = stage.status(order.message).await;
    assert_eq!(status, "refused");
    assert!(detail.unwrap().contains("may have reached"));
    stage.running.stop().await;
}

#[tokio::test]
async fn of_two_channels_that_are_added_at_once_one_is_the_default_and_a_change_is_a_new_version() {
    let stage = Stage::new().await;
    let add = |address: &str| {
        let (communication, new) = (stage.communication.clone(), Stage::new_channel(address));
        tokio::spawn(async move { communication.add(new, Cause::system()).await.unwrap() })
    };
    let all = [add(OURS), add("+4319999991"), add("+4319999992"), add("+4319999993")];
    let mut defaults = Vec::new();
    for added in all {
        defaults.extend(Some(added.await.unwrap()).filter(|channel| channel.is_default));
    }
    let [first] = &defaults[..] else { panic!("one: {defaults:?}") };
    let new = NewChannel { is_default: Some(true), ..Stage::new_channel("+4319999994") };
    stage.communication.add(new, Cause::system()).await.unwrap();
    let now = stage.communication.channel(first.id).await.unwrap();
    assert_eq!((now.is_default, now.version), (false, first.version + 1), "its ETag changes");
    stage.running.stop().await;
}
