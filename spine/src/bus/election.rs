//! Who does what must be done by one process at a time: consumers and the relay.
//!
//! Each such task has an advisory lock that lasts as long as a dedicated connection. A process that
//! dies loses its connection and thereby its tasks to the others, within a second or two. The
//! election only keeps processes from doing the same work; what makes a second runner harmless is
//! checked where the work is committed.
//!
//! Not every process can do every task: roles differ. So each says which tasks it stands for, by a
//! second, shared lock for each, and from these all compute who is to do what ([`assign`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::{SpineError, database};

/// First number of the two-number advisory locks on tasks, held by who does them: "SPIN".
const DOES: i32 = 0x5350_494e;
/// First number of the shared locks of those who could do a task: "SPIS".
const STANDS: i32 = 0x5350_4953;
/// How often it is looked who stands for what.
const TICK: Duration = Duration::from_millis(1_000);
/// How long the database may take to answer before its session is given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long tasks may take to end when the process stops or hands them over...
const GRACE: Duration = Duration::from_secs(15);
/// ... and when the session is lost: others do them already.
const GRACE_WHEN_LOST: Duration = Duration::from_secs(5);

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Something one process at a time does.
pub(super) struct Elected {
    pub(super) name: String,
    /// Begins the work; it ends when the token says so. It may also be cut off anywhere.
    pub(super) begin: Arc<dyn Fn(CancellationToken) -> Work + Send + Sync>,
}

/// A task by the second number of its locks.
type TaskNumber = i64;
/// A process by the number of its session on the server.
type Process = i32;

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
        stop(running.into_values().collect(), GRACE_WHEN_LOST).await;
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
    let candidacy = patiently(stand(&mut connection, tasks)).await?;
    loop {
        restart_ended(tasks, running);
        let mine = patiently(candidacy.won(&mut connection)).await?;
        let others: Vec<usize> =
            running.keys().copied().filter(|index| !mine.contains(index)).collect();
        if !others.is_empty() {
            let ending = others.iter().filter_map(|index| running.remove(index)).collect();
            stop(ending, GRACE).await;
            patiently(unlock(&mut connection, tasks, &others)).await?;
        }
        let wanted: Vec<usize> =
            mine.into_iter().filter(|index| !running.contains_key(index)).collect();
        if !wanted.is_empty() {
            // Who did one of them before may still be about to give it up: then at the next tick.
            for index in patiently(try_lock(&mut connection, tasks, &wanted)).await? {
                running.insert(index, start(&tasks[index]));
            }
        }
        tokio::select! {
            () = cancel.cancelled() => {
                stop(running.drain().map(|(_, task)| task).collect(), GRACE).await;
                return patiently(async { Ok(sqlx::Connection::close(connection).await?) }).await;
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

/// Asks all to end, and cuts off what does not within `grace`: it may wait for a server whose host
/// has vanished, which never answers. Whether its last commit took effect is then unknown; whoever
/// does the task next begins where the database says it is.
async fn stop(mut running: Vec<Running>, grace: Duration) {
    let deadline = Instant::now() + grace;
    for task in &running {
        task.stop.cancel();
    }
    for Running { task, .. } in &mut running {
        match tokio::time::timeout_at(deadline, task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "an elected task failed"),
            Err(_) => tracing::warn!("an elected task did not end in time and is cut off"),
        }
    }
}

/// What this process stands for.
struct Candidacy {
    process: Process,
    /// The index of each task by the number of its locks.
    tasks: BTreeMap<TaskNumber, usize>,
}

/// Says that this process could do these tasks, for as long as the connection lasts.
async fn stand(connection: &mut PgConnection, tasks: &[Elected]) -> Result<Candidacy, SpineError> {
    let names: Vec<String> = tasks.iter().map(|task| task.name.clone()).collect();
    sqlx::query!(
        "SELECT pg_advisory_lock_shared($2, hashtext(name)) FROM unnest($1::text[]) AS task (name)",
        &names,
        STANDS
    )
    .execute(&mut *connection)
    .await?;
    let numbers = sqlx::query!(
        r#"SELECT hashtext(name)::oid::bigint AS "number!", pg_backend_pid() AS "process!"
             FROM unnest($1::text[]) WITH ORDINALITY AS task (name, place) ORDER BY place"#,
        &names
    )
    .fetch_all(connection)
    .await?;
    let candidacy = Candidacy {
        process: numbers.first().map_or(0, |row| row.process),
        tasks: numbers.iter().enumerate().map(|(index, row)| (row.number, index)).collect(),
    };
    if candidacy.tasks.len() < tasks.len() {
        let names = names.join(", ");
        return Err(SpineError::Settings(format!("two of these need another name: {names}")));
    }
    Ok(candidacy)
}

impl Candidacy {
    /// The tasks that are this process's to do.
    async fn won(&self, connection: &mut PgConnection) -> Result<BTreeSet<usize>, SpineError> {
        let locks = sqlx::query!(
            r#"SELECT objid::bigint AS "task!", pid AS "process!" FROM pg_locks
                WHERE locktype = 'advisory' AND classid = $1::integer::oid AND objsubid = 2
                  AND granted
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"#,
            STANDS
        )
        .fetch_all(connection)
        .await?;
        let mut standing: BTreeMap<TaskNumber, BTreeSet<Process>> = BTreeMap::new();
        for lock in locks {
            standing.entry(lock.task).or_default().insert(lock.process);
        }
        let assigned = assign(&standing).into_iter();
        Ok(assigned
            .filter(|(_, process)| *process == self.process)
            .filter_map(|(task, _)| self.tasks.get(&task).copied())
            .collect())
    }
}

/// Gives each task to one of the processes that stand for it, and to each process about as many as
/// to the others. Everyone who sees the same candidates comes to the same result, and no task that
/// anybody stands for is left over: that is what makes it safe to give up a task that is another's.
fn assign(standing: &BTreeMap<TaskNumber, BTreeSet<Process>>) -> BTreeMap<TaskNumber, Process> {
    // Those with the least choice first; what all can do then evens it out.
    let mut tasks: Vec<_> = standing.iter().collect();
    tasks.sort_by_key(|(task, processes)| (processes.len(), **task));
    let mut load: HashMap<Process, usize> = HashMap::new();
    let mut assigned = BTreeMap::new();
    for (task, processes) in tasks {
        let least = |process: &&Process| (load.get(*process).copied().unwrap_or(0), **process);
        if let Some(process) = processes.iter().min_by_key(least).copied() {
            *load.entry(process).or_default() += 1;
            assigned.insert(*task, process);
        }
    }
    assigned
}

/// Those of the wanted tasks whose locks are free, which are then ours.
async fn try_lock(
    connection: &mut PgConnection,
    tasks: &[Elected],
    wanted: &[usize],
) -> Result<Vec<usize>, SpineError> {
    let won = sqlx::query_scalar!(
        r#"SELECT name AS "name!" FROM unnest($1::text[]) AS wanted (name)
            WHERE pg_try_advisory_lock($2, hashtext(name))"#,
        &names_of(tasks, wanted),
        DOES
    )
    .fetch_all(connection)
    .await?;
    Ok(wanted.iter().copied().filter(|index| won.contains(&tasks[*index].name)).collect())
}

async fn unlock(
    connection: &mut PgConnection,
    tasks: &[Elected],
    given_up: &[usize],
) -> Result<(), SpineError> {
    sqlx::query!(
        "SELECT pg_advisory_unlock($2, hashtext(name)) FROM unnest($1::text[]) AS task (name)",
        &names_of(tasks, given_up),
        DOES
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

fn names_of(tasks: &[Elected], indices: &[usize]) -> Vec<String> {
    indices.iter().map(|index| tasks[*index].name.clone()).collect()
}

async fn patiently<T>(work: impl Future<Output = Result<T, SpineError>>) -> Result<T, SpineError> {
    database::in_time(PATIENCE, work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(tasks: &[(TaskNumber, &[Process])]) -> BTreeMap<TaskNumber, BTreeSet<Process>> {
        tasks.iter().map(|(task, all)| (*task, all.iter().copied().collect())).collect()
    }

    /// How many tasks each process has.
    fn loads(assigned: &BTreeMap<TaskNumber, Process>) -> BTreeMap<Process, usize> {
        assigned.values().fold(BTreeMap::new(), |mut loads, process| {
            *loads.entry(*process).or_default() += 1;
            loads
        })
    }

    #[test]
    fn a_process_of_another_role_takes_no_share_of_what_it_cannot_do() {
        let relay_and_workers = standing(&[(1, &[7]), (2, &[9]), (3, &[9]), (4, &[9]), (5, &[9])]);
        assert_eq!(loads(&assign(&relay_and_workers)), BTreeMap::from([(7, 1), (9, 4)]));
    }

    #[test]
    fn equals_share_equally() {
        let all: &[Process] = &[3, 5, 8];
        let tasks: Vec<(TaskNumber, &[Process])> = (0..7).map(|task| (task, all)).collect();
        let loads = loads(&assign(&standing(&tasks)));
        assert_eq!(loads.values().sum::<usize>(), 7);
        assert!(loads.values().all(|load| (2..=3).contains(load)), "{loads:?}");
    }

    #[test]
    fn every_task_is_served_however_the_roles_are_mixed() {
        // One can do everything, one a part of it: what only the first can do stays with it, and
        // the rest goes to the one that has room.
        let mixed = standing(&[(1, &[1, 2]), (2, &[1, 2]), (3, &[1])]);
        let assigned = assign(&mixed);
        assert_eq!(assigned.len(), 3);
        assert_eq!(loads(&assigned), BTreeMap::from([(1, 2), (2, 1)]));
        assert!(assign(&BTreeMap::new()).is_empty());
    }
}
