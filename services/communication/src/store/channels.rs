//! Channels.

use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use serde_json::Value;
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::channel::{Channel, ChannelState, NewChannel};
use crate::{Address, Scheme};

struct Row {
    id: Uuid,
    plugin: String,
    name: String,
    owner: i64,
    space: String,
    labels: Vec<String>,
    config: Value,
    scheme: String,
    address: String,
    is_default: bool,
    state: String,
    last_error: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Channel {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let unknown = || sqlx::Error::Decode(format!("{:?} is no scheme", row.scheme).into());
        Ok(Self {
            id: row.id,
            plugin: row.plugin,
            name: row.name,
            owner: Snowflake(row.owner),
            space: super::space(&row.space)?,
            labels: row.labels,
            config: row.config,
            scheme: Scheme::parse(&row.scheme).ok_or_else(unknown)?,
            address: row.address,
            is_default: row.is_default,
            state: ChannelState::from_stored(&row.state),
            last_error: row.last_error,
            version: row.version,
            created_at: row.created_at,
        })
    }
}

/// Until the transaction ends, nobody else decides which channel is a person's default.
async fn take_turns(conn: &mut PgConnection, owner: Snowflake) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 1668117868))",
        owner.to_string()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds a channel; `false`: this id is taken. Where it is to be its owner's default, no other is any more;
/// where nothing is said, it is where there is none.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    channel: &NewChannel,
    address: &Address,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    take_turns(conn, channel.owner).await?;
    if channel.is_default == Some(true) {
        give_up_default(conn, channel.owner, address.scheme(), channel.id).await?;
    }
    let done = sqlx::query!(
        r#"INSERT INTO communication.channel
               (id, plugin, name, owner, space, labels, config, scheme, address, is_default, state,
                created_at)
           SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9,
                  coalesce($10, NOT EXISTS (SELECT FROM communication.channel
                                             WHERE owner = $4 AND scheme = $8 AND is_default)),
                  'active', $11
           ON CONFLICT (id) DO NOTHING"#,
        channel.id,
        channel.plugin,
        channel.name,
        channel.owner.0,
        channel.space.as_str(),
        &channel.labels,
        channel.config,
        address.scheme().name(),
        address.as_str(),
        channel.is_default,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whoever was a person's default for a scheme is so no more, but for one. That is a change that people see.
async fn give_up_default(
    conn: &mut PgConnection,
    owner: Snowflake,
    scheme: Scheme,
    except: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"UPDATE communication.channel SET is_default = false, version = version + 1
            WHERE owner = $1 AND scheme = $2 AND is_default AND id <> $3"#,
        owner.0,
        scheme.name(),
        except
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One channel.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Channel>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, plugin, name, owner, space, labels, config, scheme, address, is_default, state,
                  last_error, version, created_at
             FROM communication.channel WHERE id = $1"#,
        id
    )
    .fetch_optional(pool)
    .await?;
    row.map(Channel::try_from).transpose()
}

/// One channel as it is now, and stays until the transaction ends; what else comes in through it waits.
pub(crate) async fn lock(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Channel>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, plugin, name, owner, space, labels, config, scheme, address, is_default, state,
                  last_error, version, created_at
             FROM communication.channel WHERE id = $1 FOR NO KEY UPDATE"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    row.map(Channel::try_from).transpose()
}

/// Keeps a channel from being removed until the transaction ends; `false`: it is removed.
pub(crate) async fn hold(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    let held = sqlx::query_scalar!(
        r#"SELECT true AS "there!" FROM communication.channel WHERE id = $1 FOR KEY SHARE"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(held.is_some())
}

/// A person's default channel for addresses of a scheme.
pub(crate) async fn default_of(
    pool: &PgPool,
    owner: Snowflake,
    scheme: Scheme,
) -> sqlx::Result<Option<Channel>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, plugin, name, owner, space, labels, config, scheme, address, is_default, state,
                  last_error, version, created_at
             FROM communication.channel WHERE owner = $1 AND scheme = $2 AND is_default"#,
        owner.0,
        scheme.name()
    )
    .fetch_optional(pool)
    .await?;
    row.map(Channel::try_from).transpose()
}

/// Channels that may be seen, by id.
pub(crate) async fn list(
    pool: &PgPool,
    permitted: &Permitted,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Channel>> {
    let (whole, partial, hidden) = permitted.parameters();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, plugin, name, owner, space, labels, config, scheme, address, is_default, state,
                  last_error, version, created_at
             FROM communication.channel
            WHERE (space = ANY ($1) OR (space = ANY ($2) AND NOT labels && $3))
              AND ($4::uuid IS NULL OR id > $4)
            ORDER BY id
            LIMIT $5"#,
        &whole,
        &partial,
        &hidden,
        after,
        limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Channel::try_from).collect()
}

/// Writes what people set; `false`: it is another version than the one that was read, or gone.
pub(crate) async fn update(conn: &mut PgConnection, channel: &Channel) -> sqlx::Result<bool> {
    if channel.is_default {
        take_turns(conn, channel.owner).await?;
        give_up_default(conn, channel.owner, channel.scheme, channel.id).await?;
    }
    let done = sqlx::query!(
        r#"UPDATE communication.channel
              SET name = $3, space = $4, labels = $5, config = $6, scheme = $7, address = $8,
                  is_default = $9, state = $10, last_error = $11, version = version + 1
            WHERE id = $1 AND version = $2"#,
        channel.id,
        channel.version,
        channel.name,
        channel.space.as_str(),
        &channel.labels,
        channel.config,
        channel.scheme.name(),
        channel.address,
        channel.is_default,
        channel.state.name(),
        channel.last_error,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Its service does not accept the credential any more.
pub(crate) async fn needs_sign_in(
    conn: &mut PgConnection,
    id: Uuid,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"UPDATE communication.channel
              SET state = 'needs_sign_in', last_error = $2, version = version + 1
            WHERE id = $1 AND state = 'active'"#,
        id,
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a channel; its plugin. Its messages and calls stay.
pub(crate) async fn delete(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("DELETE FROM communication.channel WHERE id = $1 RETURNING plugin", id)
        .fetch_optional(conn)
        .await
}

/// The channels of a person.
pub(crate) async fn of_owner(conn: &mut PgConnection, owner: Snowflake) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("SELECT id FROM communication.channel WHERE owner = $1", owner.0)
        .fetch_all(conn)
        .await
}
