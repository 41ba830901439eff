//! From a committed event to its handler, at 40 events a second, on both buses.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bench::samples::Samples;
use bench::table::Table;
use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::testing::TestSpine;
use spine::{
    Cause, Clock, Event, EventData, EventId, Filter, Handler, HandlerError, Roles, Runtime, Spine,
    Tx,
};
use tokio::sync::mpsc;

use crate::latency::line;
use crate::{Outcome, Size};

const PACE: u32 = 40;

/// Something happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Happened {
    pub number: u64,
    pub text: String,
}

impl EventData for Happened {
    const TYPE: &'static str = "bench.Happened.v1";
    const SOURCE: &'static str = "bench";

    fn subject(&self) -> String {
        "bench:subject".to_owned()
    }
}

impl Happened {
    pub fn sample(number: u64) -> Self {
        Self { number, text: "something of the usual length happened here just now".to_owned() }
    }
}

struct Listen(mpsc::UnboundedSender<(EventId, Instant)>);

#[async_trait]
impl Handler for Listen {
    fn name(&self) -> &'static str {
        "bench.listen"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&["bench.*"])
    }

    async fn handle(&self, events: &[Event], _: &mut Tx) -> Result<(), HandlerError> {
        let now = Instant::now();
        for event in events {
            // The bench stops listening when it has what it wants.
            self.0.send((event.id, now)).unwrap_or_default();
        }
        Ok(())
    }
}

pub async fn measure(size: &Size, table: &mut Table) -> Outcome {
    let embedded = on_bus(None, size).await?;
    let floor = read_back(size).await?;
    table.heading("From a committed event to its handler, 40 events/s (p50 / p95 / p99)");
    line(table, "embedded bus", &embedded, Some((3.0, f64::INFINITY)));
    line(table, "bare read of the committed row, nobody to wake", &floor, None);
    if let Ok(url) = std::env::var("SOVEREIGN_TEST_NATS_URL") {
        let jetstream = on_bus(Some(url.clone()), size).await?;
        let floor = bare_stream(&url, size).await?;
        line(table, "JetStream bus", &jetstream, Some((3.0, f64::INFINITY)));
        line(table, "bare JetStream: publish, pull consumer", &floor, None);
    }
    Ok(())
}

async fn on_bus(nats_url: Option<String>, size: &Size) -> Outcome<Samples> {
    let test = TestSpine::start_with(&[], Clock::system(), nats_url).await?;
    let (sender, mut handled) = mpsc::unbounded_channel();
    let running = Runtime::new(test.spine.clone())
        .handler(Listen(sender))
        .start(Roles { edge: false, workers: true, relay: true })
        .await?;
    let mut committed = HashMap::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / PACE);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Elections and first connections are over when the first event arrives.
    let first = record(&test.spine, 0).await?;
    while received(&mut handled).await?.0 != first {}
    for number in 0..u64::try_from(size.latencies)? {
        tick.tick().await;
        let id = record(&test.spine, number).await?;
        committed.insert(id, Instant::now());
    }
    let mut samples = Samples::default();
    while !committed.is_empty() {
        let (id, at) = received(&mut handled).await?;
        if let Some(then) = committed.remove(&id) {
            samples.push(at.saturating_duration_since(then));
        }
    }
    running.stop().await;
    crate::relay::delete_streams(&test).await?;
    Ok(samples)
}

async fn received(
    handled: &mut mpsc::UnboundedReceiver<(EventId, Instant)>,
) -> Outcome<(EventId, Instant)> {
    let next = tokio::time::timeout(Duration::from_secs(30), handled.recv()).await?;
    next.ok_or_else(|| "the handler ended".into())
}

async fn record(spine: &Spine, number: u64) -> Outcome<EventId> {
    let mut tx = spine.begin(Cause::system()).await?;
    let id = tx.record(&Happened::sample(number))?;
    tx.commit().await?;
    Ok(id)
}

/// The floor of the embedded bus: to read one row back right after its commit.
async fn read_back(size: &Size) -> Outcome<Samples> {
    let test = TestSpine::start(&[]).await?;
    let mut samples = Samples::default();
    for number in 0..u64::try_from(size.latencies.min(200))? {
        let id = record(&test.spine, number).await?;
        let committed = Instant::now();
        let data: Vec<u8> = sqlx::query_scalar("SELECT data FROM spine.event WHERE id = $1")
            .bind(id)
            .fetch_one(test.spine.pool())
            .await?;
        samples.push(committed.elapsed());
        drop(data);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(samples)
}

/// The floor of the JetStream bus: to publish one message and have a consumer pull it.
async fn bare_stream(url: &str, size: &Size) -> Outcome<Samples> {
    let context = async_nats::jetstream::new(async_nats::connect(url).await?);
    let name = format!("bench_{}", uuid::Uuid::new_v4().simple());
    let stream = context
        .create_stream(async_nats::jetstream::stream::Config {
            name: name.clone(),
            subjects: vec![format!("{name}.>")],
            ..Default::default()
        })
        .await?;
    let consumer = stream
        .create_consumer(async_nats::jetstream::consumer::pull::Config {
            durable_name: Some("bench".to_owned()),
            ..Default::default()
        })
        .await?;
    let mut messages = consumer.messages().await?;
    let mut samples = Samples::default();
    let payload = serde_json::to_vec(&Happened::sample(1))?;
    for _ in 0..size.latencies.min(200) {
        let begun = Instant::now();
        let acknowledged =
            context.publish(format!("{name}.happened"), payload.clone().into()).await?;
        let message = messages.next().await.ok_or("the consumer ended")??;
        samples.push(begun.elapsed());
        acknowledged.await?;
        message.ack().await?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    context.delete_stream(&name).await?;
    Ok(samples)
}
