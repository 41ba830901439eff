//! What is erased is gone everywhere, and does not happen any more.

use communication::NewChannel;
use contracts::access::SpaceId;
use contracts::events::communication::{MessageReceived, MessageSent};
use contracts::jobs::SendOutgoingMessage;
use contracts::plugins::{ChannelEvent, InboundMessage, PluginFailure};
use spine::{Cause, Snowflake, Spine};
use uuid::Uuid;

use crate::support::{OURS, OWNER, PARTNER, Stage, request};

const BOB: Snowflake = Snowflake(8);

async fn erase_person(stage: &Stage, person: Snowflake) {
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    Spine::erase(&mut tx, &format!("account:{person}")).await.unwrap();
    tx.commit().await.unwrap();
    stage.settle().await;
}

/// Somebody writes; the message.
async fn written(stage: &Stage, channel: Uuid, id: &str) -> MessageReceived {
    stage.carrier.brings([ChannelEvent::Received(InboundMessage {
        external_id: id.to_owned(),
        sender: PARTNER.to_owned(),
        to: vec![OURS.to_owned()],
        received: stage.test.clock.now(),
        text: "Secret".to_owned(),
        attachments: Vec::new(),
        in_reply_to: None,
    })]);
    stage.communication.receive_webhook(channel, request()).await.unwrap();
    stage.settle().await;
    stage.heard::<MessageReceived>().pop().unwrap()
}

#[tokio::test]
async fn with_a_person_go_their_channels_and_all_that_is_theirs_wherever_it_lies() {
    let stage = Stage::new().await;
    // A channel that was removed before; what it carried stayed.
    let earlier = stage.channel().await;
    let received = written(&stage, earlier.id, "SM1").await;
    stage.communication.remove(earlier.id, false, Cause::system()).await.unwrap();
    // One that is theirs, and one of somebody else that they used.
    let channel = stage.channel().await;
    let bobs =
        NewChannel { owner: BOB, space: SpaceId::household(), ..Stage::new_channel("+4319999999") };
    let bobs = stage.communication.add(bobs, Cause::system()).await.unwrap();
    let through = |id| SendOutgoingMessage { channel: Some(id), ..Stage::order(PARTNER) };
    let orders = [
        through(channel.id),
        through(bobs.id),
        // What nothing could carry.
        Stage::order("@kim:example.org"),
        // And something of Bob's.
        SendOutgoingMessage { owner: BOB, ..through(bobs.id) },
    ];
    for order in &orders {
        stage.schedule(order).await;
    }
    stage.settle().await;
    assert_eq!(stage.heard::<MessageSent>().len(), 3);

    erase_person(&stage, OWNER).await;
    assert!(stage.communication.channel(channel.id).await.is_err());
    let left: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM communication.message")
        .fetch_all(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(left, [orders[3].message], "Bob keeps his own");
    let erased = stage.erased().await;
    for id in [received.message, orders[0].message, orders[1].message, orders[2].message] {
        assert!(!stage.is_readable(&format!("message:{id}")).await);
        assert!(erased.contains(&format!("message {id}")), "{erased:?}");
    }
    assert!(erased.contains(&format!("conversation {}", received.conversation)), "{erased:?}");
    assert!(stage.is_readable(&format!("message:{}", orders[3].message)).await);

    // What still waited for them is neither sent nor written down.
    let late = SendOutgoingMessage { channel: Some(bobs.id), ..Stage::order(PARTNER) };
    stage.schedule(&late).await;
    stage.schedule(&Stage::order("@kim:example.org")).await;
    stage.settle().await;
    assert_eq!((stage.rows("message").await, stage.carrier.taken().len()), (1, 3));
    stage.running.stop().await;
}

#[tokio::test]
async fn a_removed_channel_leaves_nothing_in_the_graph_or_the_ledger_where_that_is_wanted() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let received = written(&stage, channel.id, "SM1").await;
    stage.communication.remove(channel.id, true, Cause::system()).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.carrier.forgotten.lock().unwrap().len(), 1);
    assert!(!stage.is_readable(&format!("message:{}", received.message)).await);
    let mut erased = stage.erased().await;
    erased.sort();
    assert_eq!(
        erased,
        [
            format!("conversation {}", received.conversation),
            format!("message {}", received.message)
        ]
    );
    stage.running.stop().await;
}

#[tokio::test]
async fn a_message_that_is_erased_while_it_waits_is_not_sent_and_not_written_down_again() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let reason = || "429".to_owned();
    stage.carrier.fails(PluginFailure::Retry { after: None, reason: reason() });
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    assert_eq!(stage.carrier.taken().len(), 1);
    stage.communication.remove(channel.id, true, Cause::system()).await.unwrap();
    stage.settle().await;
    stage.later(3_600).await;
    assert_eq!((stage.carrier.taken().len(), stage.rows("message").await), (1, 0));

    // In the very moment before it goes out.
    let channel = stage.channel().await;
    stage.carrier.fails(PluginFailure::Retry { after: None, reason: reason() });
    let order = Stage::order(PARTNER);
    stage.schedule(&order).await;
    stage.settle().await;
    let (communication, id) = (stage.communication.clone(), channel.id);
    let pool = stage.test.spine.pool().clone();
    stage.contacts.meanwhile(async move {
        communication.remove(id, true, Cause::system()).await.unwrap();
        // Its erasure is a job, and this is one: as if that had been done already.
        sqlx::query("DELETE FROM communication.message").execute(&pool).await.unwrap();
    });
    stage.later(60).await;
    assert_eq!((stage.carrier.taken().len(), stage.rows("message").await), (2, 0));
    stage.running.stop().await;
}
