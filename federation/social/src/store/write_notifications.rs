//! Statements that make and take back notifications.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Wanted notifications, one vector a column.
#[derive(Default)]
pub struct NotificationColumns<'a> {
    pub id: Vec<i64>,
    pub account_id: Vec<i64>,
    pub kind: Vec<&'a str>,
    pub from_id: Vec<i64>,
    pub post_id: Vec<Option<i64>>,
    pub report_id: Vec<Option<i64>>,
}

/// A notification that was made.
pub struct Made {
    pub id: i64,
    pub account_id: i64,
    pub kind: String,
    pub from_id: i64,
    pub post_id: Option<i64>,
}

/// Makes notifications of local accounts, save those that their owner does not want: of people he
/// blocks or mutes with notifications, of hosts he blocks (unless he follows the person), of
/// conversations he muted, of himself (but for a poll's end), and those he already has.
pub async fn insert(
    conn: &mut PgConnection,
    columns: &NotificationColumns<'_>,
    created_at: DateTime<Utc>,
) -> sqlx::Result<Vec<Made>> {
    sqlx::query_as!(
        Made,
        r#"INSERT INTO social.notification
                  (id, account_id, kind, from_id, post_id, report_id, created_at)
           SELECT item.id, item.account_id, item.kind, item.from_id, item.post_id, item.report_id,
                  $7
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[],
                         $6::bigint[])
                  AS item(id, account_id, kind, from_id, post_id, report_id)
             JOIN social.local_account l ON l.account_id = item.account_id
             JOIN social.account sender ON sender.id = item.from_id
             LEFT JOIN social.post p ON p.id = item.post_id
            WHERE (item.account_id <> item.from_id OR item.kind = 'poll')
              AND NOT EXISTS (SELECT FROM social.block b
                               WHERE b.account_id = item.account_id AND b.target_id = item.from_id)
              AND NOT EXISTS (SELECT FROM social.mute m
                               WHERE m.account_id = item.account_id AND m.target_id = item.from_id
                                 AND m.notifications
                                 AND (m.expires_at IS NULL OR m.expires_at > $7))
              AND NOT EXISTS (SELECT FROM social.conversation_mute c
                               WHERE c.account_id = item.account_id
                                 AND c.conversation_id = p.conversation_id)
              AND (sender.domain IS NULL
                   OR NOT EXISTS (SELECT FROM social.domain_block d
                                   WHERE d.account_id = item.account_id
                                     AND (sender.domain = d.domain
                                          OR right(sender.domain, length(d.domain) + 1) = '.' || d.domain))
                   OR EXISTS (SELECT FROM social.follow f
                               WHERE f.follower_id = item.account_id
                                 AND f.target_id = item.from_id AND f.accepted))
           ON CONFLICT DO NOTHING
           RETURNING id, account_id, kind, from_id, post_id"#,
        &columns.id,
        &columns.account_id,
        &columns.kind as &[&str],
        &columns.from_id,
        &columns.post_id as &[Option<i64>],
        &columns.report_id as &[Option<i64>],
        created_at,
    )
    .fetch_all(conn)
    .await
}

/// Takes notifications back, one vector a column; a post of `None` means those without a post.
pub async fn delete(
    conn: &mut PgConnection,
    accounts: &[i64],
    kinds: &[&str],
    senders: &[i64],
    posts: &[Option<i64>],
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.notification n
          USING unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
                AS item(account_id, kind, from_id, post_id)
          WHERE n.account_id = item.account_id AND n.kind = item.kind
            AND n.from_id = item.from_id
            AND n.post_id IS NOT DISTINCT FROM item.post_id",
        accounts,
        kinds as &[&str],
        senders,
        posts as &[Option<i64>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes every notification that `owners` have from `senders`, pair by pair.
pub async fn clear_from(
    conn: &mut PgConnection,
    owners: &[i64],
    senders: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.notification n
          USING unnest($1::bigint[], $2::bigint[]) AS pair(owner_id, sender_id)
          WHERE n.account_id = pair.owner_id AND n.from_id = pair.sender_id",
        owners,
        senders,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Local accounts that want to know of a change of a post: those who boosted it.
pub async fn local_boosters(conn: &mut PgConnection, post: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT boost.author_id FROM social.post boost
           JOIN social.local_account l ON l.account_id = boost.author_id
          WHERE boost.boost_of_id = $1",
        post,
    )
    .fetch_all(conn)
    .await
}
