//! Schedules: a job at the times of a cron expression (UTC), once over all processes.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use croner::Cron;

use super::{Job, JobOptions, NewJob};
use crate::{Cause, Spine, SpineError};

/// A job and when to run it.
pub(crate) struct Schedule {
    name: &'static str,
    expression: &'static str,
    /// Makes the job to enqueue at a moment.
    job: Box<dyn Fn(DateTime<Utc>) -> Result<NewJob, SpineError> + Send + Sync>,
}

impl Schedule {
    pub(crate) fn new<J: Job>(name: &'static str, expression: &'static str, job: J) -> Self {
        let job = move |now| NewJob::of(&job, &Cause::system(), JobOptions::default(), now);
        Self { name, expression, job: Box::new(job) }
    }

    /// The first time after `moment`.
    fn next_after(&self, moment: DateTime<Utc>) -> Result<DateTime<Utc>, SpineError> {
        Cron::from_str(self.expression)
            .and_then(|cron| cron.find_next_occurrence(&moment, false))
            .map_err(|error| {
                SpineError::Settings(format!(
                    "schedule {}: {} is no cron expression with a next time: {error}",
                    self.name, self.expression
                ))
            })
    }

    /// Makes the schedule known. Where its expression changed, its next time is counted anew.
    pub(crate) async fn register(&self, spine: &Spine) -> Result<(), SpineError> {
        let next = self.next_after(spine.clock().now())?;
        sqlx::query!(
            r#"INSERT INTO spine.job_cron AS known (name, expression, next_at)
               VALUES ($1, $2, $3)
                   ON CONFLICT (name) DO UPDATE
                  SET expression = excluded.expression, next_at = excluded.next_at
                WHERE known.expression <> excluded.expression"#,
            self.name,
            self.expression,
            next,
        )
        .execute(spine.worker_pool())
        .await?;
        Ok(())
    }
}

/// Enqueues the jobs of all schedules that are due, each once, however many runs were missed;
/// returns when the next one is due. Another process may do the same at the same time: a schedule
/// that it has locked is its business.
pub(crate) async fn run_due(
    spine: &Spine,
    schedules: &[Schedule],
) -> Result<Option<DateTime<Utc>>, SpineError> {
    if schedules.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = schedules.iter().map(|schedule| schedule.name).collect();
    let now = spine.clock().now();
    let next = sqlx::query_scalar!(
        "SELECT min(next_at) FROM spine.job_cron WHERE name = ANY ($1)",
        &names as &[&str],
    )
    .fetch_one(spine.worker_pool())
    .await?;
    if next.is_none_or(|next| next > now) {
        return Ok(next);
    }
    let mut tx = spine.begin_worker(Cause::system()).await?;
    let due = sqlx::query_scalar!(
        r#"SELECT name FROM spine.job_cron
            WHERE name = ANY ($1) AND next_at <= $2
            ORDER BY name
              FOR UPDATE SKIP LOCKED"#,
        &names as &[&str],
        now,
    )
    .fetch_all(tx.conn())
    .await?;
    for schedule in schedules.iter().filter(|schedule| due.iter().any(|name| name == schedule.name))
    {
        let next = schedule.next_after(now)?;
        sqlx::query!(
            "UPDATE spine.job_cron SET next_at = $2, last_at = $3 WHERE name = $1",
            schedule.name,
            next,
            now,
        )
        .execute(tx.conn())
        .await?;
        tx.enqueue((schedule.job)(now)?);
    }
    tx.commit().await?;
    let next = sqlx::query_scalar!(
        "SELECT min(next_at) FROM spine.job_cron WHERE name = ANY ($1)",
        &names as &[&str],
    )
    .fetch_one(spine.worker_pool())
    .await?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn expressions_are_utc_and_wrong_ones_are_refused() {
        let schedule = |expression| Schedule {
            name: "test",
            expression,
            job: Box::new(|_| Err(SpineError::Settings(String::new()))),
        };
        assert_eq!(
            schedule("30 3 * * *").next_after(at("2026-03-01T03:30:00Z")).unwrap(),
            at("2026-03-02T03:30:00Z")
        );
        assert!(schedule("61 * * * *").next_after(at("2026-03-01T03:30:00Z")).is_err());
        assert!(schedule("nonsense").next_after(at("2026-03-01T03:30:00Z")).is_err());
    }
}
