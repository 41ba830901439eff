//! What becomes of accounts by events: they are removed, lose what they rest on, or get it back.

use chrono::{DateTime, Utc};
use spine::Snowflake;
use sqlx::PgConnection;
use uuid::Uuid;

/// An account that something became of: its id, its plugin and its owner.
pub(crate) type Touched = (Uuid, String, Snowflake);

/// Remembers whose removed accounts were, for as long as what came from them is kept.
pub(crate) async fn keep_removed(
    conn: &mut PgConnection,
    removed: &[Touched],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (ids, owners): (Vec<Uuid>, Vec<i64>) =
        removed.iter().map(|(id, _, owner)| (*id, owner.0)).unzip();
    sqlx::query!(
        r#"INSERT INTO connectors.removed_account (id, owner, removed_at)
           SELECT id, owner, $3 FROM unnest($1::uuid[], $2::bigint[]) AS gone (id, owner)
           ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, removed_at = excluded.removed_at"#,
        &ids,
        &owners,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets the removed accounts of a person, whose records go now; their ids.
pub(crate) async fn forget_removed_of(
    conn: &mut PgConnection,
    owner: Snowflake,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "DELETE FROM connectors.removed_account WHERE owner = $1 RETURNING id",
        owner.0
    )
    .fetch_all(conn)
    .await
}

/// What ends for accounts without their owner's doing.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The consent that they rest on.
    Consent(Uuid),
    /// Everything of this person.
    Person(Snowflake),
    /// This person's part in the space, or everybody's where none is named.
    Space(String, Option<Snowflake>),
}

/// Pauses the accounts for which something ended, and says why; those that were paused.
pub(crate) async fn pause_for(
    conn: &mut PgConnection,
    ended: &Ended,
    reason: &str,
) -> sqlx::Result<Vec<Touched>> {
    let (consent, owner, space) = match ended {
        Ended::Consent(consent) => (Some(*consent), None, None),
        Ended::Person(person) => (None, Some(person.0), None),
        Ended::Space(space, member) => (None, member.map(|member| member.0), Some(space.as_str())),
    };
    let rows = sqlx::query!(
        r#"UPDATE connectors.account
              SET state = 'paused', version = version + 1, next_sync_at = NULL, last_error = $4
            WHERE state <> 'paused'
              AND ($1::uuid IS NULL OR consent = $1)
              AND ($2::bigint IS NULL OR owner = $2)
              AND ($3::text IS NULL OR space = $3)
           RETURNING id, plugin, owner"#,
        consent,
        owner,
        space,
        reason
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.plugin, Snowflake(row.owner))).collect())
}

/// An account that waits for its owner to sign in goes on; `None`: it waits for nothing of the kind.
pub(crate) async fn signed_in(
    conn: &mut PgConnection,
    id: Uuid,
    plugin: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Snowflake>> {
    let owner = sqlx::query_scalar!(
        r#"UPDATE connectors.account
              SET state = 'active', version = version + 1, last_error = NULL, consecutive_failures = 0,
                  next_sync_at = $3::timestamptz + make_interval(secs => schedule)
            WHERE id = $1 AND plugin = $2 AND state = 'needs_sign_in'
           RETURNING owner"#,
        id,
        plugin,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(owner.map(Snowflake))
}
