//! From a committed job to its start, at 40 jobs a second.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bench::samples::Samples;
use bench::table::{Goal, Table};
use serde::{Deserialize, Serialize};
use spine::testing::TestSpine;
use spine::{Cause, EventId, Job, JobError, JobOptions, JobRun, Lane, Roles, Runtime, Spine};
use tokio::sync::mpsc;

use crate::bare::Bare;
use crate::graphile::{Graphile, Mode};
use crate::{Outcome, Size};

/// Jobs a second.
const PACE: u32 = 40;

type Starts = mpsc::UnboundedSender<(u64, Instant)>;

/// Tells when it started.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Tell(u64);

#[async_trait]
impl Job for Tell {
    type Context = Starts;
    const KIND: &'static str = "bench.tell";
    const LANE: Lane = Lane::Realtime;

    async fn run(&self, starts: &Starts, _: &mut JobRun) -> Result<(), JobError> {
        starts.send((self.0, Instant::now())).map_err(JobError::give_up)
    }
}

pub async fn measure(size: &Size, table: &mut Table) -> Outcome {
    let test = TestSpine::start(&[]).await?;
    let spine = &test.spine;
    let bare = Bare::create(&test, 4).await?;
    let graphile = Graphile::create(&test, 10).await?;

    // The bench's own process starts it, woken in memory.
    let (sender, mut starts) = mpsc::unbounded_channel();
    let running = runtime(spine, sender).await?;
    let (from_commit, from_call) =
        pace(size.latencies, &mut starts, |number| enqueue(spine, number)).await?;
    running.stop().await;

    // Another process starts it, woken over NATS.
    let elsewhere = match std::env::var("SOVEREIGN_TEST_NATS_URL") {
        Ok(url) => Some(between_processes(&test, url, size).await?),
        Err(_) => None,
    };

    // The floor: the bare table, claimed by whom no one had to wake.
    let mut floor = Samples::default();
    for _ in 0..size.latencies.min(200) {
        bare.insert().await?;
        let committed = Instant::now();
        let jobs = bare.claim(1).await?;
        floor.push(committed.elapsed());
        bare.complete(&jobs).await?;
        tokio::time::sleep(Duration::from_secs(1) / PACE / 2).await;
    }

    let mut listening = graphile.listen(Mode::OneByOne).await?;
    let (graphile_from_commit, _) =
        pace(size.latencies, &mut listening.starts, |number| graphile.insert(number)).await?;
    listening.stop().await?;

    table.heading("From enqueued to started, 40 jobs/s (p50 / p95 / p99)");
    line(table, "same process, from the commit", &from_commit, Some((2.0, 10.0)));
    line(table, "same process, from the call of begin", &from_call, None);
    if let Some(elsewhere) = elsewhere {
        line(table, "another process, woken over NATS, from the commit", &elsewhere, None);
    }
    line(table, "bare table: one claim, nobody to wake", &floor, None);
    line(table, "graphile_worker (NOTIFY), from the commit", &graphile_from_commit, None);
    Ok(())
}

/// Prints percentiles; goals are for the median and the 99th.
pub fn line(table: &mut Table, what: &str, samples: &Samples, goals: Option<(f64, f64)>) {
    let milliseconds = |share| samples.percentile(share).as_secs_f64() * 1_000.0;
    let goal = goals.map(|(median, _)| (Goal::AtMost(median), milliseconds(0.5)));
    table.line(what, &samples.summary(), "", goal);
    if let Some((_, most)) = goals
        && most.is_finite()
    {
        let high = milliseconds(0.99);
        let goal = Some((Goal::AtMost(most), high));
        table.line("  its 99th percentile", &format!("{high:.2} ms"), "", goal);
    }
}

async fn runtime(spine: &Spine, starts: Starts) -> Outcome<spine::Running> {
    Ok(Runtime::new(spine.clone())
        .job::<Tell>(std::sync::Arc::new(starts))
        .start(Roles { edge: false, workers: true, relay: false })
        .await?)
}

async fn enqueue(spine: &Spine, number: u64) -> Outcome {
    let mut tx = spine.begin(Cause::system()).await?;
    tx.schedule_with(&Tell(number), JobOptions::because_of(EventId::new()))?;
    tx.commit().await?;
    Ok(())
}

async fn between_processes(test: &TestSpine, url: String, size: &Size) -> Outcome<Samples> {
    let settings = spine::SpineSettings { nats_url: Some(url), ..test.settings.clone() };
    let here = Spine::connect(settings.clone(), test.clock.clone()).await?;
    let there = Spine::connect(settings, test.clock.clone()).await?;
    let (sender, mut starts) = mpsc::unbounded_channel();
    let running = runtime(&there, sender).await?;
    let (from_commit, _) =
        pace(size.latencies, &mut starts, |number| enqueue(&here, number)).await?;
    running.stop().await;
    Ok(from_commit)
}

/// Enqueues at the pace and waits for all starts; samples from the commit's and from the call's
/// moment. The first tenth warms up.
async fn pace<F: Future<Output = Outcome>>(
    count: usize,
    starts: &mut mpsc::UnboundedReceiver<(u64, Instant)>,
    enqueue: impl Fn(u64) -> F,
) -> Outcome<(Samples, Samples)> {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / PACE);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut enqueued = HashMap::new();
    for number in 0..u64::try_from(count)? {
        tick.tick().await;
        let called = Instant::now();
        enqueue(number).await?;
        enqueued.insert(number, (called, Instant::now()));
    }
    let (mut from_commit, mut from_call) = (Samples::default(), Samples::default());
    for _ in 0..count {
        let start = tokio::time::timeout(Duration::from_secs(30), starts.recv()).await?;
        let (number, started) = start.ok_or("the worker ended")?;
        let (called, committed) = enqueued[&number];
        if number >= u64::try_from(count / 10)? {
            // A job may start before its enqueuer hears that it is committed.
            from_commit.push(started.saturating_duration_since(committed));
            from_call.push(started.saturating_duration_since(called));
        }
    }
    Ok((from_commit, from_call))
}
