//! Live events, and wakes between processes.

use std::time::Duration;

use spine::Cause;
use tokio_stream::StreamExt;

use super::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_reader_sees_what_happens_from_then_on() {
    for adapter in [Adapter::Embedded, Adapter::JetStream] {
        let test = adapter.node().await;
        let (spine, other) = (&test.spine, test.another().await.unwrap());
        write_note(spine, 1).await;
        let mut tail = spine.tail();
        let mut tx = other.begin(Cause::system()).await.unwrap();
        tx.record(&note(2)).unwrap();
        tx.record(&note(3)).unwrap();
        tx.commit().await.unwrap();
        write_note(spine, 4).await;
        for number in 2..=4 {
            let event =
                tokio::time::timeout(Duration::from_secs(20), tail.next()).await.unwrap().unwrap();
            assert_eq!(event.unwrap().read::<NoteWritten>().unwrap(), Some(note(number)));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_reader_that_lags_is_told_and_goes_on() {
    let test = Adapter::Embedded.node().await;
    let spine = &test.spine;
    let mut tail = spine.tail();
    for _ in 0..5 {
        let mut tx = spine.begin(Cause::system()).await.unwrap();
        for number in 0..1_000 {
            tx.record(&Ticked { number }).unwrap();
        }
        tx.commit().await.unwrap();
    }
    let running = Running::start(
        spine,
        vec![Recorder { filter: spine::Filter::All, ..Recorder::new("test.pace") }],
    )
    .await;
    until_idle(spine).await;
    let first = tokio::time::timeout(Duration::from_secs(20), tail.next()).await.unwrap();
    assert!(first.unwrap().is_err(), "it is told that it missed some");
    assert!(tail.next().await.unwrap().is_ok());
    running.stop().await;
}
