//! What only the JetStream adapter and its relay can get wrong.

use async_nats::jetstream::{self, stream::Stream};
use spine::bus;
use spine::testing::{TestSpine, nats_server};
use spine::{Cause, Spine, SpineError};

use super::support::*;

async fn context() -> jetstream::Context {
    jetstream::new(async_nats::connect(nats_server()).await.unwrap())
}

fn stream_name(test: &TestSpine) -> String {
    format!("{}_LEDGER", test.settings.namespace)
}

async fn stream(test: &TestSpine) -> Stream {
    context().await.get_stream(stream_name(test)).await.unwrap()
}

async fn until_published(test: &TestSpine, count: u64) {
    until(&format!("{count} events are published"), || async {
        match context().await.get_stream(stream_name(test)).await {
            Ok(stream) => stream.cached_info().state.messages == count,
            Err(_) => false,
        }
    })
    .await;
}

/// The ids in the stream, in its order.
async fn published(test: &TestSpine) -> Vec<String> {
    let stream = stream(test).await;
    let mut ids = Vec::new();
    for sequence in 1..=stream.cached_info().state.last_sequence {
        let message = stream.direct_get(sequence).await.unwrap();
        ids.push(message.headers.get("ce-id").unwrap().as_str().to_owned());
    }
    ids
}

async fn recorded(spine: &Spine) -> Vec<String> {
    let mut all: Vec<_> = spine::ledger::list(spine, &spine::ledger::Query::default(), 1_000)
        .await
        .unwrap()
        .into_iter()
        .map(|one| one.event.id.to_string())
        .collect();
    all.reverse();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_has_the_ledger_in_its_order_and_cannot_be_emptied() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, Vec::new()).await;
    for number in 0..5 {
        write_note(spine, number).await;
    }
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    for number in 5..40 {
        tx.record(&note(number)).unwrap();
    }
    tx.commit().await.unwrap();
    until_published(&test, 40).await;
    assert_eq!(published(&test).await, recorded(spine).await);
    let stream = stream(&test).await;
    let message = stream.direct_get(7).await.unwrap();
    assert!(!String::from_utf8_lossy(&message.payload).contains("text"), "sealed on the bus");
    assert_eq!(message.headers.get("ce-specversion").unwrap().as_str(), "1.0");
    assert_eq!(message.headers.get("ce-type").unwrap().as_str(), "notes.NoteWritten.v1");
    assert!(stream.purge().await.is_err());
    assert!(stream.delete_message(3).await.is_err());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_vanished_is_made_again_and_nothing_is_done_twice() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, vec![Recorder::new("test.steady")]).await;
    for number in 0..30 {
        write_note(spine, number).await;
    }
    until_idle(spine).await;
    context().await.delete_stream(stream_name(&test)).await.unwrap();
    for number in 30..40 {
        write_note(spine, number).await;
    }
    until_idle(spine).await;
    until_published(&test, 40).await;
    assert_eq!(published(&test).await, recorded(spine).await);
    assert_eq!(effects(spine, "test.steady").await, (0..40).collect::<Vec<i64>>());
    running.stop().await;
}

/// A server that loses its newest messages in a power failure, as JetStream may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tail_is_published_again() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, Vec::new()).await;
    for number in 0..20 {
        write_note(spine, number).await;
    }
    until_published(&test, 20).await;
    running.stop().await;

    let context = context().await;
    let name = stream_name(&test);
    let kept = keep_first(&context, &name, 12).await;
    assert_eq!(kept, 12);
    let running = Running::start(spine, vec![Recorder::new("test.after")]).await;
    write_note(spine, 20).await;
    until_published(&test, 21).await;
    assert_eq!(published(&test).await, recorded(spine).await);
    until_idle(spine).await;
    assert_eq!(effects(spine, "test.after").await, (0..=20).collect::<Vec<i64>>());
    running.stop().await;
}

/// Replaces the stream by one with its first messages only.
async fn keep_first(context: &jetstream::Context, name: &str, count: u64) -> u64 {
    let stream = context.get_stream(name).await.unwrap();
    let config = stream.cached_info().config.clone();
    let mut messages = Vec::new();
    for sequence in 1..=count {
        messages.push(stream.direct_get(sequence).await.unwrap());
    }
    context.delete_stream(name).await.unwrap();
    context.create_stream(config).await.unwrap();
    let mut last = 0;
    for message in messages {
        let mut headers = async_nats::HeaderMap::new();
        for (name, values) in message.headers.iter() {
            let name = name.to_string();
            // What belongs to one publish only.
            if !name.starts_with("Nats-Batch") && !name.starts_with("Nats-Expected") {
                headers.insert(name, values[0].as_str());
            }
        }
        let sent = context
            .publish_with_headers(message.subject.clone(), headers, message.payload.clone())
            .await
            .unwrap();
        last = sent.await.unwrap().sequence;
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_in_the_stream_twice_takes_effect_once() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, vec![Recorder::new("test.once")]).await;
    for number in 0..3 {
        write_note(spine, number).await;
    }
    until_idle(spine).await;
    until_published(&test, 3).await;
    // A second relay that knows nothing of the first, as no lock and no header would allow it.
    let context = context().await;
    let message = stream(&test).await.direct_get(2).await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    for (name, values) in message.headers.iter() {
        if name.to_string().starts_with("ce-") {
            headers.insert(name.to_string(), values[0].as_str());
        }
    }
    let sent = context
        .publish_with_headers(message.subject.clone(), headers, message.payload.clone())
        .await
        .unwrap();
    sent.await.unwrap();
    write_note(spine, 3).await;
    until_seen(spine, "test.once", 4).await;
    assert_eq!(effects(spine, "test.once").await, [0, 1, 2, 3]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_of_another_node_is_left_alone() {
    let test = Adapter::JetStream.node().await;
    let running = Running::start(&test.spine, Vec::new()).await;
    write_note(&test.spine, 1).await;
    until_published(&test, 1).await;
    let stranger = TestSpine::start(&[]).await.unwrap();
    let mut settings = stranger.settings.clone();
    settings.nats_url = test.settings.nats_url.clone();
    settings.namespace = test.settings.namespace.clone();
    let spine = Spine::connect(settings, stranger.clock.clone()).await.unwrap();
    let intruder = Running::start(&spine, Vec::new()).await;
    write_note(&spine, 2).await;
    until("its health says why", || async {
        matches!(spine.health().await, Err(SpineError::Bus(text)) if text.contains("another node"))
    })
    .await;
    assert_eq!(published(&test).await.len(), 1);
    assert!(bus::rebuild_stream(&spine).await.is_err());
    intruder.stop().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ahead_of_a_restored_database_stops_the_relay_until_it_is_rebuilt() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, Vec::new()).await;
    write_note(spine, 1).await;
    write_note(spine, 2).await;
    until_published(&test, 2).await;
    running.stop().await;
    // The newest event is not in the database any more: restored from before it.
    sqlx::raw_sql(
        "ALTER TABLE spine.event DISABLE TRIGGER USER;
         DELETE FROM spine.event WHERE subject = 'note:2';
         ALTER TABLE spine.event ENABLE TRIGGER USER",
    )
    .execute(spine.pool())
    .await
    .unwrap();
    let running = Running::start(spine, vec![Recorder::new("test.restored")]).await;
    until("its health says why", || async {
        matches!(spine.health().await, Err(SpineError::Bus(text)) if text.contains("does not have"))
    })
    .await;
    bus::rebuild_stream(spine).await.unwrap();
    write_note(spine, 3).await;
    until_published(&test, 2).await;
    assert_eq!(published(&test).await, recorded(spine).await);
    until("the relay is well", || async { spine.health().await.is_ok() }).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_changes_from_one_adapter_to_the_other_without_losing_its_place() {
    let test = Adapter::Embedded.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, vec![Recorder::new("test.mover")]).await;
    for number in 0..10 {
        write_note(spine, number).await;
    }
    until_idle(spine).await;
    running.stop().await;

    let mut settings = test.settings.clone();
    settings.nats_url = Some(nats_server());
    let with_nats = Spine::connect(settings, test.clock.clone()).await.unwrap();
    write_note(spine, 10).await;
    let running = Running::start(&with_nats, vec![Recorder::new("test.mover")]).await;
    write_note(&with_nats, 11).await;
    until_idle(&with_nats).await;
    running.stop().await;

    write_note(spine, 12).await;
    let back = test.another().await.unwrap();
    let running = Running::start(&back, vec![Recorder::new("test.mover")]).await;
    until_idle(&back).await;
    assert_eq!(effects(spine, "test.mover").await, (0..=12).collect::<Vec<i64>>());
    running.stop().await;
    context().await.delete_stream(stream_name(&test)).await.unwrap();
}
