//! Posts that go out, and who they are for beside their authors' followers.

use sqlx::PgConnection;

/// Keeps posts from being deleted until the caller's transaction ends. A deletion that came first is
/// waited for; what is read after this call does not show those posts any more.
pub async fn hold(conn: &mut PgConnection, posts: &[i64]) -> sqlx::Result<()> {
    sqlx::query_scalar!(
        "SELECT id FROM social.post WHERE id = ANY($1::bigint[]) ORDER BY id FOR KEY SHARE",
        posts,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// (post, account): those elsewhere whom posts name or address, whose posts they boost, and whom
/// they answer in the open.
pub async fn recipients(conn: &mut PgConnection, posts: &[i64]) -> sqlx::Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        r#"SELECT r.post_id AS "post_id!", r.account_id AS "account_id!"
             FROM (SELECT m.post_id, m.account_id FROM social.post_mention m
                    WHERE m.post_id = ANY($1::bigint[])
                   UNION
                   SELECT p.id, boosted.author_id FROM social.post p
                     JOIN social.post boosted ON boosted.id = p.boost_of_id
                    WHERE p.id = ANY($1::bigint[])
                   UNION
                   SELECT p.id, p.in_reply_to_account_id FROM social.post p
                    WHERE p.id = ANY($1::bigint[]) AND p.visibility <= 1
                      AND p.in_reply_to_account_id IS NOT NULL) r
             JOIN social.account a ON a.id = r.account_id
            WHERE a.domain IS NOT NULL"#,
        posts,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.post_id, row.account_id)).collect())
}

/// Accounts elsewhere that have something to do with a local one, one a host and inbox at least:
/// followers, those it follows, those it named or who named it.
pub async fn acquaintances(
    conn: &mut PgConnection,
    account: i64,
    limit: i64,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"SELECT min(a.id) AS "id!"
             FROM (SELECT follower_id AS id FROM social.follow WHERE target_id = $1
                   UNION
                   SELECT target_id FROM social.follow WHERE follower_id = $1
                   UNION
                   SELECT m.account_id FROM social.post_mention m
                     JOIN social.post p ON p.id = m.post_id
                    WHERE p.author_id = $1
                   UNION
                   SELECT p.author_id FROM social.post_mention m
                     JOIN social.post p ON p.id = m.post_id
                    WHERE m.account_id = $1) known
             JOIN social.account a ON a.id = known.id
            WHERE a.domain IS NOT NULL AND a.suspended_at IS NULL AND a.deleted_at IS NULL
            GROUP BY coalesce(a.shared_inbox_url, a.inbox_url)
            LIMIT $2"#,
        account,
        limit,
    )
    .fetch_all(conn)
    .await
}
