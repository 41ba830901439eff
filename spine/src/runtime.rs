//! What a process runs: its jobs, its event handlers, its schedules.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::work::{
    Memory, Registry, Schedule, WorkSettings, Workers, housekeeping, perform_batch, perform_single,
    run_due_schedules, start_workers,
};
use crate::{BatchJob, Handler, Job, Spine, SpineError, bus, work};

/// Which parts of the node this process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Serve HTTP. (Read by the node; the spine then also feeds [`Spine::tail`].)
    pub edge: bool,
    /// Run jobs and event handlers.
    pub workers: bool,
    /// Stand for election as the relay, and keep house (partitions, cron, expiry).
    pub relay: bool,
}

impl Roles {
    /// Everything in one process.
    pub const ALL: Self = Self { edge: true, workers: true, relay: true };
}

/// Collects a process's jobs and handlers, then runs them.
pub struct Runtime {
    spine: Spine,
    jobs: Registry,
    handlers: Vec<Arc<dyn Handler>>,
    schedules: Vec<Schedule>,
    settings: WorkSettings,
}

impl Runtime {
    /// An empty runtime.
    pub fn new(spine: Spine) -> Self {
        Self {
            spine,
            jobs: Registry::new(),
            handlers: Vec::new(),
            schedules: Vec::new(),
            settings: WorkSettings::default(),
        }
    }

    /// How many workers there are, and how they are shared among the lanes.
    #[must_use]
    pub fn work_settings(mut self, settings: WorkSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Knows how to perform this kind of job.
    #[must_use]
    pub fn job<J: Job>(mut self, context: Arc<J::Context>) -> Self {
        self.jobs.insert(J::KIND, perform_single::<J>(context));
        self
    }

    /// Knows how to perform this kind of batch job.
    #[must_use]
    pub fn batch_job<J: BatchJob>(mut self, context: Arc<J::Context>) -> Self {
        self.jobs.insert(J::KIND, perform_batch::<J>(context));
        self
    }

    /// Adds a durable consumer.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler) -> Self {
        self.handlers.push(Arc::new(handler));
        self
    }

    /// Schedules a job by a cron expression (UTC), once over all processes. Runs that were missed
    /// while no process was up are caught up once.
    #[must_use]
    pub fn cron<J: Job>(mut self, name: &'static str, expression: &'static str, job: J) -> Self {
        self.schedules.push(Schedule::new(name, expression, job));
        self
    }

    /// Starts everything this process's roles ask for.
    ///
    /// # Errors
    /// The database or the bus is away; a cron expression is none.
    pub async fn start(self, roles: Roles) -> Result<Running, SpineError> {
        let Self { spine, jobs, handlers, schedules, settings } = self;
        let stop = CancellationToken::new();
        let schedules = Arc::new(schedules);
        let mut keeper = None;
        if roles.relay {
            housekeeping(&spine, settings.memory()).await?;
            for schedule in schedules.iter() {
                schedule.register(&spine).await?;
            }
            let keep = keep(spine.clone(), Arc::clone(&schedules), settings.memory());
            keeper = Some(tokio::spawn(stop.clone().run_until_cancelled_owned(keep)));
        }
        let workers = match roles.workers {
            true => Some(start_workers(&spine, jobs, settings, stop.child_token()).await?),
            false => None,
        };
        let bus = bus::start(&spine, handlers, roles, stop.clone()).await?;
        Ok(Running { spine, roles, schedules, stop, workers, bus, keeper })
    }
}

/// How often partitions are made and dropped, and keys expire.
const HOUSEKEEPING: Duration = Duration::from_secs(600);
/// How long a schedule may be late when another process changed it.
const SCHEDULES: Duration = Duration::from_secs(10);

/// Keeps house and runs schedules for as long as the process does.
async fn keep(spine: Spine, schedules: Arc<Vec<Schedule>>, memory: Memory) {
    let mut next_housekeeping = tokio::time::Instant::now() + HOUSEKEEPING;
    loop {
        let wait = match run_due_schedules(&spine, &schedules).await {
            Ok(Some(next)) => (next - spine.clock().now()).to_std().unwrap_or_default(),
            Ok(None) => SCHEDULES,
            Err(error) => {
                tracing::warn!(%error, "schedules could not be looked at");
                SCHEDULES
            }
        };
        // A schedule that stays due is locked by another process: that is no reason to spin.
        tokio::time::sleep(wait.clamp(Duration::from_millis(100), SCHEDULES)).await;
        if tokio::time::Instant::now() >= next_housekeeping {
            next_housekeeping += HOUSEKEEPING;
            if let Err(error) = housekeeping(&spine, memory).await {
                tracing::warn!(%error, "housekeeping failed; it is tried again later");
            }
        }
    }
}

/// A runtime at work.
pub struct Running {
    spine: Spine,
    roles: Roles,
    schedules: Arc<Vec<Schedule>>,
    stop: CancellationToken,
    workers: Option<Workers>,
    bus: bus::Consumers,
    keeper: Option<JoinHandle<Option<()>>>,
}

impl Running {
    /// Stops claiming, lets what runs finish (for at most 20 s), gives leases back.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Some(keeper) = self.keeper
            && let Err(error) = keeper.await
        {
            tracing::error!(%error, "housekeeping ended badly");
        }
        self.bus.stopped().await;
        if let Some(workers) = self.workers {
            workers.stop().await;
        }
    }

    /// Waits until every event is handled and no job is ready or running: for tests. Jobs deferred
    /// beyond the clock's time, what is paused, and kinds that this process does not know are not
    /// waited for.
    pub async fn settle(&self) {
        // Asking takes a look through the ledger for each consumer: what takes long is asked seldom.
        let mut pause = Duration::from_millis(4);
        loop {
            match self.is_settled().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "cannot tell whether all is settled"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 5 / 4).min(Duration::from_millis(100));
        }
    }

    async fn is_settled(&self) -> Result<bool, SpineError> {
        if self.roles.relay {
            run_due_schedules(&self.spine, &self.schedules).await?;
        }
        if let Some(workers) = &self.workers {
            workers.catch_up().await?;
        }
        // Handlers schedule jobs and jobs record events: both must be idle with no event between.
        let before = bus::settled_at(&self.spine).await?;
        let kinds = self.workers.as_ref().map_or(&[][..], Workers::kinds);
        let idle = work::is_idle(&self.spine, kinds).await?;
        Ok(before.is_some() && idle && before == bus::settled_at(&self.spine).await?)
    }
}
