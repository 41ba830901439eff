//! Sealing and erasing.

use spine::ledger::{self, Query, Recorded};
use spine::testing::{TestSpine, nats_server};
use spine::{Cause, Clock, EventId, Spine, SpineError};

use super::support::*;

async fn readable(spine: &Spine, id: EventId) -> bool {
    ledger::by_id(spine, id).await.unwrap().unwrap().event.data.is_some()
}

async fn erase(spine: &Spine, subject: &str) {
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    Spine::erase(&mut tx, subject).await.unwrap();
    tx.commit().await.unwrap();
}

async fn write_for(spine: &Spine, author: &str, number: u32) -> EventId {
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    let id = tx.record(&NoteWritten { author: author.to_owned(), ..note(number) }).unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn personal_payloads_are_sealed_and_others_are_not() {
    let test = TestSpine::start(&[]).await.unwrap();
    let spine = &test.spine;
    let sealed = write_note(spine, 1).await;
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    let open = tx.record(&Ticked { number: 1 }).unwrap();
    tx.commit().await.unwrap();
    let raw = |id: EventId| async move {
        let data: Vec<u8> = sqlx::query_scalar("SELECT data FROM spine.event WHERE id = $1")
            .bind(id.0)
            .fetch_one(spine.pool())
            .await
            .unwrap();
        String::from_utf8_lossy(&data).into_owned()
    };
    assert!(!raw(sealed).await.contains("text"));
    assert_eq!(raw(open).await, r#"{"number":1}"#);
    assert!(readable(spine, sealed).await && readable(spine, open).await);
}

#[tokio::test]
async fn what_was_erased_stays_unreadable_and_later_events_are_not() {
    let test = TestSpine::start(&[]).await.unwrap();
    let (spine, other) = (&test.spine, test.another().await.unwrap());
    let alice = write_for(spine, "alice", 1).await;
    let bob = write_for(spine, "bob", 2).await;
    // The other process knows the key too, and is not told of the erasure.
    let from_other = write_for(&other, "alice", 3).await;
    erase(spine, "alice").await;
    assert!(!readable(spine, alice).await && !readable(&other, alice).await);
    assert!(!readable(&other, from_other).await);
    assert!(readable(spine, bob).await);

    let later = write_for(&other, "alice", 4).await;
    let here = write_for(spine, "alice", 5).await;
    assert!(readable(spine, later).await && readable(spine, here).await);
    assert!(!readable(spine, alice).await, "a new key opens nothing old");
    erase(&other, "alice").await;
    assert!(!readable(spine, later).await && !readable(spine, here).await);

    let erased = Query { kind: Some("spine.SubjectErased.v1".into()), ..Query::default() };
    let erased: Vec<Recorded> = ledger::list(spine, &erased, 9).await.unwrap();
    assert_eq!(erased.len(), 2);
    assert_eq!(&*erased[0].event.subject, "alice");
}

#[tokio::test]
async fn what_a_transaction_recorded_before_it_erased_is_erased_too() {
    let test = TestSpine::start(&[]).await.unwrap();
    let spine = &test.spine;
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    let of = |author: &str, number: u32| NoteWritten { author: author.to_owned(), ..note(number) };
    let before = tx.record(&of("alice", 1)).unwrap();
    let another = tx.record(&of("bob", 2)).unwrap();
    let untouched = tx.record(&of("carol", 3)).unwrap();
    let both = ["alice", "bob"].map(|subject| (subject.to_owned(), Cause::by(subject)));
    Spine::erase_all(&mut tx, &both).await.unwrap();
    let after = tx.record(&of("alice", 4)).unwrap();
    tx.commit().await.unwrap();
    assert!(!readable(spine, before).await && !readable(spine, another).await);
    assert!(readable(spine, untouched).await && readable(spine, after).await);
    let later = write_for(spine, "alice", 5).await;
    assert!(readable(spine, later).await, "the key that was destroyed is not used again");
    let erased = Query { kind: Some("spine.SubjectErased.v1".into()), ..Query::default() };
    let mut erased: Vec<_> = ledger::list(spine, &erased, 9)
        .await
        .unwrap()
        .into_iter()
        .map(|recorded| (recorded.event.subject.to_string(), recorded.event.cause.actor.clone()))
        .collect();
    erased.sort();
    let each = |name: &str| (name.to_owned(), Some(name.to_owned()));
    assert_eq!(erased, [each("alice"), each("bob")], "each says why");
}

#[tokio::test]
async fn an_erasure_that_is_rolled_back_erases_nothing() {
    let test = TestSpine::start(&[]).await.unwrap();
    let id = write_note(&test.spine, 1).await;
    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    Spine::erase(&mut tx, "alice").await.unwrap();
    tx.rollback().await.unwrap();
    assert!(readable(&test.spine, id).await);
    assert!(readable(&test.spine, write_note(&test.spine, 2).await).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_make_the_same_keys_at_once_end_with_one_key_each() {
    let test = TestSpine::start(&[]).await.unwrap();
    let spine = &test.spine;
    let other = test.another().await.unwrap();
    let mut tasks = Vec::new();
    for writer in 0..8_u32 {
        let spine = if writer % 2 == 0 { spine.clone() } else { other.clone() };
        tasks.push(tokio::spawn(async move {
            let mut ids = Vec::new();
            for round in 0..10_u32 {
                let mut tx = spine.begin(Cause::system()).await.unwrap();
                // Everyone names the same subjects, each in another order.
                for step in 0..6_u32 {
                    let author = format!("author {round} {}", (step * 5 + writer) % 6);
                    ids.push(tx.record(&NoteWritten { author, ..note(step) }).unwrap());
                }
                tx.commit().await.unwrap();
            }
            ids
        }));
    }
    let mut ids = Vec::new();
    for task in tasks {
        ids.extend(task.await.unwrap());
    }
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM spine.subject_key")
        .fetch_one(spine.pool())
        .await
        .unwrap();
    assert_eq!(keys, 60);
    for id in ids {
        assert!(readable(spine, id).await);
    }
}

#[tokio::test]
async fn a_key_whose_transaction_fails_is_not_used_afterwards() {
    let test = TestSpine::start(&[]).await.unwrap();
    let spine = &test.spine;
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    tx.record(&note(1)).unwrap();
    tx.rollback().await.unwrap();
    let id = write_note(spine, 2).await;
    assert!(readable(spine, id).await);
}

#[tokio::test]
async fn a_payload_whose_time_is_over_is_unreadable_at_once_and_its_key_goes() {
    let clock = Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let spine = &test.spine;
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    let short = tx.record(&Sighted { person: "alice".into() }).unwrap();
    let long = tx.record(&note(1)).unwrap();
    tx.commit().await.unwrap();
    clock.advance(chrono::Duration::days(9));
    assert!(readable(spine, short).await);
    clock.advance(chrono::Duration::days(3));
    assert!(!readable(spine, short).await && readable(spine, long).await);
    // Housekeeping destroys the key itself.
    let running = Running::start(spine, NOBODY).await;
    until("the key is gone", || async {
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM spine.subject_key WHERE wrapped IS NOT NULL")
                .fetch_one(spine.pool())
                .await
                .unwrap();
        left == 1
    })
    .await;
    running.stop().await;
    // Another one of these makes a new key.
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    let again = tx.record(&Sighted { person: "alice".into() }).unwrap();
    tx.commit().await.unwrap();
    assert!(readable(spine, again).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_erased_is_unreadable_through_both_adapters() {
    for adapter in [Adapter::Embedded, Adapter::JetStream] {
        let test = adapter.node().await;
        let spine = &test.spine;
        write_for(spine, "alice", 1).await;
        write_for(spine, "bob", 2).await;
        let early = Running::start(spine, vec![Recorder::new("test.early")]).await;
        until_idle(spine).await;
        early.stop().await;
        assert_eq!(effects(spine, "test.early").await, [1, 2]);
        erase(spine, "alice").await;
        // A consumer that comes later, on what was published before.
        let other = test.another().await.unwrap();
        let late = Running::start(&other, vec![Recorder::new("test.late")]).await;
        until_idle(&other).await;
        assert_eq!(effects(spine, "test.late").await, [-1, 2], "{adapter:?}");
        late.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_erased_is_not_kept_in_memory_for_slow_consumers() {
    let test = Adapter::Embedded.node().await;
    let spine = &test.spine;
    let quick = Running::start(spine, vec![Recorder::new("test.quick")]).await;
    for number in 0..10 {
        write_for(spine, "alice", number).await;
    }
    until_idle(spine).await;
    quick.stop().await;
    erase(spine, "alice").await;
    // The same process, so its shared reader has seen all of them.
    let slow = Running::start(spine, vec![Recorder::new("test.slow")]).await;
    until_idle(spine).await;
    assert_eq!(effects(spine, "test.slow").await, [-1; 10]);
    slow.stop().await;
}

#[tokio::test]
async fn the_key_file_belongs_to_its_database() {
    let test = TestSpine::start(&[]).await.unwrap();
    let mut settings = test.settings.clone();
    settings.key_file = settings.key_file.with_file_name("other.key");
    let error = Spine::connect(settings.clone(), test.clock.clone()).await.unwrap_err();
    assert!(matches!(&error, SpineError::Settings(text) if text.contains("missing")), "{error}");
    assert!(!settings.key_file.exists(), "no new key is made for a database that has one");

    let stranger = TestSpine::start(&[]).await.unwrap();
    settings.key_file = stranger.settings.key_file.clone();
    let error = Spine::connect(settings, test.clock.clone()).await.unwrap_err();
    assert!(matches!(&error, SpineError::Settings(text) if text.contains("belong")), "{error}");
}

#[tokio::test]
async fn a_secret_opens_on_its_node_only() {
    let (one, two) = (TestSpine::start(&[]).await.unwrap(), TestSpine::start(&[]).await.unwrap());
    let sealed = one.spine.seal_secret(b"token").unwrap();
    assert_eq!(one.another().await.unwrap().open_secret(&sealed).unwrap(), b"token");
    assert!(two.spine.open_secret(&sealed).is_err());
    // Loudly, not silently, where the server for the other half of the suite is missing.
    assert!(!nats_server().is_empty());
}
