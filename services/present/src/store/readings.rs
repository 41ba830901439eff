//! Readings of the last day, where Postgres keeps them.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::state::{Key, Measure, Reading};

/// Adds readings; the same of the same event is added once.
pub(crate) async fn add(conn: &mut PgConnection, readings: &[&Reading]) -> sqlx::Result<()> {
    if readings.is_empty() {
        return Ok(());
    }
    let subjects: Vec<String> = readings.iter().map(|one| one.key.subject.clone()).collect();
    let facets: Vec<String> = readings.iter().map(|one| one.key.facet.clone()).collect();
    let times: Vec<DateTime<Utc>> = readings.iter().map(|one| one.at).collect();
    let events: Vec<Uuid> = readings.iter().map(|one| one.event).collect();
    let measures: Vec<String> = readings.iter().map(|one| one.measure.clone()).collect();
    let sources: Vec<String> = readings.iter().map(|one| one.source.clone()).collect();
    let values: Vec<Option<f64>> = readings.iter().map(|one| one.value).collect();
    sqlx::query!(
        "INSERT INTO present.reading (subject, facet, at, event, measure, value, source)
         SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::uuid[], $5::text[],
                              $6::double precision[], $7::text[])
         ON CONFLICT DO NOTHING",
        &subjects,
        &facets,
        &times,
        &events,
        &measures,
        &values as _,
        &sources
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What the readings of a state amount to, between two times.
pub(crate) async fn window(
    pool: &PgPool,
    key: &Key,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> sqlx::Result<Vec<Measure>> {
    let rows = sqlx::query!(
        r#"SELECT measure, count(*) AS "count!", min(value) AS min, max(value) AS max,
                  avg(value) AS mean, (array_agg(value ORDER BY at DESC, event DESC))[1] AS last,
                  max(at) AS "last_at!"
             FROM present.reading
            WHERE subject = $1 AND facet = $2 AND at >= $3 AND at <= $4
            GROUP BY measure ORDER BY measure"#,
        key.subject,
        key.facet,
        from,
        to
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Measure {
            measure: row.measure,
            count: u64::try_from(row.count).unwrap_or(0),
            min: row.min,
            max: row.max,
            mean: row.mean,
            last: row.last,
            last_at: row.last_at,
        })
        .collect())
}

/// Removes readings that no window reaches.
pub(crate) async fn sweep(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM present.reading WHERE at < $1", before).execute(conn).await?;
    Ok(())
}
