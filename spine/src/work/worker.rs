//! The workers of a process: one dispatcher that claims ahead and starts what it may.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ahead::Ahead;
use super::alarm::Alarm;
use super::claim::{ClaimedRow, block_crowded, claim};
use super::complete::{Setback, Undone, set_back};
use super::finish::{Finished, Finisher};
use super::lanes::Slots;
use super::leases::Leases;
use super::trial::Trial;
use super::unit::Unit;
use super::upkeep::{Upkeep, extend_leases};
use super::{Lane, Performer, WorkSettings};
use crate::wake::{JobWake, Wakes};
use crate::{JobId, Spine, SpineError};

/// The kinds of jobs a process knows.
pub(crate) type Registry = HashMap<&'static str, Arc<dyn Performer>>;

/// Most outcomes that wait to be written before workers have to wait.
const OUTCOMES: usize = 1_024;
/// How long the last outcomes may take to be written when the process stops.
const LAST_OUTCOMES: Duration = Duration::from_secs(5);

/// A process's workers, started.
pub(crate) struct Workers {
    stop: CancellationToken,
    dispatcher: JoinHandle<()>,
    finisher: JoinHandle<()>,
    upkeep: Arc<Upkeep>,
    upkeep_tasks: TaskTracker,
    heartbeat: JoinHandle<()>,
    heartbeat_stop: CancellationToken,
    kinds: Vec<&'static str>,
}

/// Opens the connections that only claim and complete: they need not wait for the disk, and their
/// statements always go by index, whatever the planner believes about a table that fills and
/// empties within a second.
pub(crate) async fn queue_pool(spine: &Spine, connections: u32) -> Result<PgPool, SpineError> {
    let options = spine.worker_pool().connect_options().as_ref().clone().options([
        ("synchronous_commit", "off"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("jit", "off"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(connections.max(2))
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(4))
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Starts the workers of this process.
pub(crate) async fn start_workers(
    spine: &Spine,
    registry: Registry,
    settings: WorkSettings,
    stop: CancellationToken,
) -> Result<Workers, SpineError> {
    let pool = queue_pool(spine, settings.connections).await?;
    let leases = Arc::new(Leases::default());
    let alarm = Arc::new(Alarm::default());
    let wakes = Arc::clone(spine.wakes());

    let (finished, outcomes) = mpsc::channel(OUTCOMES);
    let finisher = Finisher {
        pool: pool.clone(),
        clock: spine.clock().clone(),
        leases: Arc::clone(&leases),
        alarm: Arc::clone(&alarm),
        wakes: Arc::clone(&wakes),
    };
    let finisher = tokio::spawn(finisher.run(outcomes));

    let heartbeat_stop = CancellationToken::new();
    let heartbeat = tokio::spawn(extend_leases(
        pool.clone(),
        spine.clock().clone(),
        Arc::clone(&leases),
        heartbeat_stop.clone(),
    ));

    let suspects = Arc::new(Notify::new());
    let upkeep = Arc::new(Upkeep {
        pool: pool.clone(),
        clock: spine.clock().clone(),
        alarm,
        wakes: Arc::clone(&wakes),
        suspects: Arc::clone(&suspects),
        poll: settings.poll,
    });
    let upkeep_tasks = TaskTracker::new();
    Arc::clone(&upkeep).spawn(&upkeep_tasks, &stop);
    upkeep_tasks.close();

    let (runs, abort) = (TaskTracker::new(), CancellationToken::new());
    let trial = Trial {
        spine: spine.clone(),
        pool: pool.clone(),
        registry: registry.clone(),
        leases: Arc::clone(&leases),
        finished: finished.clone(),
        suspects,
        poll: settings.poll,
        abort: abort.clone(),
    };
    runs.spawn(trial.run(stop.clone()));

    let kinds = registry.keys().copied().collect();
    let (events, inbox) = mpsc::unbounded_channel();
    let dispatcher = Dispatcher {
        spine: spine.clone(),
        pool,
        lanes: settings.ahead.map(Ahead::new),
        slots: Slots::new(&settings),
        registry,
        settings,
        leases,
        wakes,
        finished,
        events,
        unknown: BTreeSet::new(),
        runs,
        abort,
    };
    let dispatcher = tokio::spawn(dispatcher.run(inbox, stop.clone()));
    Ok(Workers {
        stop,
        dispatcher,
        finisher,
        upkeep,
        upkeep_tasks,
        heartbeat,
        heartbeat_stop,
        kinds,
    })
}

impl Workers {
    /// Stops claiming, lets what runs finish for a while, gives the rest back.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.dispatcher.await {
            tracing::error!(%error, "the dispatcher ended badly");
        }
        let abort = self.finisher.abort_handle();
        match tokio::time::timeout(LAST_OUTCOMES, self.finisher).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the finisher ended badly"),
            Err(_) => {
                tracing::error!("the database does not take the last outcomes: jobs run again");
                abort.abort();
            }
        }
        self.heartbeat_stop.cancel();
        if let Err(error) = self.heartbeat.await {
            tracing::error!(%error, "the heartbeat ended badly");
        }
        self.upkeep_tasks.wait().await;
    }

    /// The kinds of jobs these workers know.
    pub(crate) fn kinds(&self) -> &[&'static str] {
        &self.kinds
    }

    /// Makes jobs ready whose time has come or whose lease has expired, at once: a test's clock
    /// moves without a sound.
    pub(crate) async fn catch_up(&self) -> Result<(), SpineError> {
        self.upkeep.ready_due_now().await?;
        self.upkeep.sweep_once().await?;
        Ok(())
    }
}

/// What the dispatcher is told.
enum Happened {
    /// `full`: there may be more.
    Claimed { lane: Lane, full: bool, result: sqlx::Result<Vec<ClaimedRow>> },
    /// A unit of so many bytes.
    Ended { lane: Lane, bytes: usize },
}

struct Dispatcher {
    spine: Spine,
    pool: PgPool,
    registry: Registry,
    settings: WorkSettings,
    leases: Arc<Leases>,
    wakes: Arc<Wakes>,
    finished: mpsc::Sender<Vec<Finished>>,
    events: mpsc::UnboundedSender<Happened>,
    lanes: [Ahead; 3],
    slots: Slots,
    /// Kinds met in the table that this process does not know.
    unknown: BTreeSet<String>,
    runs: TaskTracker,
    /// Ends runs that are still going when the time to stop is over.
    abort: CancellationToken,
}

impl Dispatcher {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Happened>, stop: CancellationToken) {
        let mut jobs = self.wakes.jobs();
        let mut seen = *jobs.borrow_and_update();
        // One lane after the other: together they would keep three connections open for nothing.
        let mut poll = tokio::time::interval(self.settings.poll / 3);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut polled = Lane::ALL.into_iter().cycle();
        loop {
            self.start_what_may();
            self.claim_what_is_wanted();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                happened = inbox.recv() => {
                    let Some(happened) = happened else { break };
                    self.take_in(happened).await;
                    while let Ok(happened) = inbox.try_recv() {
                        self.take_in(happened).await;
                    }
                }
                // Without a sender there are no wakes left; polling remains.
                Ok(()) = jobs.changed() => {
                    let now = *jobs.borrow_and_update();
                    self.wake(now.since(&seen));
                    seen = now;
                }
                _ = poll.tick() => self.wake(polled.next().map(JobWake::lane).unwrap_or(JobWake::ANY)),
            }
        }
        self.wind_down(inbox).await;
    }

    fn wake(&mut self, jobs: JobWake) {
        for lane in Lane::ALL.into_iter().filter(|lane| jobs.includes(JobWake::lane(*lane))) {
            self.lanes[lane.index()].wake();
        }
    }

    async fn take_in(&mut self, happened: Happened) {
        match happened {
            Happened::Ended { lane, bytes } => {
                self.slots.give_back(lane);
                self.lanes[lane.index()].ended(bytes);
            }
            Happened::Claimed { lane, full, result } => {
                let ahead = &mut self.lanes[lane.index()];
                match result {
                    Ok(rows) => {
                        ahead.claim_brought(rows.len(), full);
                        self.take_rows(lane, rows).await;
                    }
                    Err(error) => {
                        tracing::warn!(lane = lane.name(), %error, "claiming jobs failed");
                        ahead.claim_failed();
                    }
                }
            }
        }
    }

    async fn take_rows(&mut self, lane: Lane, rows: Vec<ClaimedRow>) {
        let now = self.spine.clock().now();
        self.leases.hold(rows.iter().map(|row| (row.id, row.claim, row.lease)), now);
        let mut strange = Vec::new();
        for row in rows {
            match self.registry.get(row.kind.as_str()) {
                Some(performer) => self.lanes[lane.index()].push(performer, row),
                None => {
                    strange.push((row.id, row.claim));
                    if !self.unknown.contains(&row.kind) {
                        tracing::warn!(
                            job.kind = row.kind,
                            "no worker of this process knows this kind"
                        );
                        self.unknown.insert(row.kind);
                    }
                }
            }
        }
        if !strange.is_empty() {
            self.give_back(&strange).await;
        }
    }

    async fn give_back(&self, jobs: &[(JobId, i32)]) {
        give_back(&self.pool, jobs, self.spine.clock().now()).await;
        self.leases.drop_held(jobs.iter().copied());
    }

    fn start_what_may(&mut self) {
        loop {
            let waiting = [0, 1, 2].map(|lane| self.lanes[lane].may_start());
            let Some(lane) = self.slots.take(waiting) else { break };
            match self.lanes[lane.index()].start() {
                Some(unit) => self.start(lane, unit),
                None => self.slots.give_back(lane),
            }
        }
    }

    fn start(&self, lane: Lane, unit: Unit) {
        let spine = self.spine.clone();
        let leases = Arc::clone(&self.leases);
        let finished = self.finished.clone();
        let events = self.events.clone();
        let abort = self.abort.clone();
        self.runs.spawn(async move {
            let bytes = unit.bytes();
            let outcomes = unit.perform(&spine, &leases, &abort).await;
            // The worker is free only when its outcome is taken: a slow database slows the start
            // of further jobs. The finisher outlives every run.
            if finished.send(outcomes).await.is_err() {
                tracing::error!("outcomes came after the end");
            }
            // The dispatcher may have stopped listening: then nobody counts workers any more.
            drop(events.send(Happened::Ended { lane, bytes }));
        });
    }

    fn claim_what_is_wanted(&mut self) {
        for lane in Lane::ALL {
            let free = self.slots.free(lane);
            let Some(appetite) = self.lanes[lane.index()].want(free) else { continue };
            let pool = self.pool.clone();
            let clock = self.spine.clock().clone();
            let unknown: Vec<_> = self.unknown.iter().cloned().collect();
            let events = self.events.clone();
            self.runs.spawn(async move {
                let mut result = claim(&pool, lane, appetite, clock.now(), &unknown).await;
                let mut full = false;
                if let Ok(rows) = &mut result {
                    // What is blocked makes room for others: that is not less than was asked for.
                    full = appetite.is_stilled(rows);
                    if let Err(error) = block_crowded(&pool, rows).await {
                        let jobs: Vec<_> = rows.iter().map(|row| (row.id, row.claim)).collect();
                        give_back(&pool, &jobs, clock.now()).await;
                        result = Err(error);
                    }
                }
                drop(events.send(Happened::Claimed { lane, full, result }));
            });
        }
    }

    /// Gives back what was claimed and not started, then waits for what runs.
    async fn wind_down(mut self, mut inbox: mpsc::UnboundedReceiver<Happened>) {
        self.runs.close();
        let deadline = tokio::time::sleep(self.settings.drain);
        tokio::pin!(deadline);
        self.give_back_waiting().await;
        loop {
            tokio::select! {
                biased;
                Some(happened) = inbox.recv() => {
                    self.take_in(happened).await;
                    self.give_back_waiting().await;
                }
                () = self.runs.wait() => break,
                () = &mut deadline, if !self.abort.is_cancelled() => {
                    tracing::warn!(running = self.runs.len(), "jobs still running are stopped");
                    self.abort.cancel();
                }
            }
        }
        while let Ok(happened) = inbox.try_recv() {
            self.take_in(happened).await;
        }
        self.give_back_waiting().await;
    }

    async fn give_back_waiting(&mut self) {
        let jobs: Vec<_> = self.lanes.iter_mut().flat_map(Ahead::drain).collect();
        if !jobs.is_empty() {
            self.give_back(&jobs).await;
        }
    }
}

/// Makes claimed jobs ready again that were not started.
pub(super) async fn give_back(pool: &PgPool, jobs: &[(JobId, i32)], now: DateTime<Utc>) {
    let undone: Vec<_> = jobs
        .iter()
        .map(|(id, claim)| Undone {
            id: *id,
            claim: *claim,
            setback: Setback::GivenBack,
            error: None,
        })
        .collect();
    let written = async {
        let mut conn = pool.acquire().await?;
        set_back(&mut conn, &undone, now).await
    };
    if let Err(error) = written.await {
        // Their leases expire.
        tracing::warn!(%error, "claimed jobs could not be given back");
    }
}
