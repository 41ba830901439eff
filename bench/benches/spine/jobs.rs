//! Processing: many jobs that do nothing, in batches and one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bench::processor::Processor;
use bench::table::{Goal, Table};
use serde::{Deserialize, Serialize};
use spine::testing::TestSpine;
use spine::{
    BatchJob, Cause, Claimed, Clock, EventId, Job, JobError, JobOptions, JobRun, Lane, Roles,
    Runtime, Spine, Tx,
};
use uuid::Uuid;

use crate::bare::Bare;
use crate::graphile::{Graphile, Mode};
use crate::{Outcome, Size};

/// Does nothing; the worker completes it among others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Noop {
    account: Uuid,
    number: u64,
}

impl Noop {
    pub fn sample() -> Self {
        Self { account: Uuid::nil(), number: 123_456 }
    }
}

#[async_trait]
impl Job for Noop {
    type Context = AtomicUsize;
    const KIND: &'static str = "bench.noop";
    const LANE: Lane = Lane::Background;

    async fn run(&self, done: &AtomicUsize, _: &mut JobRun) -> Result<(), JobError> {
        done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Completes in a transaction of its own, as a job with effects does.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Effect(Noop);

#[async_trait]
impl Job for Effect {
    type Context = AtomicUsize;
    const KIND: &'static str = "bench.effect";
    const LANE: Lane = Lane::Background;

    async fn run(&self, done: &AtomicUsize, run: &mut JobRun) -> Result<(), JobError> {
        run.begin().await?.commit().await?;
        done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Completes with up to 499 others in one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Item(Noop);

#[async_trait]
impl BatchJob for Item {
    type Context = AtomicUsize;
    const KIND: &'static str = "bench.item";
    const LANE: Lane = Lane::Background;
    const BATCH: usize = 500;

    async fn run(
        done: &AtomicUsize,
        items: &[Claimed<Self>],
        _: &mut Tx,
    ) -> Result<Vec<Result<(), JobError>>, JobError> {
        done.fetch_add(items.len(), Ordering::Relaxed);
        Ok(items.iter().map(|_| Ok(())).collect())
    }
}

/// How long it took, and what.
#[derive(Clone, Copy, Default)]
struct Took {
    count: usize,
    time: Duration,
    postgres: Duration,
    here: Duration,
}

impl Took {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.time += other.time;
        self.postgres += other.postgres;
        self.here += other.here;
    }

    fn rate(&self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }

    fn processor(&self) -> String {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.count as f64;
        format!("{:.0} / {:.0}", each(self.postgres), each(self.here))
    }
}

struct Bench {
    spine: Spine,
    bare: Arc<Bare>,
    graphile: Graphile,
}

/// What our side processes.
#[derive(Clone, Copy)]
enum Kind {
    Noop,
    Item,
    Effect,
}

pub async fn measure(size: &Size, table: &mut Table) -> Outcome {
    let mut test = TestSpine::start(&[]).await?;
    test.settings.connections = 48;
    let bench = Bench {
        spine: Spine::connect(test.settings.clone(), Clock::system()).await?,
        bare: Arc::new(Bare::create(&test, 48).await?),
        graphile: Graphile::create(&test, 48).await?,
    };

    let (mut ours, mut floor, mut other) = Default::default();
    let (mut items, mut items_floor): (Took, Took) = Default::default();
    for _ in 0..size.rounds {
        bench.ours(Kind::Noop, size.jobs, &mut ours).await?;
        bench.floor(4, 500, false, size.jobs, &mut floor).await?;
        bench.graphile(Mode::Batched, size.jobs, &mut other).await?;
        bench.ours(Kind::Item, size.jobs, &mut items).await?;
        bench.floor(4, 500, true, size.jobs, &mut items_floor).await?;
    }
    table.heading("Process jobs, claimed and completed in batches (jobs/s)");
    against(table, "jobs, completed by the worker", &ours, &floor, Some(0.8));
    beside(table, "bare table: claim 500, complete 500, 4 workers", &floor);
    yardstick(table, "graphile_worker, local queue 500", &ours, &other, Some(1.5));
    against(table, "batch job: 500 items a transaction, on disk", &items, &items_floor, Some(0.8));
    beside(table, "bare table: the same, completions on disk", &items_floor);
    yardstick(table, "graphile_worker, local queue 500", &items, &other, Some(1.5));

    let few = size.jobs / 10;
    let (mut ours, mut floor, mut other) = Default::default();
    for _ in 0..size.rounds {
        bench.ours(Kind::Effect, few, &mut ours).await?;
        bench.floor(48, 1, true, few, &mut floor).await?;
        bench.graphile(Mode::OneByOne, few, &mut other).await?;
    }
    table.heading("Process jobs one by one, each with a transaction of its own (jobs/s)");
    against(table, "job with JobRun::begin, on disk", &ours, &floor, None);
    beside(table, "bare table: claim 1, complete 1 on disk, 48 workers", &floor);
    yardstick(table, "graphile_worker, 48 workers", &ours, &other, None);
    Ok(())
}

fn against(table: &mut Table, what: &str, ours: &Took, floor: &Took, goal: Option<f64>) {
    let ratio = ours.rate() / floor.rate();
    table.line_with_processor(
        what,
        &format!("{:.0}", ours.rate()),
        &format!("{ratio:.2} of the bare table"),
        goal.map(|goal| (Goal::AtLeast(goal), ratio)),
        &ours.processor(),
    );
}

fn beside(table: &mut Table, what: &str, floor: &Took) {
    table.line_with_processor(what, &format!("{:.0}", floor.rate()), "", None, &floor.processor());
}

fn yardstick(table: &mut Table, what: &str, ours: &Took, other: &Took, goal: Option<f64>) {
    let ratio = ours.rate() / other.rate();
    table.line_with_processor(
        what,
        &format!("{:.0}", other.rate()),
        &format!("ours is {ratio:.1} x"),
        goal.map(|goal| (Goal::AtLeast(goal), ratio)),
        &other.processor(),
    );
}

impl Bench {
    async fn ours(&self, kind: Kind, count: usize, total: &mut Took) -> Outcome {
        let mut left = count;
        while left > 0 {
            let chunk = left.min(1_000);
            left -= chunk;
            let mut tx = self.spine.begin(Cause::system()).await?;
            for _ in 0..chunk {
                let (noop, options) = (Noop::sample(), JobOptions::because_of(EventId::new()));
                match kind {
                    Kind::Noop => tx.schedule_with(&noop, options)?,
                    Kind::Item => tx.schedule_item(&Item(noop), options)?,
                    Kind::Effect => tx.schedule_with(&Effect(noop), options)?,
                };
            }
            tx.commit().await?;
        }
        let done = Arc::new(AtomicUsize::new(0));
        let before = Processor::read(self.spine.pool()).await;
        let begun = Instant::now();
        let running = Runtime::new(self.spine.clone())
            .job::<Noop>(Arc::clone(&done))
            .job::<Effect>(Arc::clone(&done))
            .batch_job::<Item>(Arc::clone(&done))
            .start(Roles { edge: false, workers: true, relay: false })
            .await?;
        let empty = "SELECT NOT EXISTS (SELECT FROM spine.job)";
        while done.load(Ordering::Relaxed) < count
            || !sqlx::query_scalar::<_, bool>(empty).fetch_one(self.spine.pool()).await?
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        total.add(self.took(count, begun, &before).await);
        running.stop().await;
        sqlx::raw_sql("TRUNCATE spine.job, spine.job_key, spine.job_done")
            .execute(self.spine.pool())
            .await?;
        Ok(())
    }

    async fn floor(
        &self,
        workers: usize,
        batch: usize,
        effects: bool,
        count: usize,
        total: &mut Took,
    ) -> Outcome {
        for chunk in (0..count).step_by(1_000) {
            self.bare.insert_many((count - chunk).min(1_000)).await?;
        }
        let before = Processor::read(self.spine.pool()).await;
        let begun = Instant::now();
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                let bare = Arc::clone(&self.bare);
                tokio::spawn(async move {
                    loop {
                        let jobs = bare.claim(batch).await?;
                        match effects {
                            _ if jobs.is_empty() => return Outcome::Ok(()),
                            true => bare.complete_with_effects(&jobs).await?,
                            false => bare.complete(&jobs).await?,
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await??;
        }
        total.add(self.took(count, begun, &before).await);
        self.bare.clear().await
    }

    async fn graphile(&self, mode: Mode, count: usize, total: &mut Took) -> Outcome {
        for chunk in (0..count).step_by(1_000) {
            self.graphile.insert_many((count - chunk).min(1_000)).await?;
        }
        let before = Processor::read(self.spine.pool()).await;
        let time = self.graphile.process(count, mode).await?;
        let took = self.took(count, Instant::now(), &before).await;
        total.add(Took { time, ..took });
        Ok(())
    }

    async fn took(&self, count: usize, begun: Instant, before: &Processor) -> Took {
        let time = begun.elapsed();
        let (postgres, here) = Processor::read(self.spine.pool()).await.since(before);
        Took { count, time, postgres, here }
    }
}
