//! What an erasure deletes, and what need not be remembered.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::erasure::Scope;

/// Columns of a scope, those that do not matter empty.
struct Columns {
    channel: Option<Uuid>,
    owner: Option<i64>,
    conversation: Option<Uuid>,
    until: Option<DateTime<Utc>>,
}

impl From<&Scope> for Columns {
    fn from(scope: &Scope) -> Self {
        let none = Self { channel: None, owner: None, conversation: None, until: None };
        match scope {
            Scope::Channel(channel) => Self { channel: Some(*channel), ..none },
            Scope::Person(owner) => Self { owner: Some(owner.0), ..none },
            Scope::Conversation { id, until } => {
                Self { conversation: Some(*id), until: Some(*until), ..none }
            }
        }
    }
}

/// A message that was deleted.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub(crate) id: Uuid,
    /// Whether it was still to be sent.
    pub(crate) is_unsent: bool,
}

/// Deletes some messages.
pub(crate) async fn delete_messages(
    conn: &mut PgConnection,
    scope: &Scope,
    most: i64,
) -> sqlx::Result<Vec<Deleted>> {
    let columns = Columns::from(scope);
    sqlx::query_as!(
        Deleted,
        r#"DELETE FROM communication.message
            WHERE id IN (SELECT id FROM communication.message
                          WHERE channel = $1 OR owner = $2
                             OR (conversation = $3 AND created_at <= $4)
                          LIMIT $5)
           RETURNING id, status IN ('queued', 'sending') AS "is_unsent!""#,
        columns.channel,
        columns.owner,
        columns.conversation,
        columns.until,
        most
    )
    .fetch_all(conn)
    .await
}

/// Deletes one message.
pub(crate) async fn delete_message(
    conn: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<Deleted>> {
    sqlx::query_as!(
        Deleted,
        r#"DELETE FROM communication.message WHERE id = $1
           RETURNING id, status IN ('queued', 'sending') AS "is_unsent!""#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// Deletes some calls.
pub(crate) async fn delete_calls(
    conn: &mut PgConnection,
    scope: &Scope,
    most: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let columns = Columns::from(scope);
    sqlx::query_scalar!(
        r#"DELETE FROM communication.call
            WHERE id IN (SELECT id FROM communication.call
                          WHERE channel = $1 OR owner = $2 LIMIT $3)
           RETURNING id"#,
        columns.channel,
        columns.owner,
        most
    )
    .fetch_all(conn)
    .await
}

/// Deletes one call; `false`: there is none.
pub(crate) async fn delete_call(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!("DELETE FROM communication.call WHERE id = $1", id);
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Until the transaction ends, nothing is said in a conversation; what was being said is seen from now on.
pub(crate) async fn hold_conversation(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("SELECT FROM communication.conversation WHERE id = $1 FOR UPDATE", id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes some conversations, once they are empty.
pub(crate) async fn delete_conversations(
    conn: &mut PgConnection,
    scope: &Scope,
    most: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let columns = Columns::from(scope);
    sqlx::query_scalar!(
        r#"DELETE FROM communication.conversation
            WHERE id IN (SELECT id FROM communication.conversation AS known
                          WHERE (channel = $1 OR owner = $2 OR id = $3)
                            AND NOT EXISTS (SELECT FROM communication.message
                                             WHERE conversation = known.id)
                          LIMIT $4)
           RETURNING id"#,
        columns.channel,
        columns.owner,
        columns.conversation,
        most
    )
    .fetch_all(conn)
    .await
}

/// Forgets words about messages that never became known.
pub(crate) async fn forget_early(pool: &PgPool, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let done =
        sqlx::query!("DELETE FROM communication.early_status WHERE received_at < $1", before)
            .execute(pool)
            .await?;
    Ok(done.rows_affected())
}
