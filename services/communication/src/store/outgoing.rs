//! Messages on their way out.

use chrono::{DateTime, Utc};
use contracts::events::communication::Party;
use spine::Snowflake;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::message::Status;

/// A message as it is written down on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) id: Uuid,
    pub(crate) channel: Option<Uuid>,
    pub(crate) conversation: Option<Uuid>,
    pub(crate) owner: Snowflake,
    pub(crate) space: &'a str,
    pub(crate) labels: &'a [String],
    pub(crate) from: &'a Party,
    pub(crate) to: &'a [Party],
    pub(crate) subject: Option<&'a str>,
    pub(crate) text: &'a str,
    pub(crate) purpose: &'a str,
    pub(crate) rule: Option<Uuid>,
    pub(crate) in_reply_to: Option<Uuid>,
    pub(crate) status: Status,
    pub(crate) detail: Option<&'a str>,
}

/// Writes a message down; `false`: its id is known.
pub(crate) async fn queue(
    conn: &mut PgConnection,
    message: &Outgoing<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    write(conn, message, &[], now).await
}

/// Writes down how a message goes on that is still to be sent, also where nobody has written it down before; `false`:
/// it is over, or whoever sends it was erased.
pub(crate) async fn go_on(
    conn: &mut PgConnection,
    message: &Outgoing<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    write(conn, message, &["queued", "sending"], now).await
}

async fn write(
    conn: &mut PgConnection,
    message: &Outgoing<'_>,
    from: &[&str],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO communication.message AS known
               (id, direction, channel, conversation, owner, space, labels, sender, recipients, subject,
                text, attachments, status, detail, purpose, rule, in_reply_to, attempts, created_at,
                updated_at)
           SELECT $1, 'out', $2, $3, $4, $5, $6, $7, $8, $9, $10, '[]', $11, $12, $13, $14, $15,
                  CASE WHEN $11 = 'sending' THEN 1 ELSE 0 END, $16, $16
            WHERE NOT EXISTS (SELECT FROM communication.erased_person WHERE id = $4)
           ON CONFLICT (id) DO UPDATE
              SET channel = excluded.channel,
                  conversation = coalesce(excluded.conversation, known.conversation),
                  space = excluded.space, labels = excluded.labels,
                  sender = excluded.sender, recipients = excluded.recipients,
                  status = excluded.status, detail = excluded.detail,
                  attempts = known.attempts + excluded.attempts, updated_at = excluded.updated_at
            WHERE known.direction = 'out' AND known.status = ANY ($17)"#,
        message.id,
        message.channel,
        message.conversation,
        message.owner.0,
        message.space,
        message.labels,
        super::party(message.from),
        super::parties(message.to),
        message.subject,
        message.text,
        message.status.name(),
        message.detail,
        message.purpose,
        message.rule,
        message.in_reply_to,
        now,
        from as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a message is still to be sent, and stays so until the transaction ends. Who erases it meanwhile waits, and
/// what was erased before is not written anew.
pub(crate) async fn hold(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    let held = sqlx::query_scalar!(
        r#"SELECT true AS "there!" FROM communication.message
            WHERE id = $1 AND direction = 'out' AND status IN ('queued', 'sending')
              FOR UPDATE"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(held.is_some())
}

/// A message that is written down is over; `false`: it was so before, or was erased.
pub(crate) async fn end(
    conn: &mut PgConnection,
    message: &Outgoing<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE communication.message SET status = $2, detail = $3, updated_at = $4
            WHERE id = $1 AND direction = 'out' AND status IN ('queued', 'sending')"#,
        message.id,
        message.status.name(),
        message.detail,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A message that nobody sends any more.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) id: Uuid,
    pub(crate) channel: Option<Uuid>,
    pub(crate) detail: Option<String>,
}

/// Ends messages that wait to be sent since long before, say because what should have sent them died again and
/// again; which. Whether one that was being handed over has reached its service is not known then.
pub(crate) async fn end_left(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    most: i64,
) -> sqlx::Result<Vec<Left>> {
    sqlx::query_as!(
        Left,
        r#"UPDATE communication.message
              SET status = 'failed', updated_at = $2,
                  detail = CASE WHEN status = 'sending'
                                THEN 'nobody knows whether its service took it'
                                ELSE 'it could not be sent' END
            WHERE id IN (SELECT id FROM communication.message
                          WHERE status IN ('queued', 'sending') AND created_at < $1
                          ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING id, channel, detail"#,
        before,
        now,
        most
    )
    .fetch_all(conn)
    .await
}

/// Until the transaction ends, nobody else is told anything about what its service knows by this id.
pub(crate) async fn lock_external(
    conn: &mut PgConnection,
    channel: Uuid,
    external_id: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 1668117869))",
        format!("{channel} {external_id}")
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Its service took a message; `false`: another attempt was told so before. An id that another message of the
/// channel has already is not kept.
pub(crate) async fn accept(
    conn: &mut PgConnection,
    id: Uuid,
    external_id: &str,
    status: Status,
    detail: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE communication.message AS message
              SET status = $3, detail = $4, sent_at = $5, updated_at = $5,
                  external_id = CASE WHEN EXISTS (
                      SELECT FROM communication.message AS other
                       WHERE other.channel = message.channel AND other.direction = 'out'
                         AND other.external_id = $2) THEN NULL ELSE $2 END
            WHERE id = $1 AND status = 'sending'"#,
        id,
        external_id,
        status.name(),
        detail,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What its service says of a message.
#[derive(Debug)]
pub(crate) struct Word<'a> {
    pub(crate) channel: Uuid,
    pub(crate) external_id: &'a str,
    pub(crate) status: Status,
    pub(crate) detail: Option<&'a str>,
}

/// Moves a message forward; its id, where it moved.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    word: &Word<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"UPDATE communication.message SET status = $3, detail = $4, updated_at = $5
            WHERE channel = $1 AND direction = 'out' AND external_id = $2 AND status = ANY ($6)
           RETURNING id"#,
        word.channel,
        word.external_id,
        word.status.name(),
        word.detail,
        now,
        &word.status.may_follow(),
    )
    .fetch_optional(conn)
    .await
}

/// Keeps a word about a message that we do not know by this id yet; the farthest one stays.
pub(crate) async fn keep_early(
    conn: &mut PgConnection,
    word: &Word<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO communication.early_status AS known
               (channel, external_id, status, detail, received_at)
           SELECT $1, $2, $3, $4, $5
            WHERE NOT EXISTS (SELECT FROM communication.message
                               WHERE channel = $1 AND direction = 'out' AND external_id = $2)
           ON CONFLICT (channel, external_id) DO UPDATE
              SET status = excluded.status, detail = excluded.detail,
                  received_at = excluded.received_at
            WHERE known.status = ANY ($6)"#,
        word.channel,
        word.external_id,
        word.status.name(),
        word.detail,
        now,
        &word.status.may_follow(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the word that came early about a message.
pub(crate) async fn take_early(
    conn: &mut PgConnection,
    channel: Uuid,
    external_id: &str,
) -> sqlx::Result<Option<(Status, Option<String>)>> {
    let row = sqlx::query!(
        r#"DELETE FROM communication.early_status WHERE channel = $1 AND external_id = $2
           RETURNING status, detail"#,
        channel,
        external_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (Status::from_stored(&row.status), row.detail)))
}
