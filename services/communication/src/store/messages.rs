//! Messages: read, and taken in.

use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use serde_json::Value;
use spine::Snowflake;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::message::{Direction, Message, Status};

struct Row {
    id: Uuid,
    direction: String,
    channel: Option<Uuid>,
    conversation: Option<Uuid>,
    owner: i64,
    space: String,
    labels: Vec<String>,
    external_id: Option<String>,
    sender: Value,
    recipients: Value,
    subject: Option<String>,
    text: String,
    attachments: Value,
    status: String,
    detail: Option<String>,
    rule: Option<Uuid>,
    in_reply_to: Option<Uuid>,
    created_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Message {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            direction: Direction::from_stored(&row.direction),
            channel: row.channel,
            conversation: row.conversation,
            owner: Snowflake(row.owner),
            space: super::space(&row.space)?,
            labels: row.labels,
            external_id: row.external_id,
            from: super::read(row.sender)?,
            to: super::read(row.recipients)?,
            subject: row.subject,
            text: row.text,
            attachments: super::read(row.attachments)?,
            status: Status::from_stored(&row.status),
            detail: row.detail,
            rule: row.rule,
            in_reply_to: row.in_reply_to,
            created_at: row.created_at,
            sent_at: row.sent_at,
            updated_at: row.updated_at,
        })
    }
}

/// One message.
pub(crate) async fn find(database: impl PgExecutor<'_>, id: Uuid) -> sqlx::Result<Option<Message>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, direction, channel, conversation, owner, space, labels, external_id, sender,
                  recipients, subject, text, attachments, status, detail, rule, in_reply_to,
                  created_at, sent_at, updated_at
             FROM communication.message WHERE id = $1"#,
        id
    )
    .fetch_optional(database)
    .await?;
    row.map(Message::try_from).transpose()
}

/// Which messages a list is about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) channel: Option<Uuid>,
    pub(crate) conversation: Option<Uuid>,
    pub(crate) direction: Option<Direction>,
    pub(crate) status: Option<Status>,
    pub(crate) after: Option<(DateTime<Utc>, Uuid)>,
    pub(crate) limit: i64,
}

/// Messages that may be seen, the latest first.
pub(crate) async fn list(
    pool: &PgPool,
    permitted: &Permitted,
    wanted: &Wanted,
) -> sqlx::Result<Vec<Message>> {
    let (whole, partial, hidden) = permitted.parameters();
    let (time, id) = wanted.after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, direction, channel, conversation, owner, space, labels, external_id, sender,
                  recipients, subject, text, attachments, status, detail, rule, in_reply_to,
                  created_at, sent_at, updated_at
             FROM communication.message
            WHERE (space = ANY ($1) OR (space = ANY ($2) AND NOT labels && $3))
              AND ($4::uuid IS NULL OR channel = $4)
              AND ($5::uuid IS NULL OR conversation = $5)
              AND ($6::text IS NULL OR direction = $6)
              AND ($7::text IS NULL OR status = $7)
              AND ($8::timestamptz IS NULL OR (created_at, id) < ($8, $9))
            ORDER BY created_at DESC, id DESC
            LIMIT $10"#,
        &whole,
        &partial,
        &hidden,
        wanted.channel,
        wanted.conversation,
        wanted.direction.map(Direction::name),
        wanted.status.map(Status::name),
        time,
        id,
        wanted.limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Message::try_from).collect()
}

/// Our id of the message that its service knows by this one.
pub(crate) async fn by_external(
    conn: &mut PgConnection,
    channel: Uuid,
    external_id: &str,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM communication.message WHERE channel = $1 AND external_id = $2 LIMIT 1",
        channel,
        external_id
    )
    .fetch_optional(conn)
    .await
}

/// Whether a message came in before.
pub(crate) async fn is_taken_in(
    conn: &mut PgConnection,
    channel: Uuid,
    external_id: &str,
) -> sqlx::Result<bool> {
    let known = sqlx::query_scalar!(
        r#"SELECT true AS "known!" FROM communication.message
            WHERE channel = $1 AND direction = 'in' AND external_id = $2"#,
        channel,
        external_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(known.is_some())
}

/// Takes in a message; `false`: it is known.
pub(crate) async fn take_in(conn: &mut PgConnection, message: &Message) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO communication.message
               (id, direction, channel, conversation, owner, space, labels, external_id, sender,
                recipients, subject, text, attachments, status, in_reply_to, created_at, sent_at,
                updated_at)
           VALUES ($1, 'in', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'received', $13, $14, $15,
                   $14)
           ON CONFLICT (channel, direction, external_id) WHERE external_id IS NOT NULL DO NOTHING"#,
        message.id,
        message.channel,
        message.conversation,
        message.owner.0,
        message.space.as_str(),
        &message.labels,
        message.external_id,
        super::party(&message.from),
        super::parties(&message.to),
        message.subject,
        message.text,
        super::files(&message.attachments),
        message.in_reply_to,
        message.created_at,
        message.sent_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
