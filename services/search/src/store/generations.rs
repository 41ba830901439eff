//! Generations of the index.

use chrono::{DateTime, Utc};
use spine::Position;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// A generation.
#[derive(Clone, Debug)]
pub(crate) struct Generation {
    /// Its number.
    pub(crate) id: i32,
    /// Which adapter searches it.
    pub(crate) adapter: String,
    /// `building`, `active`, `retired`.
    pub(crate) state: String,
    /// Built from the ledger up to here.
    pub(crate) position: Position,
    /// How many events were read for it.
    pub(crate) events: i64,
    /// When it was begun.
    pub(crate) created_at: DateTime<Utc>,
    /// The newest change of it when the ledger's end was reached first.
    pub(crate) filled: Option<i64>,
    /// Part of the name of its index outside of Postgres.
    pub(crate) token: Option<Uuid>,
    /// Whether that index was brought all there is since it was made.
    pub(crate) whole: bool,
}

impl Generation {
    /// Whether it is neither searched nor built any more.
    pub(crate) fn is_retired(&self) -> bool {
        self.state == "retired"
    }
}

struct Row {
    id: i32,
    adapter: String,
    state: String,
    transaction_order: i64,
    sequence: i32,
    events: i64,
    created_at: DateTime<Utc>,
    filled: Option<i64>,
    token: Option<Uuid>,
    whole: bool,
}

impl From<Row> for Generation {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            adapter: row.adapter,
            state: row.state,
            position: Position { transaction_order: row.transaction_order, sequence: row.sequence },
            events: row.events,
            created_at: row.created_at,
            filled: row.filled,
            token: row.token,
            whole: row.whole,
        }
    }
}

/// All that are written to: the active one, and one that is building.
pub(crate) async fn live(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<Generation>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, adapter, state, transaction_order, sequence, events, created_at, filled,
                token, whole
           FROM search.generation WHERE state IN ('active', 'building') ORDER BY id"
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(Generation::from).collect())
}

/// All of them, also those that retired and are not thrown away yet.
pub(crate) async fn all(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<Generation>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, adapter, state, transaction_order, sequence, events, created_at, filled,
                token, whole
           FROM search.generation ORDER BY id"
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(Generation::from).collect())
}

/// One of them, locked against others that change its state.
pub(crate) async fn locked(conn: &mut PgConnection, id: i32) -> sqlx::Result<Option<Generation>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, adapter, state, transaction_order, sequence, events, created_at, filled,
                token, whole
           FROM search.generation WHERE id = $1 FOR NO KEY UPDATE",
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Generation::from))
}

/// Makes the first one, where there is none.
pub(crate) async fn ensure_first(
    executor: impl PgExecutor<'_>,
    adapter: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO search.generation (adapter, state, created_at, activated_at)
         SELECT $1, 'active', $2, $2
          WHERE NOT EXISTS (SELECT FROM search.generation WHERE state = 'active')
         ON CONFLICT DO NOTHING",
        adapter,
        now
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Begins one beside the active one; `None`: one is building already.
pub(crate) async fn begin(
    conn: &mut PgConnection,
    adapter: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "INSERT INTO search.generation (adapter, state, created_at) VALUES ($1, 'building', $2)
         ON CONFLICT DO NOTHING RETURNING id",
        adapter,
        now
    )
    .fetch_optional(conn)
    .await
}

/// The number of the one that is building.
pub(crate) async fn building(conn: &mut PgConnection) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!("SELECT id FROM search.generation WHERE state = 'building'")
        .fetch_optional(conn)
        .await
}

/// One that is built for another adapter than this one is given up. Returns its number.
pub(crate) async fn give_up(conn: &mut PgConnection, wanted: &str) -> sqlx::Result<Vec<i32>> {
    sqlx::query_scalar!(
        "UPDATE search.generation SET state = 'retired'
          WHERE state = 'building' AND adapter <> $1 RETURNING id",
        wanted
    )
    .fetch_all(conn)
    .await
}

/// When the index of one was made, as its adapter said then; `None`: it is to be made.
pub(crate) async fn made(executor: impl PgExecutor<'_>, id: i32) -> sqlx::Result<Option<String>> {
    let made = sqlx::query_scalar!("SELECT made FROM search.generation WHERE id = $1", id)
        .fetch_optional(executor)
        .await?;
    Ok(made.flatten())
}

/// The index of one is made anew: whoever asks waits until all was brought to it.
pub(crate) async fn unmake(executor: impl PgExecutor<'_>, id: i32) -> sqlx::Result<()> {
    sqlx::query!("UPDATE search.generation SET made = NULL, whole = false WHERE id = $1", id)
        .execute(executor)
        .await?;
    Ok(())
}

/// The index of one was brought all there is.
pub(crate) async fn complete(executor: impl PgExecutor<'_>, id: i32) -> sqlx::Result<()> {
    sqlx::query!("UPDATE search.generation SET whole = true WHERE id = $1 AND NOT whole", id)
        .execute(executor)
        .await?;
    Ok(())
}

/// Writes down how far one is built.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    id: i32,
    position: Position,
    events: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE search.generation
            SET transaction_order = $2, sequence = $3, events = events + $4 WHERE id = $1",
        id,
        position.transaction_order,
        position.sequence,
        events
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes down which change was the newest when the ledger's end was reached.
pub(crate) async fn fill(conn: &mut PgConnection, id: i32, newest: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE search.generation SET filled = $2 WHERE id = $1", id, newest)
        .execute(conn)
        .await?;
    Ok(())
}

/// Makes a built one the active one; those before it retire. Returns their numbers.
pub(crate) async fn activate(
    conn: &mut PgConnection,
    id: i32,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<i32>> {
    let retired = sqlx::query_scalar!(
        "UPDATE search.generation SET state = 'retired' WHERE state = 'active' AND id <> $1
         RETURNING id",
        id
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE search.generation SET state = 'active', activated_at = $2 WHERE id = $1",
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(retired)
}

/// Removes some documents and words of a retired one; whether there may be more.
pub(crate) async fn empty(conn: &mut PgConnection, id: i32, most: i64) -> sqlx::Result<bool> {
    let documents = sqlx::query!(
        "DELETE FROM search.document WHERE (generation, id) IN (
            SELECT generation, id FROM search.document WHERE generation = $1 LIMIT $2)",
        id,
        most
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    let words = sqlx::query!(
        "DELETE FROM search.word WHERE (generation, word) IN (
            SELECT generation, word FROM search.word WHERE generation = $1 LIMIT $2)",
        id,
        most
    )
    .execute(conn)
    .await?
    .rows_affected();
    Ok(documents > 0 || words > 0)
}

/// Removes a retired one.
pub(crate) async fn remove(conn: &mut PgConnection, id: i32) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM search.generation WHERE id = $1 AND state = 'retired'", id)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many documents one has, and how many of their changes Meilisearch does not have yet.
pub(crate) async fn counts(executor: impl PgExecutor<'_>, id: i32) -> sqlx::Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM search.document WHERE generation = $1 AND NOT gone) AS "documents!",
                  (SELECT count(*) FROM search.document WHERE generation = $1 AND pushed < change) AS "waiting!""#,
        id
    )
    .fetch_one(executor)
    .await?;
    Ok((row.documents, row.waiting))
}
