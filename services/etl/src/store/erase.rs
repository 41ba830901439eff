//! What is to be forgotten.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// What was erased.
#[derive(Clone, Debug, Default)]
pub(crate) struct Erased {
    /// Keys of entities, by their digests: all that was ever kept under them goes.
    pub(crate) keys: Vec<Vec<u8>>,
    /// Contents by their hashes, whatever their keys.
    pub(crate) contents: Vec<Vec<u8>>,
}

/// Drops what these accounts brought of it (no account: whoever brought it), and remembers that it is not to come
/// back. What says that a record is gone has no content.
pub(crate) async fn entities(
    conn: &mut PgConnection,
    accounts: &[Uuid],
    erased: &Erased,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    if !erased.keys.is_empty() {
        sqlx::query!(
            "WITH gone AS (DELETE FROM etl.record WHERE key_hash = ANY($1))
             INSERT INTO etl.erased_key (key_hash, erased_at)
             SELECT DISTINCT key_hash, $2::timestamptz FROM UNNEST($1) AS key_hash
             ON CONFLICT DO NOTHING",
            &erased.keys,
            now
        )
        .execute(&mut *conn)
        .await?;
    }
    if erased.contents.is_empty() {
        return Ok(());
    }
    if accounts.is_empty() {
        sqlx::query!(
            "DELETE FROM etl.record WHERE hash = ANY($1) AND NOT deleted",
            &erased.contents
        )
        .execute(&mut *conn)
        .await?;
    } else {
        sqlx::query!(
            "DELETE FROM etl.record WHERE account = ANY($1) AND hash = ANY($2) AND NOT deleted",
            accounts,
            &erased.contents
        )
        .execute(&mut *conn)
        .await?;
    }
    let nobody = [Uuid::nil()];
    let whose: &[Uuid] = if accounts.is_empty() { &nobody } else { accounts };
    sqlx::query!(
        "INSERT INTO etl.erased (hash, account, erased_at)
         SELECT hash, account, $3 FROM UNNEST($1::bytea[]) AS hash, UNNEST($2::uuid[]) AS account
         ON CONFLICT DO NOTHING",
        &erased.contents,
        whose,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drops all that an account brought.
pub(crate) async fn account(conn: &mut PgConnection, account: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH gone AS (DELETE FROM etl.account WHERE account = $1)
         DELETE FROM etl.record WHERE account = $1",
        account
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What of some arrivals was erased.
#[derive(Clone, Debug, Default)]
pub(crate) struct Barred {
    keys: HashSet<Vec<u8>>,
    /// Nil: of every account.
    contents: HashSet<(Vec<u8>, Uuid)>,
}

impl Barred {
    /// Whether nothing is kept of this content under this key.
    pub(crate) fn bars(&self, key: &[u8], content: &[u8], account: Uuid) -> bool {
        // Hardly ever is there anything in it.
        if self.keys.is_empty() && self.contents.is_empty() {
            return false;
        }
        self.keys.contains(key)
            || self.contents.contains(&(content.to_vec(), account))
            || self.contents.contains(&(content.to_vec(), Uuid::nil()))
    }
}

/// Which of these keys and contents were erased.
pub(crate) async fn among(
    conn: &mut PgConnection,
    keys: &[Vec<u8>],
    contents: &[Vec<u8>],
) -> sqlx::Result<Barred> {
    let rows = sqlx::query!(
        r#"SELECT key_hash AS "hash!", NULL::uuid AS account FROM etl.erased_key WHERE key_hash = ANY($1)
           UNION ALL
           SELECT hash, account FROM etl.erased WHERE hash = ANY($2)"#,
        keys,
        contents
    )
    .fetch_all(conn)
    .await?;
    let mut barred = Barred::default();
    for row in rows {
        match row.account {
            None => barred.keys.insert(row.hash),
            Some(account) => barred.contents.insert((row.hash, account)),
        };
    }
    Ok(barred)
}

/// What rests on these consents is mapped no more; what waited for it is refused.
pub(crate) async fn withdraw(
    conn: &mut PgConnection,
    consents: &[Uuid],
    reason: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH noted AS (
             INSERT INTO etl.withdrawn_consent (consent, withdrawn_at)
             SELECT DISTINCT consent, $3::timestamptz FROM UNNEST($1::uuid[]) AS consent
             ON CONFLICT DO NOTHING
         )
         UPDATE etl.record SET state = 'refused', reason = $2
          WHERE state = 'waiting' AND NOT deleted AND consent = ANY($1)",
        consents,
        reason,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drops contents that were replaced before a time, at most so many; how many it were.
pub(crate) async fn replaced(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    most: i64,
) -> sqlx::Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM etl.record
          WHERE id IN (SELECT id FROM etl.record WHERE replaced_at < $1
                        ORDER BY replaced_at LIMIT $2 FOR UPDATE SKIP LOCKED)
            AND NOT newest",
        before,
        most
    )
    .execute(conn)
    .await?;
    Ok(gone.rows_affected())
}
