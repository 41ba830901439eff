//! Statements about what goes out: keys, activities on their way, recipients and their hosts.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// A local account's signing key, sealed.
pub struct SealedKey {
    pub uri: String,
    pub rsa_key_sealed: Vec<u8>,
}

/// The signing key of a local account, deleted or not: a deletion has to be signed too.
pub async fn sealed_key(pool: &PgPool, account: i64) -> sqlx::Result<Option<SealedKey>> {
    sqlx::query_as!(
        SealedKey,
        "SELECT a.uri, l.rsa_key_sealed
           FROM social.local_account l
           JOIN social.account a ON a.id = l.account_id
          WHERE l.account_id = $1",
        account,
    )
    .fetch_optional(pool)
    .await
}

/// Keeps activities until they are delivered, one vector a column; `withdrawn_with` names the
/// account whose deletion withdraws it.
pub async fn insert_activities(
    conn: &mut PgConnection,
    ids: &[i64],
    about: &[&str],
    bodies: &[&str],
    withdrawn_with: &[Option<i64>],
    created_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.outgoing_activity (id, about, body, withdrawn_with, created_at)
         SELECT item.id, item.about, item.body, item.withdrawn_with, $5
           FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
                AS item(id, about, body, withdrawn_with)",
        ids,
        about as &[&str],
        bodies as &[&str],
        withdrawn_with as &[Option<i64>],
        created_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An activity's body; `None` where it was withdrawn.
pub async fn body(pool: &PgPool, activity: i64) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT body FROM social.outgoing_activity WHERE id = $1", activity)
        .fetch_optional(pool)
        .await
}

/// Withdraws what is still on its way about these; how much.
pub async fn withdraw(conn: &mut PgConnection, about: &[&str]) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM social.outgoing_activity WHERE about = ANY($1::text[])",
        about as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Withdraws what an account has on its way, but for what takes something back; how much. Reads
/// the whole table, which holds some days: an index would cost every publication more than this ever
/// does.
pub async fn withdraw_all_of(conn: &mut PgConnection, account: i64) -> sqlx::Result<u64> {
    let done =
        sqlx::query!("DELETE FROM social.outgoing_activity WHERE withdrawn_with = $1", account)
            .execute(conn)
            .await?;
    Ok(done.rows_affected())
}

/// Removes activities made before `before`.
pub async fn prune_activities(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM social.outgoing_activity WHERE created_at < $1", before)
        .execute(conn)
        .await?;
    Ok(())
}

/// Where something is delivered.
pub struct Inbox {
    /// Place of the audience in the arguments, from 1.
    pub audience: i64,
    pub url: String,
    /// The domain of the handle of somebody there.
    pub domain: String,
    /// The host of his id, with its port.
    pub host: String,
}

/// The inboxes of audiences: of remote followers of `followed[n]`, where that is not null, and of
/// accounts `person[m]` with `person_audience[m] = n + 1`. Shared inboxes where there are any, each
/// once for an audience and for those who share domain and host; nobody suspended or deleted, and
/// nothing on hosts that failed on `given_up` days or more. Blocks are the caller's business.
pub async fn inboxes(
    conn: &mut PgConnection,
    followed: &[Option<i64>],
    person_audience: &[i64],
    person: &[i64],
    given_up: i32,
) -> sqlx::Result<Vec<Inbox>> {
    sqlx::query_as!(
        Inbox,
        r#"WITH recipient AS (
             SELECT item.audience, f.follower_id AS account_id
               FROM unnest($1::bigint[]) WITH ORDINALITY AS item(followed_id, audience)
               JOIN social.follow f ON f.target_id = item.followed_id AND f.accepted
             UNION ALL
             SELECT item.audience, item.account_id
               FROM unnest($2::bigint[], $3::bigint[]) AS item(audience, account_id)
           ), inbox AS (
             SELECT DISTINCT r.audience, coalesce(a.shared_inbox_url, a.inbox_url) AS url, a.domain,
                    split_part(a.uri, '/', 3) AS host
               FROM recipient r
               JOIN social.account a ON a.id = r.account_id
              WHERE a.domain IS NOT NULL AND a.inbox_url <> ''
                AND a.suspended_at IS NULL AND a.deleted_at IS NULL
           )
           SELECT inbox.audience AS "audience!", inbox.url AS "url!", inbox.domain AS "domain!",
                  inbox.host AS "host!"
             FROM inbox
            WHERE NOT EXISTS (SELECT FROM social.remote_host h
                               WHERE h.domain = split_part(inbox.url, '/', 3)
                                 AND h.failing_days > 0 AND h.failing_days >= $4)"#,
        followed as &[Option<i64>],
        person_audience,
        person,
        given_up,
    )
    .fetch_all(conn)
    .await
}

/// Which of these local accounts somebody elsewhere follows.
pub async fn followed_elsewhere(
    conn: &mut PgConnection,
    accounts: &[i64],
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"SELECT item.id AS "id!" FROM unnest($1::bigint[]) AS item(id)
            WHERE EXISTS (SELECT FROM social.follow f
                            JOIN social.account a ON a.id = f.follower_id
                           WHERE f.target_id = item.id AND f.accepted
                             AND a.domain IS NOT NULL)"#,
        accounts,
    )
    .fetch_all(conn)
    .await
}

/// Remote accounts that have to do with posts: named, boosters, those who favourite or answer.
pub async fn involved(
    conn: &mut PgConnection,
    posts: &[i64],
    limit: i64,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"SELECT DISTINCT a.id
             FROM (SELECT account_id FROM social.post_mention WHERE post_id = ANY($1::bigint[])
                   UNION ALL
                   SELECT author_id FROM social.post WHERE boost_of_id = ANY($1::bigint[])
                   UNION ALL
                   SELECT author_id FROM social.post WHERE in_reply_to_id = ANY($1::bigint[])
                   UNION ALL
                   SELECT in_reply_to_account_id FROM social.post WHERE id = ANY($1::bigint[])
                   UNION ALL
                   SELECT account_id FROM social.favourite WHERE post_id = ANY($1::bigint[])
                  ) AS involved(account_id)
             JOIN social.account a ON a.id = involved.account_id
            WHERE a.domain IS NOT NULL
            LIMIT $2"#,
        posts,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// What we know of a host's health.
#[derive(Clone, Debug)]
pub struct HostRow {
    /// In a row.
    pub failures: i32,
    /// On so many days, since it last answered or wrote.
    pub failing_days: i32,
    pub open_until: Option<DateTime<Utc>>,
}

/// A host's health; `None` where nothing is known.
pub async fn host(pool: &PgPool, domain: &str) -> sqlx::Result<Option<HostRow>> {
    sqlx::query_as!(
        HostRow,
        "SELECT failures, failing_days, open_until FROM social.remote_host WHERE domain = $1",
        domain,
    )
    .fetch_optional(pool)
    .await
}

/// Notes that a host answered.
pub async fn host_answered(pool: &PgPool, domain: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.remote_host (domain, last_success_at, updated_at) VALUES ($1, $2, $2)
         ON CONFLICT (domain) DO UPDATE
            SET failures = 0, failing_since = NULL, failing_days = 0, failed_on = NULL,
                open_until = NULL, last_success_at = excluded.last_success_at, updated_at = excluded.updated_at",
        domain,
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes that a host did not answer; what is known of it by now.
pub async fn host_failed(pool: &PgPool, domain: &str, now: DateTime<Utc>) -> sqlx::Result<HostRow> {
    sqlx::query_as!(
        HostRow,
        "INSERT INTO social.remote_host AS h
                (domain, failures, failing_since, failing_days, failed_on, updated_at)
         VALUES ($1, 1, $2, 1, ($2 AT TIME ZONE 'UTC')::date, $2)
         ON CONFLICT (domain) DO UPDATE
            SET failures = h.failures + 1,
                failing_since = coalesce(h.failing_since, excluded.failing_since),
                failing_days = h.failing_days
                             + (h.failed_on IS DISTINCT FROM excluded.failed_on)::integer,
                failed_on = excluded.failed_on, updated_at = excluded.updated_at
         RETURNING failures, failing_days, open_until",
        domain,
        now,
    )
    .fetch_one(pool)
    .await
}

/// Notes that a host wrote to us: it is there. Its failures in a row stay, so that the next one
/// opens its breaker again.
pub async fn host_wrote(pool: &PgPool, domain: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.remote_host
            SET failing_days = 0, failed_on = NULL, failing_since = NULL, open_until = NULL,
                updated_at = $2
          WHERE domain = $1 AND failing_days > 0",
        domain,
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Hosts that failed since they last answered or wrote.
pub async fn failing_hosts(pool: &PgPool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("SELECT domain FROM social.remote_host WHERE failing_days > 0")
        .fetch_all(pool)
        .await
}

/// Actors that use this inbox, some of them: those of its host, and followers of a local account.
pub async fn actors_at(
    conn: &mut PgConnection,
    inbox: &str,
    followed: i64,
    limit: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT a.uri AS "uri!" FROM social.account a
            WHERE a.domain = split_part($1, '/', 3)
              AND coalesce(a.shared_inbox_url, a.inbox_url) = $1 AND a.deleted_at IS NULL
           UNION
           SELECT a.uri FROM social.follow f JOIN social.account a ON a.id = f.follower_id
            WHERE f.target_id = $2 AND f.accepted AND a.domain IS NOT NULL
              AND coalesce(a.shared_inbox_url, a.inbox_url) = $1 AND a.deleted_at IS NULL
            LIMIT $3"#,
        inbox,
        followed,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Leaves a host alone until `until`, unless another delivery already said so for longer.
pub async fn open_breaker(pool: &PgPool, domain: &str, until: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.remote_host SET open_until = greatest(open_until, $2) WHERE domain = $1",
        domain,
        until,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Whether the caller may try a host whose rest is over: one caller at a time hears yes, the others
/// wait until `until`.
pub async fn take_probe(
    pool: &PgPool,
    domain: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE social.remote_host SET open_until = $3
          WHERE domain = $1 AND open_until <= $2",
        domain,
        now,
        until,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets hosts that nothing was heard of since `before`, and the oldest beyond the newest `most`.
pub async fn prune_hosts(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    most: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.remote_host
          WHERE updated_at < $1
             OR domain IN (SELECT domain FROM social.remote_host
                            ORDER BY updated_at DESC OFFSET $2)",
        before,
        most,
    )
    .execute(conn)
    .await?;
    Ok(())
}
