//! What both adapters of the bus must do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use spine::bus::{self, Begin, ReplayRange};
use spine::{Cause, Filter, HandlerError, Spine};

use super::support::*;

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Adapter::Embedded).await;
            })*
        }
        mod jetstream {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Adapter::JetStream).await;
            })*
        }
    };
}

contract! {
    every_event_of_the_filter_arrives_once_and_in_order,
    what_happened_before_a_consumer_is_seen_unless_it_begins_with_the_next,
    a_failing_batch_is_tried_again_and_then_one_by_one,
    a_rejected_event_is_dead_and_can_be_tried_again,
    a_panic_is_a_failure,
    a_killed_process_is_followed_by_another_and_nothing_is_done_twice,
    two_processes_share_their_consumers,
    a_replay_runs_beside_the_live_flow,
    a_large_payload_arrives,
    an_event_carries_its_cause,
}

fn retry(text: &str) -> HandlerError {
    HandlerError::Retry(text.to_owned().into())
}

async fn every_event_of_the_filter_arrives_once_and_in_order(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let all = Recorder { filter: Filter::All, ..Recorder::new("test.all") };
    let exact = Recorder {
        filter: Filter::Types(&["notes.NoteWritten.v1"]),
        ..Recorder::new("test.exact")
    };
    let none = Recorder { filter: Filter::Types(&["other.*"]), ..Recorder::new("test.none") };
    let running = Running::start(spine, vec![all, exact, none]).await;
    for batch in 0..20 {
        let mut tx = spine.begin(Cause::system()).await.unwrap();
        for number in batch * 50..batch * 50 + 50 {
            tx.record(&note(number)).unwrap();
        }
        tx.record(&Ticked { number: batch }).unwrap();
        tx.commit().await.unwrap();
    }
    until_idle(spine).await;
    let expected: Vec<i64> = (0..1_000).collect();
    assert_eq!(effects(spine, "test.exact").await, expected);
    assert_eq!(effects(spine, "test.all").await.len(), 1_020);
    assert!(effects(spine, "test.none").await.is_empty());
    running.stop().await;
}

async fn what_happened_before_a_consumer_is_seen_unless_it_begins_with_the_next(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    for number in 0..600 {
        write_note(spine, number).await;
    }
    let first = Recorder::new("test.first");
    let next = Recorder { begin: Begin::Next, ..Recorder::new("test.next") };
    let running = Running::start(spine, vec![first, next]).await;
    write_note(spine, 600).await;
    until_idle(spine).await;
    assert_eq!(effects(spine, "test.first").await, (0..=600).collect::<Vec<i64>>());
    // A few from the moment before may be among them, while another transaction runs.
    let seen = effects(spine, "test.next").await;
    assert!(seen.ends_with(&[600]) && seen.len() < 600, "{seen:?}");
    running.stop().await;
}

async fn a_failing_batch_is_tried_again_and_then_one_by_one(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let failures = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&failures);
    // Number 7 fails always, number 3 fails three times.
    let fragile = Recorder::failing("test.fragile", move |event| {
        let note: NoteWritten = event.read().ok()??;
        match note.number {
            7 => Some(retry("seven")),
            3 if counted.fetch_add(1, Ordering::Relaxed) < 3 => Some(retry("three")),
            _ => None,
        }
    });
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    for number in 0..10 {
        tx.record(&note(number)).unwrap();
    }
    tx.commit().await.unwrap();
    let running = Running::start(spine, vec![fragile]).await;
    until_idle(spine).await;
    assert_eq!(effects(spine, "test.fragile").await, [0, 1, 2, 3, 4, 5, 6, 8, 9]);
    let dead = bus::dead_events(spine, None, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].attempts, 3);
    assert!(dead[0].error.contains("seven"), "{}", dead[0].error);
    let consumers = bus::consumers(spine).await.unwrap();
    assert_eq!((consumers.len(), consumers[0].dead), (1, 1));
    assert!(consumers[0].failing.is_none(), "it got past the event");
    running.stop().await;
}

async fn a_rejected_event_is_dead_and_can_be_tried_again(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let willing = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&willing);
    let picky = Recorder::failing("test.picky", move |event| {
        let note: NoteWritten = event.read().ok()??;
        (note.number == 1 && !asked.load(Ordering::Relaxed))
            .then(|| HandlerError::Reject("not this".into()))
    });
    let running = Running::start(spine, vec![picky]).await;
    for number in 0..3 {
        write_note(spine, number).await;
    }
    until_idle(spine).await;
    assert_eq!(effects(spine, "test.picky").await, [0, 2]);
    let dead = bus::dead_events(spine, Some("test.picky"), 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].attempts), (1, 1));

    // Tried again in vain it stays dead, one attempt older.
    assert_eq!(bus::retry_dead(spine, "test.picky", None).await.unwrap(), 1);
    until("it was tried again", || async {
        bus::dead_events(spine, None, 10).await.unwrap()[0].attempts == 2
    })
    .await;
    willing.store(true, Ordering::Relaxed);
    bus::retry_dead(spine, "test.picky", Some(&[dead[0].event])).await.unwrap();
    until_idle(spine).await;
    assert_eq!(effects(spine, "test.picky").await, [0, 2, 1]);
    assert!(bus::dead_events(spine, None, 10).await.unwrap().is_empty());
    running.stop().await;
}

async fn a_panic_is_a_failure(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let panicky = Recorder::failing("test.panicky", |event| {
        let note: NoteWritten = event.read().ok()??;
        assert_ne!(note.number, 1, "this panic is part of the test");
        None
    });
    let running = Running::start(spine, vec![panicky]).await;
    for number in 0..3 {
        write_note(spine, number).await;
    }
    until_idle(spine).await;
    assert_eq!(effects(spine, "test.panicky").await, [0, 2]);
    let dead = bus::dead_events(spine, None, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    running.stop().await;
}

async fn a_killed_process_is_followed_by_another_and_nothing_is_done_twice(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let process = Process::start(&test, || vec![Recorder::new("test.mortal")]);
    let writer = {
        let spine = spine.clone();
        tokio::spawn(async move {
            for number in 0..400 {
                write_note(&spine, number).await;
            }
        })
    };
    until_seen(spine, "test.mortal", 50).await;
    process.kill();
    let process = Process::start(&test, || vec![Recorder::new("test.mortal")]);
    until_seen(spine, "test.mortal", 200).await;
    process.kill();
    let _last = Process::start(&test, || vec![Recorder::new("test.mortal")]);
    writer.await.unwrap();
    until_seen(spine, "test.mortal", 400).await;
    assert_eq!(effects(spine, "test.mortal").await, (0..400).collect::<Vec<i64>>());
}

async fn two_processes_share_their_consumers(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let names = ["test.one", "test.two", "test.three"];
    let handlers = move || names.into_iter().map(Recorder::new).collect::<Vec<_>>();
    let other = test.another().await.unwrap();
    let first = Running::start(spine, handlers()).await;
    let second = Running::start(&other, handlers()).await;
    for number in 0..300 {
        write_note(if number % 2 == 0 { spine } else { &other }, number).await;
    }
    until_all(spine, &names, 300).await;
    // One leaves gently: the other does its part from then on.
    first.stop().await;
    for number in 300..350 {
        write_note(spine, number).await;
    }
    until_all(spine, &names, 350).await;
    for name in names {
        assert_eq!(effects(spine, name).await, (0..350).collect::<Vec<i64>>(), "{name}");
    }
    second.stop().await;
}

async fn until_all(spine: &Spine, names: &[&str], count: usize) {
    for name in names {
        until_seen(spine, name, count).await;
    }
}

async fn a_replay_runs_beside_the_live_flow(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, vec![Recorder::new("test.again")]).await;
    for number in 0..10 {
        write_note(spine, number).await;
    }
    until_idle(spine).await;
    let all = spine::ledger::list(spine, &spine::ledger::Query::default(), 100).await.unwrap();
    let place = |number: usize| all[all.len() - 1 - number].position;
    bus::replay(spine, "test.again", ReplayRange::Positions(place(3), place(5))).await.unwrap();
    write_note(spine, 10).await;
    until_idle(spine).await;
    let mut seen = effects(spine, "test.again").await;
    let live: Vec<i64> = seen.iter().copied().take(10).collect();
    assert_eq!(live, (0..10).collect::<Vec<i64>>());
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10]);

    let from = all[2].event.time;
    let far = from + chrono::Duration::hours(1);
    bus::replay(spine, "test.again", ReplayRange::Times(from, far)).await.unwrap();
    until_idle(spine).await;
    assert_eq!(effects(spine, "test.again").await.len(), 14 + 4);
    let replays = bus::replays(spine, 10).await.unwrap();
    assert_eq!(replays.iter().map(|one| one.delivered).collect::<Vec<_>>(), [4, 3]);
    assert!(replays.iter().all(|one| one.finished_at.is_some()));
    let error = bus::replay(spine, "test.unknown", ReplayRange::All).await.unwrap_err().to_string();
    assert!(error.contains("there are: test.again"), "{error}");
    running.stop().await;
}

async fn a_large_payload_arrives(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let running = Running::start(spine, vec![Recorder::new("test.large")]).await;
    let text = "x".repeat(3 << 20);
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    tx.record(&NoteWritten { text: text.clone(), ..note(1) }).unwrap();
    tx.record(&note(2)).unwrap();
    tx.commit().await.unwrap();
    until_idle(spine).await;
    assert_eq!(texts(spine, "test.large").await, [text, "text 2".to_owned()]);
    running.stop().await;
}

async fn an_event_carries_its_cause(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let collected = Arc::clone(&seen);
    let curious = Recorder::failing("test.curious", move |event| {
        collected.lock().unwrap().push(event.clone());
        None
    });
    let running = Running::start(spine, vec![curious]).await;
    let cause = Cause {
        space: Some("home".to_owned()),
        purpose: Some("tests".to_owned()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        ..Cause::by("https://node.test/users/älice")
    };
    let mut tx = spine.begin(cause.clone()).await.unwrap();
    let first = tx.record(&note(1)).unwrap();
    tx.set_cause(Cause { event: Some(first), ..cause.clone() });
    let second = tx.record(&note(2)).unwrap();
    tx.commit().await.unwrap();
    until_idle(spine).await;
    let events = seen.lock().unwrap().clone();
    assert_eq!(events.iter().map(|event| event.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(*events[0].cause, cause);
    assert_eq!(events[1].cause.event, Some(first));
    assert_eq!(events[1].cause.correlation, Some(first));
    assert_eq!(events[1].as_cause().correlation, Some(first));
    assert_eq!((&*events[0].source, &*events[0].subject), ("notes", "note:1"));
    running.stop().await;
}
