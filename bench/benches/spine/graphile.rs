//! The yardstick: the crate `graphile_worker`, in the same database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, JobSpecBuilder, LocalQueueConfig, RawJobSpec, TaskHandler,
    Worker, WorkerContext, WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use spine::testing::TestSpine;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::str::FromStr;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::Outcome;

/// Does nothing but tell that it was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Noop {
    pub account: Uuid,
    pub number: u64,
}

#[derive(Clone, Debug)]
struct Done(Arc<AtomicUsize>);

#[derive(Clone, Debug)]
struct Started(mpsc::UnboundedSender<(u64, Instant)>);

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "bench_noop";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(started) = context.get_ext::<Started>() {
            // The bench stops listening when it has what it wants.
            started.0.send((self.number, Instant::now())).unwrap_or_default();
        }
        if let Some(done) = context.get_ext::<Done>() {
            done.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<(), String>(())
    }
}

pub struct Graphile {
    pool: PgPool,
    pub utils: WorkerUtils,
}

/// How its worker is set up.
pub enum Mode {
    /// Fetches 500 at a time into a local queue, completes many in one statement.
    Batched,
    /// Fetches and completes each by itself.
    OneByOne,
}

impl Graphile {
    pub async fn create(test: &TestSpine, connections: u32) -> Outcome<Self> {
        let options = PgConnectOptions::from_str(&test.settings.database_url)?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        let utils = WorkerUtils::new(pool.clone(), "graphile_worker");
        utils.migrate().await?;
        Ok(Self { pool, utils })
    }

    /// One job with a unique key.
    pub async fn insert(&self, number: u64) -> Outcome {
        let spec = JobSpecBuilder::new().job_key(Uuid::now_v7().to_string()).build();
        self.utils.add_job(Noop { account: Uuid::nil(), number }, spec).await?;
        Ok(())
    }

    /// Many jobs in one call, each with a unique key.
    pub async fn insert_many(&self, count: usize) -> Outcome {
        let jobs: Vec<RawJobSpec> = (0..count)
            .map(|_| {
                let key = Uuid::now_v7().to_string();
                let spec: JobSpec = JobSpecBuilder::new().job_key(key).build();
                let payload = serde_json::json!({ "account": Uuid::nil(), "number": 123_456_u64 });
                RawJobSpec { identifier: Noop::IDENTIFIER.to_owned(), payload, spec }
            })
            .collect();
        self.utils.add_raw_jobs(&jobs).await?;
        Ok(())
    }

    fn options(&self, mode: &Mode) -> WorkerOptions {
        let options = WorkerOptions::default()
            .pg_pool(self.pool.clone())
            .schema("graphile_worker")
            .poll_interval(Duration::from_millis(200))
            .listen_os_shutdown_signals(false)
            .define_job::<Noop>();
        match mode {
            Mode::Batched => options
                .concurrency(48)
                .local_queue(LocalQueueConfig::default().with_size(500))
                .complete_job_batch_delay(Duration::from_millis(5)),
            Mode::OneByOne => options.concurrency(48),
        }
    }

    /// Runs until `count` jobs are done and gone; returns how long that took.
    pub async fn process(&self, count: usize, mode: Mode) -> Outcome<Duration> {
        let done = Arc::new(AtomicUsize::new(0));
        let worker = self.options(&mode).add_extension(Done(Arc::clone(&done))).init().await?;
        let worker = Arc::new(worker);
        let begun = Instant::now();
        let running = run(&worker);
        while done.load(Ordering::Relaxed) < count || !self.is_empty().await? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let took = begun.elapsed();
        worker.request_shutdown();
        running.await??;
        Ok(took)
    }

    async fn is_empty(&self) -> Outcome<bool> {
        let empty = "SELECT NOT EXISTS (SELECT FROM graphile_worker._private_jobs)";
        Ok(sqlx::query_scalar(empty).fetch_one(&self.pool).await?)
    }

    /// A worker that tells when each job starts, until the returned value is dropped.
    pub async fn listen(&self, mode: Mode) -> Outcome<Listening> {
        let (started, starts) = mpsc::unbounded_channel();
        let worker = self.options(&mode).add_extension(Started(started)).init().await?;
        let worker = Arc::new(worker);
        let running = run(&worker);
        Ok(Listening { worker, running, starts })
    }

    pub async fn clear(&self) -> Outcome {
        sqlx::raw_sql("DELETE FROM graphile_worker._private_jobs").execute(&self.pool).await?;
        Ok(())
    }
}

type Running = tokio::task::JoinHandle<Outcome>;

fn run(worker: &Arc<Worker>) -> Running {
    let worker = Arc::clone(worker);
    tokio::spawn(async move { worker.run().await.map_err(Into::into) })
}

pub struct Listening {
    worker: Arc<Worker>,
    running: Running,
    pub starts: mpsc::UnboundedReceiver<(u64, Instant)>,
}

impl Listening {
    pub async fn stop(self) -> Outcome {
        self.worker.request_shutdown();
        self.running.await?
    }
}
