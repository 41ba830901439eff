//! What an operator asks and does: see jobs, try dead letters again, pause and resume.

use chrono::{DateTime, Utc};
use sqlx::{PgPool, Postgres, QueryBuilder};

use super::Lane;
use super::claim::unblock;
use crate::wake::JobWake;
use crate::{JobId, Spine, SpineError};

/// Where a job is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i16)]
pub enum State {
    /// May be claimed.
    Ready = 0,
    /// Claimed by a worker.
    Running = 1,
    /// Waits for its time, or for its trial.
    Deferred = 2,
    /// Waits until its concurrency key has room.
    Blocked = 3,
    /// Failed for good; kept for a while, to be retried or discarded.
    Dead = 4,
}

impl State {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Ready, Self::Running, Self::Deferred, Self::Blocked, Self::Dead];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Deferred => "deferred",
            Self::Blocked => "blocked",
            Self::Dead => "dead",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    fn from_number(number: i16) -> Self {
        Self::ALL.into_iter().find(|state| *state as i16 == number).unwrap_or(Self::Dead)
    }
}

/// Which jobs are meant. Everything given must agree.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only this one.
    pub id: Option<JobId>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this lane.
    pub lane: Option<Lane>,
    /// Only with this concurrency key.
    pub key: Option<String>,
    /// Only where the last error contains this text.
    pub error: Option<String>,
    /// Only those that died before this time.
    pub died_before: Option<DateTime<Utc>>,
}

impl JobFilter {
    fn write(&self, query: &mut QueryBuilder<Postgres>) {
        if let Some(id) = self.id {
            query.push(" AND job_id = ").push_bind(id.0);
        }
        if let Some(state) = self.state {
            query.push(" AND state = ").push_bind(state as i16);
        }
        if let Some(kind) = &self.kind {
            query.push(" AND kind = ").push_bind(kind.clone());
        }
        if let Some(lane) = self.lane {
            query.push(" AND lane = ").push_bind(lane as i16);
        }
        if let Some(key) = &self.key {
            query.push(" AND concurrency_key = ").push_bind(key.clone());
        }
        if let Some(error) = &self.error {
            query.push(" AND strpos(last_error, ").push_bind(error.clone()).push(") > 0");
        }
        if let Some(time) = self.died_before {
            query.push(" AND died_at < ").push_bind(time);
        }
    }
}

/// A live job as an operator sees it.
#[derive(Clone, Debug)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Its stable name.
    pub kind: String,
    /// Where it waits.
    pub lane: Lane,
    /// Where it is on its way.
    pub state: State,
    /// Higher goes first within the lane.
    pub priority: i16,
    /// How many attempts failed.
    pub failures: u16,
    /// After how many it is dead.
    pub max_attempts: u16,
    /// How often in a row its worker fell silent; from 2 on it waits for a trial.
    pub losses: u16,
    /// When it was enqueued.
    pub enqueued_at: DateTime<Utc>,
    /// When it may run, or might have.
    pub run_at: DateTime<Utc>,
    /// When the running attempt was claimed, or the last one.
    pub claimed_at: Option<DateTime<Utc>>,
    /// When it died.
    pub died_at: Option<DateTime<Utc>>,
    /// Its concurrency key.
    pub key: Option<String>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// JSON of why it was scheduled.
    pub cause: Option<String>,
    /// Whom or what its payload is about, where that can be erased.
    pub subject: Option<String>,
    /// Its JSON payload; `None` where its subject was erased.
    pub payload: Option<String>,
}

#[derive(sqlx::FromRow)]
struct JobRow {
    job_id: JobId,
    kind: String,
    lane: i16,
    state: i16,
    priority: i16,
    failures: i16,
    max_attempts: i16,
    losses: i16,
    enqueued_at: DateTime<Utc>,
    run_at: DateTime<Utc>,
    claimed_at: Option<DateTime<Utc>>,
    died_at: Option<DateTime<Utc>>,
    concurrency_key: Option<String>,
    last_error: Option<String>,
    cause: Option<String>,
    subject: Option<String>,
    payload: Option<String>,
}

impl From<JobRow> for JobView {
    fn from(row: JobRow) -> Self {
        Self {
            id: row.job_id,
            kind: row.kind,
            lane: Lane::from_number(row.lane),
            state: State::from_number(row.state),
            priority: row.priority,
            failures: u16::try_from(row.failures).unwrap_or(0),
            max_attempts: u16::try_from(row.max_attempts).unwrap_or(0),
            losses: u16::try_from(row.losses).unwrap_or(0),
            enqueued_at: row.enqueued_at,
            run_at: row.run_at,
            claimed_at: row.claimed_at,
            died_at: row.died_at,
            key: row.concurrency_key,
            last_error: row.last_error,
            cause: row.cause,
            subject: row.subject,
            payload: row.payload,
        }
    }
}

/// The newest `limit` live jobs that pass the filter.
///
/// # Errors
/// The database failed.
pub async fn list(
    pool: &PgPool,
    filter: &JobFilter,
    limit: u16,
) -> Result<Vec<JobView>, SpineError> {
    let mut query = QueryBuilder::new(
        "SELECT job_id, kind, lane, state, priority, failures, max_attempts, losses, enqueued_at, \
                run_at, claimed_at, died_at, concurrency_key, last_error, cause, subject, \
                CASE WHEN NOT EXISTS (SELECT FROM spine.erased_job AS erased \
                                       WHERE erased.job_id = job.job_id) \
                     THEN payload END AS payload \
           FROM spine.job AS job WHERE true",
    );
    filter.write(&mut query);
    query.push(" ORDER BY position DESC LIMIT ").push_bind(i64::from(limit));
    let rows: Vec<JobRow> = query.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(JobView::from).collect())
}

/// How many live jobs there are of one kind in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The lane.
    pub lane: Lane,
    /// The kind.
    pub kind: String,
    /// The state.
    pub state: State,
    /// How many.
    pub jobs: u64,
    /// When the oldest of them was enqueued.
    pub oldest: DateTime<Utc>,
}

/// Live jobs by lane, kind and state.
///
/// # Errors
/// The database failed.
pub async fn counts(pool: &PgPool) -> Result<Vec<Count>, SpineError> {
    let counts = sqlx::query!(
        r#"SELECT lane, kind, state, count(*) AS "jobs!", min(enqueued_at) AS "oldest!"
             FROM spine.job
            GROUP BY lane, kind, state
            ORDER BY lane, kind, state"#,
    )
    .map(|row| Count {
        lane: Lane::from_number(row.lane),
        kind: row.kind,
        state: State::from_number(row.state),
        jobs: u64::try_from(row.jobs).unwrap_or(0),
        oldest: row.oldest,
    })
    .fetch_all(pool)
    .await?;
    Ok(counts)
}

/// What was done on one day, of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct DayCount {
    /// The day, UTC.
    pub day: chrono::NaiveDate,
    /// The lane.
    pub lane: Lane,
    /// The kind.
    pub kind: String,
    /// How many were done.
    pub done: u64,
    /// How many dead letters were thrown away.
    pub discarded: u64,
    /// How many failed attempts these jobs had before.
    pub failures: u64,
    /// From being enqueued to being claimed for the last time: the median, in milliseconds.
    pub waited_ms: f64,
    /// From that claim to the end: the median, in milliseconds.
    pub took_ms: f64,
}

/// Done jobs by day, lane and kind, the newest day first.
///
/// # Errors
/// The database failed.
pub async fn history(pool: &PgPool, since: DateTime<Utc>) -> Result<Vec<DayCount>, SpineError> {
    let days = sqlx::query!(
        r#"SELECT (finished_at AT TIME ZONE 'UTC')::date AS "day!", lane, kind,
                  count(*) FILTER (WHERE NOT discarded) AS "done!",
                  count(*) FILTER (WHERE discarded) AS "discarded!",
                  coalesce(sum(failures), 0)::bigint AS "failures!",
                  percentile_cont(0.5) WITHIN GROUP (
                      ORDER BY extract(epoch FROM claimed_at - enqueued_at)::float8 * 1000
                  ) AS "waited_ms!",
                  percentile_cont(0.5) WITHIN GROUP (
                      ORDER BY extract(epoch FROM finished_at - claimed_at)::float8 * 1000
                  ) AS "took_ms!"
             FROM spine.job_done
            WHERE finished_at >= $1
            GROUP BY 1, lane, kind
            ORDER BY 1 DESC, lane, kind"#,
        since,
    )
    .map(|row| DayCount {
        day: row.day,
        lane: Lane::from_number(row.lane),
        kind: row.kind,
        done: u64::try_from(row.done).unwrap_or(0),
        discarded: u64::try_from(row.discarded).unwrap_or(0),
        failures: u64::try_from(row.failures).unwrap_or(0),
        waited_ms: row.waited_ms,
        took_ms: row.took_ms,
    })
    .fetch_all(pool)
    .await?;
    Ok(days)
}

/// Makes dead letters ready again, with all their attempts; returns how many.
///
/// # Errors
/// The database failed.
pub async fn retry_dead(spine: &Spine, filter: &JobFilter) -> Result<u64, SpineError> {
    let mut query = QueryBuilder::new(
        "UPDATE spine.job SET state = 0, failures = 0, losses = 0, died_at = NULL WHERE state = 4",
    );
    filter.write(&mut query);
    let retried = query.build().execute(spine.pool()).await?.rows_affected();
    if retried > 0 {
        spine.wakes().committed(None, JobWake::ANY);
    }
    Ok(retried)
}

/// Throws dead letters away; the history remembers that they were. Returns how many.
///
/// # Errors
/// The database failed.
pub async fn discard_dead(spine: &Spine, filter: &JobFilter) -> Result<u64, SpineError> {
    let now = spine.clock().now();
    let mut query = QueryBuilder::new("WITH gone AS (DELETE FROM spine.job WHERE state = 4");
    filter.write(&mut query);
    query
        .push(
            " RETURNING job_id, enqueued_at, claimed_at, lane, failures, kind) \
             INSERT INTO spine.job_done (job_id, enqueued_at, claimed_at, finished_at, lane, \
                                         failures, discarded, kind) \
             SELECT job_id, enqueued_at, coalesce(claimed_at, enqueued_at), ",
        )
        .push_bind(now)
        .push(", lane, failures, true, kind FROM gone");
    Ok(query.build().execute(spine.pool()).await?.rows_affected())
}

/// What can be paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pausable {
    /// Every job of a lane.
    Lane(Lane),
    /// Every job with a concurrency key.
    Key(String),
}

impl Pausable {
    fn subject(&self) -> String {
        match self {
            Self::Lane(lane) => format!("lane:{}", lane.name()),
            Self::Key(key) => format!("key:{key}"),
        }
    }

    fn parse(subject: &str) -> Option<Self> {
        match subject.split_once(':')? {
            ("lane", name) => Lane::parse(name).map(Self::Lane),
            ("key", key) => Some(Self::Key(key.to_owned())),
            _ => None,
        }
    }
}

/// Starts no more jobs of this lane or key, in any process, until it is resumed. What runs or was
/// claimed already is done. Returns whether it was not paused before.
///
/// # Errors
/// The database failed.
pub async fn pause(spine: &Spine, what: &Pausable) -> Result<bool, SpineError> {
    let result = sqlx::query!(
        "INSERT INTO spine.job_pause (subject, paused_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        what.subject(),
        spine.clock().now(),
    )
    .execute(spine.pool())
    .await?;
    Ok(result.rows_affected() > 0)
}

/// Starts jobs of this lane or key again. Returns whether it was paused.
///
/// # Errors
/// The database failed.
pub async fn resume(spine: &Spine, what: &Pausable) -> Result<bool, SpineError> {
    let result = sqlx::query!("DELETE FROM spine.job_pause WHERE subject = $1", what.subject())
        .execute(spine.pool())
        .await?;
    if let Pausable::Key(key) = what {
        unblock(spine.pool(), std::slice::from_ref(key)).await?;
    }
    spine.wakes().committed(None, JobWake::ANY);
    Ok(result.rows_affected() > 0)
}

/// What is paused, and since when.
///
/// # Errors
/// The database failed.
pub async fn paused(pool: &PgPool) -> Result<Vec<(Pausable, DateTime<Utc>)>, SpineError> {
    let rows = sqlx::query!("SELECT subject, paused_at FROM spine.job_pause ORDER BY subject")
        .fetch_all(pool)
        .await?;
    let known = |subject: &str, at| Pausable::parse(subject).map(|what| (what, at));
    Ok(rows.into_iter().filter_map(|row| known(&row.subject, row.paused_at)).collect())
}
