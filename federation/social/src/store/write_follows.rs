//! Statements about follows and requests to follow.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Follows to store, one vector a column.
#[derive(Default)]
pub struct FollowColumns<'a> {
    pub id: Vec<i64>,
    pub follower_id: Vec<i64>,
    pub target_id: Vec<i64>,
    pub accepted: Vec<bool>,
    pub uri: Vec<&'a str>,
    pub show_boosts: Vec<bool>,
    pub notify: Vec<bool>,
    /// Languages joined by commas; `None` for all.
    pub languages: Vec<Option<String>>,
}

/// A stored follow after a change.
pub struct Stored {
    pub follower_id: i64,
    pub target_id: i64,
    pub accepted: bool,
    /// Whether it renewed a row.
    pub was_there: bool,
    pub follower_is_local: bool,
    pub target_is_local: bool,
}

/// Locks the follows of these pairs that are there, in the order of their ids: (follower, target,
/// accepted).
pub async fn lock(
    conn: &mut PgConnection,
    followers: &[i64],
    targets: &[i64],
) -> sqlx::Result<Vec<(i64, i64, bool)>> {
    let rows = sqlx::query!(
        "SELECT f.follower_id, f.target_id, f.accepted
           FROM social.follow f
           JOIN unnest($1::bigint[], $2::bigint[]) AS pair(follower_id, target_id)
             ON f.follower_id = pair.follower_id AND f.target_id = pair.target_id
          ORDER BY f.id
            FOR UPDATE OF f",
        followers,
        targets,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.follower_id, row.target_id, row.accepted)).collect())
}

/// Stores follows, or renews the id and options of those that are there; an accepted one stays so.
pub async fn upsert(
    conn: &mut PgConnection,
    columns: &FollowColumns<'_>,
    created_at: DateTime<Utc>,
) -> sqlx::Result<Vec<Stored>> {
    sqlx::query_as!(
        Stored,
        r#"WITH item AS (
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[],
                                  $5::text[], $6::boolean[], $7::boolean[], $8::text[])
                           AS item(id, follower_id, target_id, accepted, uri, show_boosts, notify,
                                   languages)
           ), stored AS (
             INSERT INTO social.follow AS f
                    (id, follower_id, target_id, accepted, uri, show_boosts, notify, languages,
                     created_at)
             SELECT item.id, item.follower_id, item.target_id, item.accepted, item.uri,
                    item.show_boosts, item.notify, string_to_array(item.languages, ','), $9
               FROM item
             ON CONFLICT (follower_id, target_id) DO UPDATE
                SET accepted = f.accepted OR excluded.accepted,
                    uri = excluded.uri,
                    show_boosts = excluded.show_boosts,
                    notify = excluded.notify,
                    languages = excluded.languages
             RETURNING f.follower_id, f.target_id, f.accepted, (f.xmax <> 0) AS was_there
           )
           SELECT stored.follower_id AS "follower_id!", stored.target_id AS "target_id!",
                  stored.accepted AS "accepted!", stored.was_there AS "was_there!",
                  follower.domain IS NULL AS "follower_is_local!",
                  target.domain IS NULL AS "target_is_local!"
             FROM stored
             JOIN social.account follower ON follower.id = stored.follower_id
             JOIN social.account target ON target.id = stored.target_id"#,
        &columns.id,
        &columns.follower_id,
        &columns.target_id,
        &columns.accepted,
        &columns.uri as &[&str],
        &columns.show_boosts,
        &columns.notify,
        &columns.languages as &[Option<String>],
        created_at,
    )
    .fetch_all(conn)
    .await
}

/// A follow that ended or was accepted.
#[derive(Clone, Debug)]
pub struct Follow {
    pub follower_id: i64,
    pub target_id: i64,
    pub uri: String,
    pub accepted: bool,
    pub follower_is_local: bool,
    pub target_is_local: bool,
}

/// Accepts requests that wait; those that did.
pub async fn accept(
    conn: &mut PgConnection,
    followers: &[i64],
    targets: &[i64],
) -> sqlx::Result<Vec<Follow>> {
    sqlx::query_as!(
        Follow,
        r#"UPDATE social.follow f SET accepted = true
             FROM unnest($1::bigint[], $2::bigint[]) AS pair(follower_id, target_id)
             JOIN social.account follower ON follower.id = pair.follower_id
             JOIN social.account target ON target.id = pair.target_id
            WHERE f.follower_id = pair.follower_id AND f.target_id = pair.target_id
              AND NOT f.accepted
           RETURNING f.follower_id, f.target_id, f.uri, f.accepted,
                     follower.domain IS NULL AS "follower_is_local!",
                     target.domain IS NULL AS "target_is_local!""#,
        followers,
        targets,
    )
    .fetch_all(conn)
    .await
}

/// Removes follows and requests; those that were there.
pub async fn remove(
    conn: &mut PgConnection,
    followers: &[i64],
    targets: &[i64],
) -> sqlx::Result<Vec<Follow>> {
    sqlx::query_as!(
        Follow,
        r#"DELETE FROM social.follow f
            USING unnest($1::bigint[], $2::bigint[]) AS pair(follower_id, target_id)
             JOIN social.account follower ON follower.id = pair.follower_id
             JOIN social.account target ON target.id = pair.target_id
            WHERE f.follower_id = pair.follower_id AND f.target_id = pair.target_id
           RETURNING f.follower_id, f.target_id, f.uri, f.accepted,
                     follower.domain IS NULL AS "follower_is_local!",
                     target.domain IS NULL AS "target_is_local!""#,
        followers,
        targets,
    )
    .fetch_all(conn)
    .await
}

/// Adds to the counters of accounts, their rows locked in the order of their ids.
pub async fn change_counts(
    conn: &mut PgConnection,
    accounts: &[i64],
    followers: &[i64],
    following: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH locked AS (
           SELECT a.id FROM social.account a WHERE a.id = ANY($1::bigint[])
            ORDER BY a.id FOR NO KEY UPDATE
         )
         UPDATE social.account a
            SET followers_count = greatest(0, a.followers_count + change.followers),
                following_count = greatest(0, a.following_count + change.following)
           FROM locked
           JOIN unnest($1::bigint[], $2::bigint[], $3::bigint[])
                AS change(id, followers, following) ON change.id = locked.id
          WHERE a.id = locked.id",
        accounts,
        followers,
        following,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Some follows that begin or end at an account, at most `limit`.
pub async fn of_account(
    conn: &mut PgConnection,
    account: i64,
    limit: i64,
) -> sqlx::Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        r#"(SELECT follower_id AS "follower_id!", target_id AS "target_id!"
              FROM social.follow WHERE follower_id = $1 LIMIT $2)
           UNION
           (SELECT follower_id, target_id FROM social.follow WHERE target_id = $1 LIMIT $2)"#,
        account,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.follower_id, row.target_id)).collect())
}

/// Follows between an account and the people of a host and its subdomains.
pub async fn with_domain(
    conn: &mut PgConnection,
    account: i64,
    domain: &str,
) -> sqlx::Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        r#"SELECT f.follower_id, f.target_id
             FROM social.follow f
             JOIN social.account other
               ON other.id = CASE WHEN f.follower_id = $1 THEN f.target_id ELSE f.follower_id END
            WHERE (f.follower_id = $1 OR f.target_id = $1)
              AND (other.domain = $2 OR right(other.domain, length($2) + 1) = '.' || $2)"#,
        account,
        domain,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.follower_id, row.target_id)).collect())
}
