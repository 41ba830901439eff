//! What only the JetStream adapter and its relay can get wrong.

use async_nats::jetstream::{self, stream::Stream};
use spine::bus::{self, Begin, Parting, PulledBack};
use spine::ledger::{Position, Query};
use spine::testing::{TestSpine, nats_server};
use spine::{Cause, Spine, SpineError};
use sqlx::AssertSqlSafe;

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
    let mut all: Vec<_> = spine::ledger::list(spine, &Query::default(), 1_000)
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
    let running = Running::start(spine, NOBODY).await;
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
    let running = Running::start(spine, NOBODY).await;
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
    let running = Running::start(&test.spine, NOBODY).await;
    write_note(&test.spine, 1).await;
    until_published(&test, 1).await;
    let stranger = TestSpine::start(&[]).await.unwrap();
    let mut settings = stranger.settings.clone();
    settings.nats_url = test.settings.nats_url.clone();
    settings.namespace = test.settings.namespace.clone();
    let spine = Spine::connect(settings, stranger.clock.clone()).await.unwrap();
    let intruder = Running::start(&spine, NOBODY).await;
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
    let running = Running::start(spine, NOBODY).await;
    write_note(spine, 1).await;
    write_note(spine, 2).await;
    until_published(&test, 2).await;
    running.stop().await;
    forget(spine, &[2]).await;
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

/// What restoring an older backup does to the ledger: these events are not in it any more.
async fn forget(spine: &Spine, notes: &[u32]) {
    let subjects: Vec<String> = notes.iter().map(|number| format!("note:{number}")).collect();
    change_ledger(spine, "DELETE FROM spine.event WHERE subject = ANY($1)", &subjects).await;
}

/// Puts an event where another one was before, as it happens when the restored ledger goes on.
async fn put_in_place(spine: &Spine, number: u32, place: Position) {
    let statement = format!(
        "UPDATE spine.event SET transaction_order = {}, sequence = {} WHERE subject = ANY($1)",
        place.transaction_order, place.sequence
    );
    change_ledger(spine, &statement, &[format!("note:{number}")]).await;
}

async fn change_ledger(spine: &Spine, statement: &str, subjects: &[String]) {
    let mut tx = spine.pool().begin().await.unwrap();
    let trigger =
        |state: &str| AssertSqlSafe(format!("ALTER TABLE spine.event {state} TRIGGER USER"));
    sqlx::query(trigger("DISABLE")).execute(&mut *tx).await.unwrap();
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .bind(subjects.to_vec())
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query(trigger("ENABLE")).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn place_of(spine: &Spine, note: u32) -> Position {
    let query = Query { subject: Some(format!("note:{note}")), ..Query::default() };
    spine::ledger::list(spine, &query, 1).await.unwrap()[0].position
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_ledger_that_has_grown_to_the_same_place_is_told_from_the_one_in_the_stream() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, NOBODY).await;
    for number in 1..=3 {
        write_note(spine, number).await;
    }
    until_published(&test, 3).await;
    running.stop().await;
    let end = place_of(spine, 3).await;
    forget(spine, &[2, 3]).await;
    write_note(spine, 30).await;
    put_in_place(spine, 30, end).await;

    let running = Running::start(spine, vec![Recorder::new("test.restored")]).await;
    until("its health says why", || async {
        matches!(spine.health().await, Err(SpineError::Bus(text)) if text.contains("does not have"))
    })
    .await;
    let state = bus::stream_state(spine).await.unwrap();
    assert_eq!(state.messages, Some(3));
    let last_shared = place_of(spine, 1).await;
    assert_eq!(state.parted, Some(Parting { last_shared, foreign: 2 }));
    assert!(effects(spine, "test.restored").await.is_empty(), "nothing of it was handled");

    let rebuilt = bus::rebuild_stream(spine).await.unwrap();
    assert_eq!(rebuilt.before.parted, state.parted);
    assert!(rebuilt.pulled_back.is_empty(), "{rebuilt:?}");
    until_seen(spine, "test.restored", 2).await;
    until_published(&test, 2).await;
    assert_eq!(effects(spine, "test.restored").await, [1, 30]);
    assert_eq!(published(&test).await, recorded(spine).await);
    assert_eq!(bus::stream_state(spine).await.unwrap().parted, None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_only_the_stream_has_is_found_behind_one_that_both_have() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, NOBODY).await;
    for number in 1..=5 {
        write_note(spine, number).await;
    }
    until_published(&test, 5).await;
    running.stop().await;
    // The server took over between two commits of transactions that ran at the same time.
    forget(spine, &[2, 4]).await;
    let running = Running::start(spine, NOBODY).await;
    until("its health says why", || async { spine.health().await.is_err() }).await;
    let last_shared = place_of(spine, 1).await;
    let parted = bus::stream_state(spine).await.unwrap().parted;
    assert_eq!(parted, Some(Parting { last_shared, foreign: 4 }));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_that_went_beyond_a_restored_ledger_are_sent_back_and_miss_nothing() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, vec![Recorder::new("test.ahead")]).await;
    for number in 1..=3 {
        write_note(spine, number).await;
    }
    until_seen(spine, "test.ahead", 3).await;
    running.stop().await;
    let (first, second, third) =
        (place_of(spine, 1).await, place_of(spine, 2).await, place_of(spine, 3).await);
    forget(spine, &[2, 3]).await;
    write_note(spine, 20).await;
    put_in_place(spine, 20, second).await;

    let rebuilt = bus::rebuild_stream(spine).await.unwrap();
    let consumer = "test.ahead".to_owned();
    assert_eq!(rebuilt.pulled_back, [PulledBack { consumer, from: third, to: first }]);
    let restored = test.another().await.unwrap();
    let running = Running::start(&restored, vec![Recorder::new("test.ahead")]).await;
    until_idle(&restored).await;
    assert_eq!(effects(spine, "test.ahead").await, [1, 2, 3, 20]);
    until_published(&test, 2).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_agrees_is_made_anew_and_no_consumer_moves() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let latest = Recorder { begin: Begin::Next, ..Recorder::new("test.latest") };
    let running = Running::start(spine, vec![Recorder::new("test.calm"), latest]).await;
    for number in 1..=3 {
        write_note(spine, number).await;
    }
    until_idle(spine).await;
    let rebuilt = bus::rebuild_stream(spine).await.unwrap();
    assert_eq!((rebuilt.before.parted, rebuilt.pulled_back), (None, Vec::new()));
    write_note(spine, 4).await;
    until_published(&test, 4).await;
    until_idle(spine).await;
    assert_eq!(effects(spine, "test.calm").await, [1, 2, 3, 4]);
    assert_eq!(published(&test).await, recorded(spine).await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_relay_apart_one_process_of_workers_runs_every_consumer() {
    let test = Adapter::JetStream.node().await;
    let spine = &test.spine;
    let other = test.another().await.unwrap();
    let relay = Running::with_roles(&other, RELAY, NOBODY).await;
    write_note(spine, 1).await;
    // The relay stands for election from now on.
    until_published(&test, 1).await;
    let names = ["test.north", "test.east", "test.south", "test.west"];
    let consumers = names.into_iter().map(Recorder::new).collect::<Vec<_>>();
    let workers = Running::with_roles(spine, WORKERS, consumers).await;
    for name in names {
        until_seen(spine, name, 1).await;
    }
    workers.stop().await;
    relay.stop().await;
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
