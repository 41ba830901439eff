//! Who does what must be done by one process at a time: consumers and the relay.
//!
//! Each such task has an advisory lock that lasts as long as a dedicated connection. A process that
//! dies loses its connection and thereby its tasks to the others, within a second or two. The
//! election only keeps processes from doing the same work; what makes a second runner harmless is
//! checked where the work is committed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::{SpineError, database};

/// First number of the two-number advisory locks: "SPIN".
const LOCK_CLASS: i32 = 0x5350_494e;
/// Second number of the lock that every process shares, so that they can be counted.
const MEMBERS: i32 = 0;
/// How often the locks of others are tried.
const TICK: Duration = Duration::from_millis(1_000);
/// How often the processes are counted, so that each takes its share.
const COUNT: Duration = Duration::from_secs(5);
/// How long the database may take to answer before its session is given up.
const PATIENCE: Duration = Duration::from_secs(5);

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Something one process at a time does.
pub(super) struct Elected {
    pub(super) name: String,
    /// Begins the work; it ends when the token says so.
    pub(super) begin: Arc<dyn Fn(CancellationToken) -> Work + Send + Sync>,
}

struct Running {
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

/// Runs those of the tasks that this process is elected for, until `cancel`.
pub(super) async fn run(pool: PgPool, tasks: Vec<Elected>, cancel: CancellationToken) {
    let mut failures = 0_u32;
    while !cancel.is_cancelled() {
        let mut running = HashMap::new();
        let started = Instant::now();
        let outcome = session(&pool, &tasks, &mut running, &cancel).await;
        stop_all(&mut running).await;
        if let Err(error) = outcome {
            failures = if started.elapsed() > Duration::from_secs(30) { 1 } else { failures + 1 };
            if failures.is_power_of_two() {
                tracing::warn!(%error, failures, "the election's connection failed");
            }
            let pause = Duration::from_millis(100 << failures.min(5));
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

async fn session(
    pool: &PgPool,
    tasks: &[Elected],
    running: &mut HashMap<usize, Running>,
    cancel: &CancellationToken,
) -> Result<(), SpineError> {
    let mut connection = database::dedicated(pool).await?;
    sqlx::query!("SELECT pg_advisory_lock_shared($1, $2)", LOCK_CLASS, MEMBERS)
        .execute(&mut connection)
        .await?;
    let mut share = tasks.len();
    let mut counted: Option<Instant> = None;
    loop {
        if counted.is_none_or(|at| at.elapsed() >= COUNT) {
            share = tasks.len().div_ceil(patiently(members(&mut connection)).await?.max(1));
            counted = Some(Instant::now());
        }
        restart_ended(tasks, running);
        let surplus: Vec<usize> = running.keys().copied().skip(share).collect();
        for index in surplus {
            if let Some(task) = running.remove(&index) {
                stop(task).await;
                patiently(unlock(&mut connection, &tasks[index].name)).await?;
            }
        }
        let wanted: Vec<usize> =
            (0..tasks.len()).filter(|index| !running.contains_key(index)).collect();
        let room = share.saturating_sub(running.len());
        if room > 0 && !wanted.is_empty() {
            let won = patiently(try_lock(&mut connection, tasks, &wanted, room)).await?;
            for index in won {
                running.insert(index, start(&tasks[index]));
            }
        } else {
            patiently(async { Ok(connection.ping().await?) }).await?;
        }
        tokio::select! {
            () = cancel.cancelled() => {
                stop_all(running).await;
                return Ok(connection.close().await?);
            }
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

fn start(task: &Elected) -> Running {
    tracing::debug!(task.name, "elected");
    let stop = CancellationToken::new();
    Running { task: AbortOnDropHandle::new(tokio::spawn((task.begin)(stop.clone()))), stop }
}

/// A task ends only by a fault in the program; it is begun again.
fn restart_ended(tasks: &[Elected], running: &mut HashMap<usize, Running>) {
    for (index, task) in running.iter_mut() {
        if task.task.is_finished() {
            tracing::error!(task.name = tasks[*index].name, "ended unasked; begun again");
            *task = start(&tasks[*index]);
        }
    }
}

async fn stop(running: Running) {
    running.stop.cancel();
    if let Err(error) = running.task.await {
        tracing::error!(%error, "an elected task failed");
    }
}

async fn stop_all(running: &mut HashMap<usize, Running>) {
    for task in running.values() {
        task.stop.cancel();
    }
    for (_, task) in running.drain() {
        stop(task).await;
    }
}

/// At most `room` of the wanted tasks whose locks are free, beginning at a place that differs
/// between processes, so that they do not all reach for the same ones.
async fn try_lock(
    connection: &mut PgConnection,
    tasks: &[Elected],
    wanted: &[usize],
    room: usize,
) -> Result<Vec<usize>, SpineError> {
    let mut order = wanted.to_vec();
    order.rotate_left(usize::from(rand::random::<u16>()) % wanted.len());
    let names: Vec<String> = order.iter().map(|index| tasks[*index].name.clone()).collect();
    // A free lock is one that nobody holds at this moment; of those only as many as wanted.
    let won = sqlx::query_scalar!(
        r#"WITH free AS MATERIALIZED (
               SELECT wanted.name, wanted.place
                 FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, place)
                WHERE NOT EXISTS (
                      SELECT FROM pg_locks AS held
                       WHERE held.locktype = 'advisory' AND held.classid = $2::integer::oid
                         AND held.objid = hashtext(wanted.name)::oid AND held.objsubid = 2
                         AND held.database =
                             (SELECT oid FROM pg_database WHERE datname = current_database()))
                ORDER BY wanted.place
                LIMIT $3
           )
           SELECT name AS "name!" FROM free WHERE pg_try_advisory_lock($2, hashtext(name))"#,
        &names,
        LOCK_CLASS,
        i64::try_from(room).unwrap_or(i64::MAX)
    )
    .fetch_all(connection)
    .await?;
    Ok(order.into_iter().filter(|index| won.contains(&tasks[*index].name)).collect())
}

async fn unlock(connection: &mut PgConnection, name: &str) -> Result<(), SpineError> {
    sqlx::query_scalar!("SELECT pg_advisory_unlock($1, hashtext($2))", LOCK_CLASS, name)
        .fetch_one(connection)
        .await?;
    Ok(())
}

async fn members(connection: &mut PgConnection) -> Result<usize, SpineError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM pg_locks
            WHERE locktype = 'advisory' AND classid = $1::integer::oid
              AND objid = $2::integer::oid AND objsubid = 2
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"#,
        LOCK_CLASS,
        MEMBERS
    )
    .fetch_one(connection)
    .await?;
    Ok(usize::try_from(count).unwrap_or(1))
}

async fn patiently<T>(work: impl Future<Output = Result<T, SpineError>>) -> Result<T, SpineError> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| sqlx::Error::PoolTimedOut)?
}
