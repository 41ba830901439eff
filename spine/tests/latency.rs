//! How soon a commit is handled. In a program of its own, one adapter after the other: an open transaction of any
//! other test on the same server holds up what the ledger lets be read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

#[expect(dead_code, reason = "it is there for the other tests of the bus")]
#[path = "events/support.rs"]
mod support;

use std::time::{Duration, Instant};

use support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_handled_within_milliseconds() {
    for adapter in [Adapter::Embedded, Adapter::JetStream] {
        commits_are_handled_soon(adapter).await;
    }
}

async fn commits_are_handled_soon(adapter: Adapter) {
    let test = adapter.node().await;
    let spine = &test.spine;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let swift = Recorder::failing("test.swift", move |_| {
        sender.send(Instant::now()).unwrap();
        None
    });
    let running = Running::start(spine, vec![swift]).await;
    write_note(spine, 0).await;
    receiver.recv().await.unwrap();
    let mut times = Vec::new();
    for number in 1..=100 {
        write_note(spine, number).await;
        let committed = Instant::now();
        let handled = receiver.recv().await.unwrap();
        times.push(handled.saturating_duration_since(committed));
    }
    times.sort_unstable();
    println!("{adapter:?}: p50 {:?}, p95 {:?}, p99 {:?}", times[50], times[95], times[99]);
    // The goal is 3 ms; a busy machine that builds beside gets more room here.
    assert!(times[50] < Duration::from_millis(100), "{:?}", times[50]);
    running.stop().await;
}
