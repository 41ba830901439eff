//! Conversations.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::access::{Permitted, Resource, SpaceId};
use contracts::events::communication::Party;
use serde_json::Value;
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::Channel;

/// What was said with the same others through one channel.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) id: Uuid,
    pub(crate) channel: Uuid,
    pub(crate) owner: Snowflake,
    pub(crate) space: SpaceId,
    pub(crate) labels: Vec<String>,
    /// Those at the other end, as far as known.
    pub(crate) parties: Vec<Party>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) last_at: DateTime<Utc>,
}

impl Conversation {
    /// As the policy sees it.
    pub(crate) fn resource(&self) -> Resource {
        Resource::new("message", self.id.to_string(), self.space.clone())
            .of_class("Conversation")
            .labelled(self.labels.iter().cloned())
    }

    /// The subject under which its events are sealed.
    pub(crate) fn subject_of(id: Uuid) -> String {
        format!("conversation:{id}")
    }
}

struct Row {
    id: Uuid,
    channel: Uuid,
    owner: i64,
    space: String,
    labels: Vec<String>,
    parties: Value,
    started_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

impl TryFrom<Row> for Conversation {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            channel: row.channel,
            owner: Snowflake(row.owner),
            space: super::space(&row.space)?,
            labels: row.labels,
            parties: super::read(row.parties)?,
            started_at: row.started_at,
            last_at: row.last_at,
        })
    }
}

/// The conversation with these others through a channel, gone on with at `at`; and whether it is new. A channel
/// that was moved or labelled anew begins new ones: what is there stays among those who shared it.
pub(crate) async fn go_on(
    conn: &mut PgConnection,
    channel: &Channel,
    others: &[Party],
    at: DateTime<Utc>,
) -> sqlx::Result<(Conversation, bool)> {
    let mut addresses: Vec<String> = others.iter().map(|party| party.address.clone()).collect();
    addresses.sort();
    addresses.dedup();
    let id = Uuid::now_v7();
    let row = sqlx::query_as!(
        Row,
        r#"INSERT INTO communication.conversation AS known
               (id, channel, owner, space, labels, others, parties, started_at, last_at, digest)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8,
                   sha256(convert_to(jsonb_build_array($4::text, $5::text[], $6::text[])::text, 'UTF8')))
           ON CONFLICT (channel, digest) DO UPDATE
              SET last_at = greatest(known.last_at, excluded.last_at), parties = excluded.parties
           RETURNING id, channel, owner, space, labels, parties, started_at, last_at"#,
        id,
        channel.id,
        channel.owner.0,
        channel.space.as_str(),
        &channel.labels,
        &addresses,
        super::parties(others),
        at,
    )
    .fetch_one(conn)
    .await?;
    let new = row.id == id;
    Ok((row.try_into()?, new))
}

/// One conversation.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Conversation>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, channel, owner, space, labels, parties, started_at, last_at
             FROM communication.conversation WHERE id = $1"#,
        id
    )
    .fetch_optional(pool)
    .await?;
    row.map(Conversation::try_from).transpose()
}

/// How many messages of a conversation somebody has not read; counted up to a hundred.
pub(crate) async fn unread(
    pool: &PgPool,
    conversations: &[Uuid],
    person: Snowflake,
) -> sqlx::Result<HashMap<Uuid, i64>> {
    let rows = sqlx::query!(
        r#"SELECT wanted.id AS "id!",
                  (SELECT count(*) FROM (
                     SELECT FROM communication.message AS message
                      WHERE message.conversation = wanted.id AND message.direction = 'in'
                        AND message.created_at > coalesce(reading.read_until, '-infinity')
                      LIMIT 100) AS new) AS "count!"
             FROM unnest($1::uuid[]) AS wanted(id)
             LEFT JOIN communication.reading AS reading
               ON reading.conversation = wanted.id AND reading.person = $2"#,
        conversations,
        person.0
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.count)).collect())
}

/// Somebody has read a conversation as far as one of its messages; `false`: they had read it so far, or it is none
/// of its messages.
pub(crate) async fn read(
    conn: &mut PgConnection,
    conversation: Uuid,
    person: Snowflake,
    message: Uuid,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO communication.reading AS known (conversation, person, read_until)
           SELECT conversation, $2, created_at FROM communication.message
            WHERE id = $3 AND conversation = $1
           ON CONFLICT (conversation, person) DO UPDATE SET read_until = excluded.read_until
            WHERE known.read_until < excluded.read_until"#,
        conversation,
        person.0,
        message
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Conversations that may be seen, the latest first.
pub(crate) async fn list(
    pool: &PgPool,
    permitted: &Permitted,
    channel: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<Conversation>> {
    let (whole, partial, hidden) = permitted.parameters();
    let (time, id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, channel, owner, space, labels, parties, started_at, last_at
             FROM communication.conversation
            WHERE (space = ANY ($1) OR (space = ANY ($2) AND NOT labels && $3))
              AND ($4::uuid IS NULL OR channel = $4)
              AND ($5::timestamptz IS NULL OR (last_at, id) < ($5, $6))
            ORDER BY last_at DESC, id DESC
            LIMIT $7"#,
        &whole,
        &partial,
        &hidden,
        channel,
        time,
        id,
        limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Conversation::try_from).collect()
}
