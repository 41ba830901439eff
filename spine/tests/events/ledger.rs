//! The ledger itself.

use std::time::Duration;

use spine::ledger::{self, Position, Query};
use spine::testing::TestSpine;
use spine::{Cause, Clock, Filter, Spine};

use super::support::*;

async fn node() -> TestSpine {
    TestSpine::start(&[]).await.unwrap()
}

async fn read_on(spine: &Spine, place: &mut Position, seen: &mut Vec<u32>) {
    let page = ledger::read_after(spine, *place, &Filter::All, 1_000).await.unwrap();
    for recorded in &page.events {
        assert!(recorded.position > *place, "order goes up");
        *place = recorded.position;
        if let Some(ticked) = recorded.event.read::<Ticked>().unwrap() {
            seen.push(ticked.number);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_commit_among_many_writers_is_never_skipped() {
    let test = node().await;
    let spine = &test.spine;
    // Begins first, writes first, commits last.
    let mut late = spine.begin(Cause::system()).await.unwrap();
    sqlx::query("SELECT pg_current_xact_id()").execute(late.conn()).await.unwrap();
    late.record(&Ticked { number: 1_000_000 }).unwrap();
    let writers: Vec<_> = (0..20_u32)
        .map(|writer| {
            let spine = spine.clone();
            tokio::spawn(async move {
                for number in 0..15 {
                    let mut tx = spine.begin_worker(Cause::system()).await.unwrap();
                    tx.record(&Ticked { number: writer * 100 + number }).unwrap();
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    let (mut place, mut seen) = (Position::START, Vec::new());
    let mut late = Some(late);
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while seen.len() < 301 {
        assert!(std::time::Instant::now() < deadline, "only {} seen", seen.len());
        read_on(spine, &mut place, &mut seen).await;
        if late.is_some() {
            assert!(seen.is_empty(), "nothing overtakes the oldest open transaction");
            let written: i64 = sqlx::query_scalar("SELECT count(*) FROM spine.event")
                .fetch_one(spine.pool())
                .await
                .unwrap();
            if written >= 100
                && let Some(late) = late.take()
            {
                late.commit().await.unwrap();
            }
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(seen.contains(&1_000_000));
    for writer in 0..20 {
        let own: Vec<u32> = seen.iter().copied().filter(|number| number / 100 == writer).collect();
        assert_eq!(own, (writer * 100..writer * 100 + 15).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn nothing_recorded_can_be_changed() {
    let test = node().await;
    write_note(&test.spine, 1).await;
    let partition: String =
        sqlx::query_scalar("SELECT name FROM spine.event_partition ORDER BY from_order LIMIT 1")
            .fetch_one(test.spine.pool())
            .await
            .unwrap();
    for table in ["event", partition.as_str(), "event_beyond"] {
        for statement in [
            format!("UPDATE spine.{table} SET subject = 'x'"),
            format!("DELETE FROM spine.{table}"),
            format!("TRUNCATE spine.{table}"),
        ] {
            let empty = table == "event_beyond" && !statement.starts_with("TRUNCATE");
            let outcome = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone()))
                .execute(test.spine.pool())
                .await;
            assert!(outcome.is_err() || empty, "{statement}");
        }
    }
}

#[tokio::test]
async fn a_dump_restored_into_a_younger_cluster_goes_on_above_what_it_holds() {
    let test = node().await;
    write_note(&test.spine, 1).await;
    // As if the events had been written where transactions count far higher.
    let far = 5_000_000_000_i64;
    sqlx::query(
        "INSERT INTO spine.event (transaction_order, sequence, id, type, source, subject, time, data)
         VALUES ($1, 0, gen_random_uuid(), 'clock.Ticked.v1', 'clock', 'clock', now(), $2)",
    )
    .bind(far)
    .bind(b"{\"number\":1}".as_slice())
    .execute(test.spine.pool())
    .await
    .unwrap();

    let spine = test.another().await.unwrap();
    write_note(&spine, 2).await;
    let head = ledger::head(&spine).await.unwrap();
    assert!(head.transaction_order > far && head.transaction_order < far + 10_000, "{head}");
    // Other databases' transactions on the server may hold readers up for a moment.
    until("what is written after the restore is read after it", || async {
        let (mut place, mut seen) = (Position::START, Vec::new());
        read_on(&spine, &mut place, &mut seen).await;
        place == head && seen == [1]
    })
    .await;
    // What had got past the last partition has one of its own now.
    let beyond: i64 = sqlx::query_scalar("SELECT count(*) FROM spine.event_beyond")
        .fetch_one(spine.pool())
        .await
        .unwrap();
    assert_eq!(beyond, 0);
    // A further start changes nothing.
    let again = test.another().await.unwrap();
    write_note(&again, 3).await;
    let after = ledger::head(&again).await.unwrap();
    assert!(after > head && after.transaction_order < far + 10_000);
}

#[tokio::test]
async fn partitions_are_made_ahead_as_the_ledger_grows() {
    let test = node().await;
    let spine = &test.spine;
    let count = "SELECT count(*) FROM spine.event_partition";
    let before: i64 = sqlx::query_scalar(count).fetch_one(spine.pool()).await.unwrap();
    assert_eq!(before, 2, "one for now and a spare one");
    let made: i32 = sqlx::query_scalar("SELECT spine.ensure_partitions()")
        .fetch_one(spine.pool())
        .await
        .unwrap();
    assert_eq!(made, 0);
    // As if so many transactions had passed that the spare one is in use.
    sqlx::raw_sql(
        "CREATE OR REPLACE FUNCTION spine.transaction_horizon() RETURNS bigint LANGUAGE sql STABLE
         RETURN (SELECT max(from_order) + 1 FROM spine.event_partition)",
    )
    .execute(spine.pool())
    .await
    .unwrap();
    let made: i32 = sqlx::query_scalar("SELECT spine.ensure_partitions()")
        .fetch_one(spine.pool())
        .await
        .unwrap();
    assert_eq!(made, 1);
    let sizes: Vec<i64> = sqlx::query_scalar(
        "SELECT to_order - from_order FROM spine.event_partition ORDER BY from_order",
    )
    .fetch_all(spine.pool())
    .await
    .unwrap();
    assert!(sizes[2] >= sizes[1] * 2 - 10, "used up within two weeks: {sizes:?}");
}

#[tokio::test]
async fn the_ledger_is_listed_by_type_subject_and_time() {
    let clock = Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let test = TestSpine::start_with(&[], clock.clone(), None).await.unwrap();
    let spine = &test.spine;
    for number in 0..5 {
        write_note(spine, number).await;
        clock.advance(chrono::Duration::minutes(1));
    }
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    let ticked = tx.record(&Ticked { number: 9 }).unwrap();
    tx.commit().await.unwrap();

    let all = ledger::list(spine, &Query::default(), 100).await.unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!(all[0].event.id, ticked, "newest first");
    let next = Query { before: Some(all[1].position), ..Query::default() };
    assert_eq!(ledger::list(spine, &next, 2).await.unwrap()[0].event.id, all[2].event.id);
    let of_type = Query { kind: Some("clock.Ticked.v1".to_owned()), ..Query::default() };
    assert_eq!(ledger::list(spine, &of_type, 9).await.unwrap().len(), 1);
    let about = Query { subject: Some("note:3".to_owned()), ..Query::default() };
    let found = ledger::list(spine, &about, 9).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].event.read::<NoteWritten>().unwrap(), Some(note(3)));
    let times =
        Query { from: Some(all[4].event.time), to: Some(all[2].event.time), ..Query::default() };
    assert_eq!(ledger::list(spine, &times, 9).await.unwrap().len(), 2);
    let one = ledger::by_id(spine, ticked).await.unwrap().unwrap();
    assert_eq!(one.position, all[0].position);
    assert!(ledger::by_id(spine, spine::EventId::new()).await.unwrap().is_none());
    let place = ledger::position_at(spine, all[3].event.time).await.unwrap();
    assert_eq!(place, Some(all[3].position));
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_and_text_with_nul_is_kept() {
    let test = node().await;
    let spine = &test.spine;
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    tx.record(&note(1)).unwrap();
    drop(tx);
    let mut tx = spine.begin(Cause::by("a\0b")).await.unwrap();
    tx.record(&NoteWritten { author: "m\0llory".into(), number: 2, text: "\0".into() }).unwrap();
    tx.commit().await.unwrap();
    let all = ledger::list(spine, &Query::default(), 9).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].event.read::<NoteWritten>().unwrap().unwrap().text, "\0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_agree() {
    let test = node().await;
    let started: Vec<_> = (0..4)
        .map(|_| {
            let (settings, clock) = (test.settings.clone(), test.clock.clone());
            tokio::spawn(async move { Spine::connect(settings, clock).await.unwrap() })
        })
        .collect();
    let mut numbers = vec![test.spine.process_number()];
    for spine in started {
        numbers.push(spine.await.unwrap().process_number());
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 5);
}
