//! Statements about polls.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A poll whose row is locked.
pub struct Poll {
    pub id: i64,
    pub post_id: i64,
    pub post_uri: String,
    pub author_id: i64,
    pub local: bool,
    pub multiple: bool,
    pub ends_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub titles: Vec<String>,
}

/// Locks the polls of posts, in the order of their ids.
pub async fn lock(conn: &mut PgConnection, posts: &[i64]) -> sqlx::Result<Vec<Poll>> {
    sqlx::query_as!(
        Poll,
        r#"WITH locked AS (
             SELECT poll.id FROM social.poll poll WHERE poll.post_id = ANY($1::bigint[])
              ORDER BY poll.id FOR NO KEY UPDATE
           )
           SELECT poll.id, poll.post_id, p.uri AS post_uri, p.author_id, p.local, poll.multiple,
                  poll.ends_at, poll.closed_at,
                  (SELECT coalesce(array_agg(o.title ORDER BY o.position), '{}')
                     FROM social.poll_option o WHERE o.poll_id = poll.id) AS "titles!"
             FROM locked
             JOIN social.poll poll ON poll.id = locked.id
             JOIN social.post p ON p.id = poll.post_id"#,
        posts,
    )
    .fetch_all(conn)
    .await
}

/// One stored vote.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    pub poll_id: i64,
    pub account_id: i64,
    pub position: i16,
}

/// Votes that these accounts gave in these polls before.
pub async fn find_votes(
    conn: &mut PgConnection,
    polls: &[i64],
    accounts: &[i64],
) -> sqlx::Result<Vec<Vote>> {
    sqlx::query_as!(
        Vote,
        "SELECT poll_id, account_id, position FROM social.poll_vote
          WHERE poll_id = ANY($1::bigint[]) AND account_id = ANY($2::bigint[])",
        polls,
        accounts,
    )
    .fetch_all(conn)
    .await
}

/// Stores votes and counts them. `first` says whether a vote is its voter's first in the poll. The
/// rows of the polls are locked.
pub async fn insert(
    conn: &mut PgConnection,
    votes: &[Vote],
    uris: &[Option<&str>],
    first: &[bool],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let polls: Vec<i64> = votes.iter().map(|vote| vote.poll_id).collect();
    let accounts: Vec<i64> = votes.iter().map(|vote| vote.account_id).collect();
    let positions: Vec<i16> = votes.iter().map(|vote| vote.position).collect();
    sqlx::query!(
        "WITH item AS (
           SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::text[],
                                $5::boolean[]) AS item(poll_id, account_id, position, uri, first)
         ), inserted AS (
           INSERT INTO social.poll_vote (poll_id, account_id, position, uri, created_at)
           SELECT poll_id, account_id, position, uri, $6 FROM item
           ON CONFLICT DO NOTHING
         ), counted AS (
           UPDATE social.poll_option o
              SET votes_count = o.votes_count + n.votes
             FROM (SELECT poll_id, position, count(*) AS votes FROM item GROUP BY 1, 2) n
            WHERE o.poll_id = n.poll_id AND o.position = n.position
         )
         UPDATE social.poll poll
            SET voters_count = poll.voters_count + n.voters
           FROM (SELECT poll_id, count(*) AS voters FROM item WHERE first GROUP BY 1) n
          WHERE poll.id = n.poll_id",
        &polls,
        &accounts,
        &positions,
        uris as &[Option<&str>],
        first,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes over the counts of a poll from its own server.
pub async fn set_totals(
    conn: &mut PgConnection,
    post: i64,
    counts: &[i64],
    voters: i64,
    fetched_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH poll AS (
           UPDATE social.poll SET voters_count = $3, fetched_at = $4 WHERE post_id = $1
           RETURNING id
         )
         UPDATE social.poll_option o
            SET votes_count = item.votes
           FROM poll, unnest($2::bigint[]) WITH ORDINALITY AS item(votes, place)
          WHERE o.poll_id = poll.id AND o.position = item.place - 1",
        post,
        counts,
        voters,
        fetched_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks a poll as closed.
pub async fn close(conn: &mut PgConnection, poll: i64, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.poll SET closed_at = $2, ends_at = least(ends_at, $2)
          WHERE id = $1 AND closed_at IS NULL",
        poll,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Local people who voted in a poll.
pub async fn local_voters(conn: &mut PgConnection, poll: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT v.account_id FROM social.poll_vote v
           JOIN social.local_account l ON l.account_id = v.account_id
          WHERE v.poll_id = $1",
        poll,
    )
    .fetch_all(conn)
    .await
}

/// Whether the counts of a post's poll are to be told at `due`: `false` where that is planned
/// already.
pub async fn plan_update(
    conn: &mut PgConnection,
    post: i64,
    now: DateTime<Utc>,
    due: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE social.poll SET update_due_at = $3
          WHERE post_id = $1 AND (update_due_at IS NULL OR update_due_at <= $2)",
        post,
        now,
        due,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
