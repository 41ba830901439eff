//! Enqueueing: one job a transaction from 50 tasks, and 1,000 jobs a transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench::processor::Processor;
use bench::table::{Goal, Table};
use spine::testing::TestSpine;
use spine::{Cause, Clock, EventId, JobOptions, Spine};

use crate::bare::Bare;
use crate::graphile::Graphile;
use crate::jobs::Noop;
use crate::{Outcome, Size};

const TASKS: usize = 50;
const BATCH: usize = 1_000;

/// How many were done in how long, and what it took.
#[derive(Clone, Copy, Default)]
struct Rate {
    count: usize,
    took: Duration,
    postgres: Duration,
    here: Duration,
}

impl Rate {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.took += other.took;
        self.postgres += other.postgres;
        self.here += other.here;
    }

    fn per_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }

    fn processor(&self) -> String {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.count as f64;
        format!("{:.0} / {:.0}", each(self.postgres), each(self.here))
    }
}

pub async fn measure(size: &Size, table: &mut Table) -> Outcome {
    let mut settings_test = TestSpine::start(&[]).await?;
    settings_test.settings.connections = 50;
    let test = settings_test;
    let spine = Spine::connect(test.settings.clone(), Clock::system()).await?;
    let bare = Arc::new(Bare::create(&test, 50).await?);
    let graphile = Arc::new(Graphile::create(&test, 50).await?);

    let (mut ours, mut floor, mut other) = (Rate::default(), Rate::default(), Rate::default());
    let (mut direct, mut wrapped) = (Rate::default(), Rate::default());
    for round in 0..=size.rounds {
        let (a, b, c, d, e) = (
            from_many_tasks(&spine, size.round, {
                let spine = spine.clone();
                move |_| enqueue_one(spine.clone())
            })
            .await?,
            from_many_tasks(&spine, size.round, {
                let bare = Arc::clone(&bare);
                move |_| insert_bare(Arc::clone(&bare))
            })
            .await?,
            from_many_tasks(&spine, size.round, {
                let graphile = Arc::clone(&graphile);
                move |number| insert_graphile(Arc::clone(&graphile), number)
            })
            .await?,
            from_many_tasks(&spine, size.round, {
                let spine = spine.clone();
                move |_| schedule_one(spine.clone())
            })
            .await?,
            from_many_tasks(&spine, size.round, {
                let bare = Arc::clone(&bare);
                move |_| insert_bare_in_transaction(Arc::clone(&bare))
            })
            .await?,
        );
        // The first round opens connections and prepares statements.
        if round > 0 {
            ours.add(a);
            floor.add(b);
            other.add(c);
            direct.add(d);
            wrapped.add(e);
        }
    }
    table.heading("Enqueue one by one, 50 tasks, each told when its job is on disk (jobs/s)");
    let ratio = direct.per_second() / floor.per_second();
    table.line_with_processor(
        "spine, Spine::schedule: who comes together shares a commit",
        &format!("{:.0}", direct.per_second()),
        &format!("{ratio:.2} of the bare table"),
        Some((Goal::AtLeast(0.9), ratio)),
        &direct.processor(),
    );
    print_others(table, &direct, &floor, &other);
    table.line_with_processor(
        "spine, through a Tx of its own",
        &format!("{:.0}", ours.per_second()),
        &format!("{:.2} of the bare table", ours.per_second() / floor.per_second()),
        None,
        &ours.processor(),
    );
    table.line_with_processor(
        "bare table, BEGIN and COMMIT around it",
        &format!("{:.0}", wrapped.per_second()),
        &format!("Tx is {:.2} of it", ours.per_second() / wrapped.per_second()),
        None,
        &wrapped.processor(),
    );

    clear(&spine, &bare, &graphile).await?;
    let (mut ours, mut floor, mut other) = (Rate::default(), Rate::default(), Rate::default());
    for round in 0..=size.rounds {
        let a = in_batches(&spine, size.round, async || enqueue_many(&spine).await).await?;
        let b = in_batches(&spine, size.round, async || bare.insert_many(BATCH).await).await?;
        let c = in_batches(&spine, size.round, async || graphile.insert_many(BATCH).await).await?;
        if round > 0 {
            ours.add(a);
            floor.add(b);
            other.add(c);
        }
        clear(&spine, &bare, &graphile).await?;
    }
    table.heading("Enqueue 1,000 jobs a transaction, 1 task (jobs/s)");
    table.line_with_processor(
        "spine, through Tx",
        &format!("{:.0}", ours.per_second()),
        &format!("{:.2} of the bare table", ours.per_second() / floor.per_second()),
        None,
        &ours.processor(),
    );
    print_others(table, &ours, &floor, &other);
    Ok(())
}

fn print_others(table: &mut Table, ours: &Rate, floor: &Rate, other: &Rate) {
    let floor_rate = format!("{:.0}", floor.per_second());
    table.line_with_processor("bare table", &floor_rate, "", None, &floor.processor());
    table.line_with_processor(
        "graphile_worker",
        &format!("{:.0}", other.per_second()),
        &format!("ours is {:.1} x", ours.per_second() / other.per_second()),
        None,
        &other.processor(),
    );
}

async fn enqueue_one(spine: Spine) -> Outcome {
    let mut tx = spine.begin(Cause::system()).await?;
    tx.schedule_with(&Noop::sample(), JobOptions::because_of(EventId::new()))?;
    tx.commit().await?;
    Ok(())
}

async fn schedule_one(spine: Spine) -> Outcome {
    let options = JobOptions::because_of(EventId::new());
    spine.schedule(&Noop::sample(), &Cause::system(), options).await?;
    Ok(())
}

async fn insert_bare_in_transaction(bare: Arc<Bare>) -> Outcome {
    bare.insert_in_transaction().await
}

async fn insert_bare(bare: Arc<Bare>) -> Outcome {
    bare.insert().await
}

async fn insert_graphile(graphile: Arc<Graphile>, number: u64) -> Outcome {
    graphile.insert(number).await
}

async fn enqueue_many(spine: &Spine) -> Outcome {
    let mut tx = spine.begin(Cause::system()).await?;
    for _ in 0..BATCH {
        tx.schedule_with(&Noop::sample(), JobOptions::because_of(EventId::new()))?;
    }
    tx.commit().await?;
    Ok(())
}

async fn clear(spine: &Spine, bare: &Bare, graphile: &Graphile) -> Outcome {
    sqlx::raw_sql("TRUNCATE spine.job, spine.job_key, spine.job_done")
        .execute(spine.pool())
        .await?;
    bare.clear().await?;
    graphile.clear().await
}

/// Runs `work` over and over in 50 tasks.
async fn from_many_tasks<F>(
    spine: &Spine,
    time: Duration,
    work: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Outcome<Rate>
where
    F: Future<Output = Outcome> + Send,
{
    let count = Arc::new(AtomicUsize::new(0));
    let number = Arc::new(AtomicU64::new(0));
    let before = Processor::read(spine.pool()).await;
    let begun = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (work, count, number) = (work.clone(), Arc::clone(&count), Arc::clone(&number));
            tokio::spawn(async move {
                while begun.elapsed() < time {
                    work(number.fetch_add(1, Ordering::Relaxed)).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    finish(spine, count.load(Ordering::Relaxed), begun, before).await
}

/// Runs `work`, which does a batch, over and over.
async fn in_batches(
    spine: &Spine,
    time: Duration,
    work: impl AsyncFn() -> Outcome,
) -> Outcome<Rate> {
    let before = Processor::read(spine.pool()).await;
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < time {
        work().await?;
        count += BATCH;
    }
    finish(spine, count, begun, before).await
}

async fn finish(spine: &Spine, count: usize, begun: Instant, before: Processor) -> Outcome<Rate> {
    let took = begun.elapsed();
    let (postgres, here) = Processor::read(spine.pool()).await.since(&before);
    Ok(Rate { count, took, postgres, here })
}
