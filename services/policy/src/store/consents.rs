//! Consents.

use chrono::{DateTime, Utc};
use contracts::access::Principal;
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::engine::Consent;

/// So many consents that do not hold any more are known of each subject.
const LAPSED: i64 = 200;

struct Row {
    id: Uuid,
    subject: i64,
    grantee: String,
    purpose: String,
    categories: Vec<String>,
    types: Vec<String>,
    valid_from: DateTime<Utc>,
    valid_until: Option<DateTime<Utc>>,
    basis: String,
    given_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
}

impl From<Row> for Consent {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            subject: Snowflake(row.subject),
            // Written by us. What cannot be read is nobody who could ask for anything personal.
            grantee: row.grantee.parse().unwrap_or(Principal::Anonymous),
            purpose: row.purpose,
            categories: row.categories,
            types: row.types,
            from: row.valid_from,
            until: row.valid_until,
            basis: row.basis,
            given_at: row.given_at,
            withdrawn_at: row.withdrawn_at,
        }
    }
}

/// Keeps a consent; whether it is new.
pub(crate) async fn insert(conn: &mut PgConnection, consent: &Consent) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO policy.consent
               (id, subject, grantee, purpose, categories, types, valid_from, valid_until, basis,
                given_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
               ON CONFLICT DO NOTHING"#,
        consent.id,
        consent.subject.0,
        consent.grantee.to_string(),
        consent.purpose,
        &consent.categories,
        &consent.types,
        consent.from,
        consent.until,
        consent.basis,
        consent.given_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// All that hold or will, and of those that do not any more the newest for the same grantee and purpose,
/// so many of each subject at most: these tell why somebody is refused.
pub(crate) async fn all(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Vec<Consent>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id!", subject AS "subject!", grantee AS "grantee!", purpose AS "purpose!",
                  categories AS "categories!", types AS "types!", valid_from AS "valid_from!",
                  valid_until, basis AS "basis!", given_at AS "given_at!", withdrawn_at
             FROM (
               SELECT * FROM policy.consent
                WHERE withdrawn_at IS NULL AND (valid_until IS NULL OR valid_until > $1)
               UNION ALL
               SELECT id, subject, grantee, purpose, categories, types, valid_from, valid_until, basis,
                      given_at, withdrawn_at
                 FROM (
                   SELECT *, row_number() OVER (PARTITION BY subject ORDER BY id DESC) AS place
                     FROM (SELECT DISTINCT ON (subject, grantee, purpose) * FROM policy.consent
                            WHERE withdrawn_at IS NOT NULL OR valid_until <= $1
                            ORDER BY subject, grantee, purpose, id DESC) AS lapsed
                 ) AS numbered
                WHERE place <= $2
             ) AS consent"#,
        now,
        LAPSED
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Consent::from).collect())
}

/// How many a subject has that hold or will.
pub(crate) async fn count(
    conn: &mut PgConnection,
    subject: Snowflake,
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM policy.consent
            WHERE subject = $1 AND withdrawn_at IS NULL AND (valid_until IS NULL OR valid_until > $2)"#,
        subject.0,
        now
    )
    .fetch_one(conn)
    .await
}

/// The consent.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Consent>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, subject, grantee, purpose, categories, types, valid_from, valid_until, basis,
                  given_at, withdrawn_at
             FROM policy.consent WHERE id = $1"#,
        id
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(Consent::from))
}

/// Those that a person gave, newest first.
pub(crate) async fn given_by(
    pool: &PgPool,
    subject: Snowflake,
    before: Option<Uuid>,
    most: i64,
) -> sqlx::Result<Vec<Consent>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, subject, grantee, purpose, categories, types, valid_from, valid_until, basis,
                  given_at, withdrawn_at
             FROM policy.consent
            WHERE subject = $1 AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC LIMIT $3"#,
        subject.0,
        before,
        most
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Consent::from).collect())
}

/// Those that were given to somebody, newest first.
pub(crate) async fn given_to(
    pool: &PgPool,
    grantee: &str,
    before: Option<Uuid>,
    most: i64,
) -> sqlx::Result<Vec<Consent>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, subject, grantee, purpose, categories, types, valid_from, valid_until, basis,
                  given_at, withdrawn_at
             FROM policy.consent
            WHERE grantee = $1 AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC LIMIT $3"#,
        grantee,
        before,
        most
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Consent::from).collect())
}

/// Withdraws a subject's consent; whether it held until now.
pub(crate) async fn withdraw(
    conn: &mut PgConnection,
    id: Uuid,
    subject: Snowflake,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE policy.consent SET withdrawn_at = $3
            WHERE id = $1 AND subject = $2 AND withdrawn_at IS NULL"#,
        id,
        subject.0,
        at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Withdraws all that somebody gave or was given, for they are gone: which, and who had given them.
pub(crate) async fn withdraw_all_of(
    conn: &mut PgConnection,
    account: Snowflake,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<(Uuid, Snowflake)>> {
    let rows = sqlx::query!(
        r#"UPDATE policy.consent SET withdrawn_at = $3
            WHERE (subject = $1 OR grantee = $2) AND withdrawn_at IS NULL
        RETURNING id, subject"#,
        account.0,
        Principal::Person(account).to_string(),
        at
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, Snowflake(row.subject))).collect())
}
