//! A process at work in a test, and jobs that tell what became of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use spine::work::WorkSettings;
use spine::work::admin::{self, JobFilter, JobView};
use spine::{
    Cause, Clock, Concurrency, EventId, Job, JobError, JobId, JobOptions, JobRun, Lane, Roles,
    Running, Runtime, Spine,
};
use tokio::sync::Semaphore;

pub const WORKERS: Roles = Roles { edge: false, workers: true, relay: false };

/// What jobs did, and what they wait for.
pub struct Stage {
    log: Mutex<Vec<String>>,
    now: Mutex<HashMap<String, (usize, usize)>>,
    /// Jobs that wait take a permit each.
    pub gate: Semaphore,
}

impl Stage {
    pub fn closed() -> Arc<Self> {
        Arc::new(Self { log: Mutex::default(), now: Mutex::default(), gate: Semaphore::new(0) })
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub fn note(&self, text: impl Into<String>) {
        self.log.lock().unwrap().push(text.into());
    }

    pub fn count(&self, text: &str) -> usize {
        self.log().iter().filter(|entry| *entry == text).count()
    }

    /// How many of this name ran at the same time at most.
    pub fn most_at_once(&self, name: &str) -> usize {
        self.now.lock().unwrap().get(name).map_or(0, |(_, most)| *most)
    }

    /// How many of this name run.
    pub fn running(&self, name: &str) -> usize {
        self.now.lock().unwrap().get(name).map_or(0, |(now, _)| *now)
    }

    pub fn enter(self: &Arc<Self>, name: &str) -> Inside {
        let mut all = self.now.lock().unwrap();
        let (now, most) = all.entry(name.to_owned()).or_default();
        *now += 1;
        *most = (*most).max(*now);
        Inside { stage: Arc::clone(self), name: name.to_owned() }
    }
}

pub struct Inside {
    stage: Arc<Stage>,
    name: String,
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some((now, _)) = self.stage.now.lock().unwrap().get_mut(&self.name) {
            *now -= 1;
        }
    }
}

/// A job that does as it is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Act {
    pub name: String,
    pub script: Script,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Script {
    Succeed,
    Fail,
    FailUntil(u16),
    Postpone {
        seconds: u64,
        until: u16,
    },
    GiveUp,
    Panic,
    /// Waits for the gate.
    Wait,
    /// Waits for the gate, then writes a row and completes in one transaction.
    WaitAndWrite,
    /// Waits for the gate, with at most so many of this name at a time.
    Keyed(u16),
    /// Has the database answer with this error: see `make_fail_function`.
    Refused(String),
}

pub fn act(name: &str, script: Script) -> Act {
    Act { name: name.to_owned(), script }
}

#[async_trait]
impl Job for Act {
    type Context = Arc<Stage>;
    const KIND: &'static str = "test.act";
    const LANE: Lane = Lane::Interactive;
    const MAX_ATTEMPTS: u16 = 3;

    fn concurrency(&self) -> Option<Concurrency> {
        match self.script {
            Script::Keyed(limit) => Some(Concurrency { key: self.name.clone(), limit }),
            _ => None,
        }
    }

    fn backoff(attempt: u16) -> Duration {
        Duration::from_secs(u64::from(attempt) * 100)
    }

    async fn run(&self, stage: &Arc<Stage>, run: &mut JobRun) -> Result<(), JobError> {
        let _inside = stage.enter(&self.name);
        stage.note(format!("{} {}", self.name, run.attempt()));
        match self.script {
            Script::Succeed => Ok(()),
            Script::FailUntil(attempt) if run.attempt() >= attempt => Ok(()),
            Script::Fail | Script::FailUntil(_) => Err(JobError::retry("it rains")),
            Script::Postpone { seconds, until } => {
                if stage.count(&format!("{} {}", self.name, run.attempt())) >= usize::from(until) {
                    return Ok(());
                }
                let after = Duration::from_secs(seconds);
                Err(JobError::RetryAfter { after, reason: "not now".to_owned() })
            }
            Script::GiveUp => Err(JobError::give_up("no use")),
            Script::Panic => panic!("at the disco"),
            Script::Wait | Script::Keyed(_) => {
                stage.gate.acquire().await.map_err(JobError::retry)?.forget();
                Ok(())
            }
            Script::Refused(ref code) => {
                let refused = sqlx::query("SELECT fail($1)").bind(code);
                refused.execute(run.spine().pool()).await?;
                Ok(())
            }
            Script::WaitAndWrite => {
                stage.gate.acquire().await.map_err(JobError::retry)?.forget();
                let mut tx = run.begin().await?;
                sqlx::query("INSERT INTO effect (name) VALUES ($1)")
                    .bind(&self.name)
                    .execute(tx.conn())
                    .await?;
                let committed = tx.commit().await;
                stage.note(format!("{} committed {}", self.name, committed.is_ok()));
                Ok(committed?)
            }
        }
    }
}

pub fn settings() -> WorkSettings {
    WorkSettings {
        reserved: [1, 4, 4],
        shared: 4,
        ahead: [4, 50, 50],
        connections: 2,
        drain: Duration::from_millis(200),
        ..WorkSettings::default()
    }
}

pub async fn start(spine: &Spine, stage: &Arc<Stage>) -> Running {
    Runtime::new(spine.clone())
        .work_settings(settings())
        .job::<Act>(Arc::new(Arc::clone(stage)))
        .start(WORKERS)
        .await
        .unwrap()
}

pub async fn schedule(spine: &Spine, act: &Act) -> JobId {
    schedule_with(spine, act, JobOptions::default()).await
}

pub async fn schedule_with(spine: &Spine, act: &Act, options: JobOptions) -> JobId {
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    let id = tx.schedule_with(act, options).unwrap();
    tx.commit().await.unwrap();
    id
}

pub async fn jobs(spine: &Spine) -> Vec<JobView> {
    admin::list(spine.pool(), &JobFilter::default(), 1_000).await.unwrap()
}

/// Done jobs by id, as often as the history has them.
pub async fn times_done(spine: &Spine, id: JobId) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM spine.job_done WHERE job_id = $1")
        .bind(id)
        .fetch_one(spine.pool())
        .await
        .unwrap()
}

pub async fn effects(spine: &Spine) -> Vec<String> {
    sqlx::query_scalar("SELECT name FROM effect ORDER BY name")
        .fetch_all(spine.pool())
        .await
        .unwrap()
}

pub async fn make_effect_table(spine: &Spine) {
    sqlx::query("CREATE TABLE effect (name text NOT NULL)").execute(spine.pool()).await.unwrap();
}

/// A function that fails with the given SQLSTATE, as a full disk or a deadlock would.
pub async fn make_fail_function(spine: &Spine) {
    sqlx::raw_sql(
        "CREATE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'no luck' USING ERRCODE = code; END $$",
    )
    .execute(spine.pool())
    .await
    .unwrap();
}

/// From now on it does not fail any more.
pub async fn mend_fail_function(spine: &Spine) {
    sqlx::raw_sql(
        "CREATE OR REPLACE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql AS
         $$ BEGIN END $$",
    )
    .execute(spine.pool())
    .await
    .unwrap();
}

/// Waits until the condition holds, for at most ten seconds.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn manual_clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "event ids carry the system's time")]
    let now = Utc::now();
    Clock::manual(now)
}

pub fn because() -> JobOptions {
    JobOptions::because_of(EventId::new())
}
