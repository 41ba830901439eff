//! How the records of an account come in, and those that do not yet follow it.

use std::collections::HashMap;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// How the records of an account come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Circumstances {
    pub(crate) owner: i64,
    pub(crate) space: String,
    pub(crate) labels: Vec<String>,
    pub(crate) consent: Option<Uuid>,
}

/// As far as it is known, by account.
pub(crate) async fn known(
    conn: &mut PgConnection,
    accounts: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, Circumstances>> {
    let rows = sqlx::query!(
        "SELECT account, owner, space, labels, consent FROM etl.account WHERE account = ANY($1)",
        accounts
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| {
        let circumstances = Circumstances {
            owner: row.owner,
            space: row.space,
            labels: row.labels,
            consent: row.consent,
        };
        (row.account, circumstances)
    });
    Ok(known.collect())
}

/// Notes how the records of an account come in since an event.
pub(crate) async fn note(
    conn: &mut PgConnection,
    account: Uuid,
    now: &Circumstances,
    event: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO etl.account (account, owner, space, labels, consent, event)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (account) DO UPDATE
            SET owner = excluded.owner, space = excluded.space, labels = excluded.labels,
                consent = excluded.consent, event = excluded.event",
        account,
        now.owner,
        now.space,
        &now.labels,
        now.consent,
        event
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records of an account in their order, after the given one.
pub(crate) async fn next(
    pool: &PgPool,
    account: Uuid,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM etl.record
          WHERE account = $1 AND ($2::uuid IS NULL OR id > $2)
          ORDER BY id
          LIMIT $3",
        account,
        after,
        limit
    )
    .fetch_all(pool)
    .await
}

/// Has those of these records that came in otherwise follow their account; which of them are to be mapped again.
pub(crate) async fn follow(
    conn: &mut PgConnection,
    account: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    let rows = sqlx::query!(
        r#"UPDATE etl.record AS r
              SET owner = a.owner, space = a.space, labels = a.labels, consent = a.consent,
                  event = CASE WHEN r.newest THEN a.event ELSE r.event END,
                  state = CASE WHEN r.newest AND NOT r.deleted THEN 'waiting' ELSE r.state END
             FROM etl.account a,
                  (SELECT id FROM etl.record WHERE id = ANY($2) ORDER BY id FOR UPDATE) AS locked
            WHERE a.account = $1 AND r.account = $1 AND r.id = locked.id
              AND (r.owner, r.space, r.labels, r.consent)
                  IS DISTINCT FROM (a.owner, a.space, a.labels, a.consent)
        RETURNING r.id, r.newest AND NOT r.deleted AS "is_mapped!""#,
        account,
        ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter(|row| row.is_mapped).map(|row| row.id).collect())
}
