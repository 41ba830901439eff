//! How plugins do, over all processes.

use sqlx::PgPool;

use crate::health::Counts;

/// Adds what a process counted. A plugin that is gone is left out.
pub(crate) async fn add(pool: &PgPool, plugin: &str, counts: &Counts) -> sqlx::Result<()> {
    let Some(last_call_at) = counts.last_call_at else { return Ok(()) };
    let (last_error, last_error_at) = counts.last_error.clone().unzip();
    let last_error = last_error.map(|text| text.replace('\0', "\u{fffd}"));
    sqlx::query!(
        "INSERT INTO plugins.health AS h
                (plugin, calls, failures, stops, latency, last_error, last_error_at, last_call_at)
         SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM plugins.plugin WHERE id = $1
         ON CONFLICT (plugin) DO UPDATE
            SET calls = h.calls + EXCLUDED.calls,
                failures = h.failures + EXCLUDED.failures,
                stops = h.stops + EXCLUDED.stops,
                latency = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
                                  FROM unnest(h.latency, EXCLUDED.latency) WITH ORDINALITY AS sums(a, b, place)
                                 ORDER BY place),
                last_error = coalesce(EXCLUDED.last_error, h.last_error),
                last_error_at = coalesce(EXCLUDED.last_error_at, h.last_error_at),
                last_call_at = greatest(h.last_call_at, EXCLUDED.last_call_at)",
        plugin,
        counts.calls,
        counts.failures,
        counts.stops,
        &counts.latency,
        last_error,
        last_error_at,
        last_call_at
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// What was counted of a plugin.
pub(crate) async fn find(pool: &PgPool, plugin: &str) -> sqlx::Result<Option<Counts>> {
    let row = sqlx::query!(
        "SELECT calls, failures, stops, latency, last_error, last_error_at, last_call_at
           FROM plugins.health WHERE plugin = $1",
        plugin
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Counts {
        calls: row.calls,
        failures: row.failures,
        stops: row.stops,
        latency: row.latency,
        last_error: row.last_error.zip(row.last_error_at),
        last_call_at: Some(row.last_call_at),
    }))
}
