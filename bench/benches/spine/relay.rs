//! How fast the relay carries the ledger to JetStream, beside the server's own atomic batches.

use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::{self, stream};
use bench::table::Table;
use futures_util::StreamExt;
use spine::testing::TestSpine;
use spine::{Cause, Clock, Roles, Runtime};
use uuid::Uuid;

use crate::events::Happened;
use crate::{Outcome, Size};

/// Messages of an atomic batch.
const BATCH: usize = 200;

pub async fn measure(size: &Size, table: &mut Table) -> Outcome {
    let Ok(url) = std::env::var("SOVEREIGN_TEST_NATS_URL") else {
        return Ok(());
    };
    let test = TestSpine::start_with(&[], Clock::system(), Some(url.clone())).await?;
    let mut left = size.events;
    while left > 0 {
        let mut tx = test.spine.begin(Cause::system()).await?;
        for number in 0..left.min(1_000) {
            tx.record(&Happened::sample(u64::try_from(number)?))?;
        }
        tx.commit().await?;
        left -= left.min(1_000);
    }

    let context = jetstream::new(async_nats::connect(&url).await?);
    let begun = Instant::now();
    let running = Runtime::new(test.spine.clone())
        .start(Roles { edge: false, workers: false, relay: true })
        .await?;
    let mut bytes = 0;
    loop {
        let (messages, size_now) = carried(&context, &test).await?;
        if messages >= u64::try_from(size.events)? {
            bytes = size_now.max(bytes);
            break;
        }
        if begun.elapsed() > Duration::from_secs(120) {
            return Err(format!("only {messages} events were relayed").into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ours = size.events as f64 / begun.elapsed().as_secs_f64();
    running.stop().await;
    delete_streams(&test).await?;

    // Messages of the same size as ours became.
    let each = usize::try_from(bytes)? / size.events;
    let floor = publish_batches(&context, size.events, each).await?;
    table.heading("From the ledger to JetStream (events/s)");
    let ratio = ours / floor;
    table.line(
        "relay, from its start (election included)",
        &format!("{ours:.0}"),
        &format!("{ratio:.2} of bare batches"),
        None,
    );
    let what = format!("bare atomic batches of {BATCH}, {each} bytes each");
    table.line(&what, &format!("{floor:.0}"), "", None);
    Ok(())
}

/// Messages and bytes in the streams of this node.
async fn carried(context: &jetstream::Context, test: &TestSpine) -> Outcome<(u64, u64)> {
    let mut streams = context.streams();
    let (mut messages, mut bytes) = (0, 0);
    while let Some(stream) = streams.next().await {
        let stream = stream?;
        if belongs(&stream.config.name, &test.settings.namespace) {
            messages += stream.state.messages;
            bytes += stream.state.bytes;
        }
    }
    Ok((messages, bytes))
}

/// Deletes what the node left on NATS.
pub async fn delete_streams(test: &TestSpine) -> Outcome {
    let Some(url) = &test.settings.nats_url else {
        return Ok(());
    };
    let context = jetstream::new(async_nats::connect(url).await?);
    let mut names = context.stream_names();
    let mut ours = Vec::new();
    while let Some(name) = names.next().await {
        let name = name?;
        if belongs(&name, &test.settings.namespace) {
            ours.push(name);
        }
    }
    for name in ours {
        context.delete_stream(&name).await?;
    }
    Ok(())
}

fn belongs(stream: &str, namespace: &str) -> bool {
    stream.to_lowercase().contains(&namespace.to_lowercase())
}

/// The server's own rate for atomic batches (ADR-50 of NATS), one after the other.
async fn publish_batches(context: &jetstream::Context, count: usize, bytes: usize) -> Outcome<f64> {
    let name = format!("bench_{}", Uuid::new_v4().simple());
    let stream: stream::Config = serde_json::from_value(serde_json::json!({
        "name": name,
        "subjects": [format!("{name}.>")],
        "allow_atomic": true,
        "retention": "limits",
        "max_consumers": -1,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "max_bytes": -1,
        "max_age": 0,
        "storage": "file",
        "num_replicas": 1,
        "discard": "old",
        "duplicate_window": 120_000_000_000_u64,
    }))?;
    context.create_stream(stream).await?;
    let payload = bytes::Bytes::from(vec![b'x'; bytes.saturating_sub(100).max(16)]);
    let client = context.client();
    let begun = Instant::now();
    let mut left = count;
    while left > 0 {
        let batch = left.min(BATCH);
        left -= batch;
        let id = Uuid::new_v4().simple().to_string();
        for number in 1..=batch {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Batch-Id", id.as_str());
            headers.insert("Nats-Batch-Sequence", number.to_string());
            headers.insert("Nats-Msg-Id", Uuid::new_v4().simple().to_string());
            let subject = format!("{name}.happened");
            if number < batch {
                client.publish_with_headers(subject, headers, payload.clone()).await?;
            } else {
                headers.insert("Nats-Batch-Commit", "1");
                let answer = client.request_with_headers(subject, headers, payload.clone()).await?;
                let answer: serde_json::Value = serde_json::from_slice(&answer.payload)?;
                if let Some(error) = answer.get("error") {
                    return Err(format!("the batch was refused: {error}").into());
                }
            }
        }
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    context.delete_stream(&name).await?;
    Ok(rate)
}
