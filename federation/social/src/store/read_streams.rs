//! Who listens to what, for live streams.

use sqlx::PgPool;

/// Which of these accounts have the post in their home timeline.
pub async fn have_at_home(pool: &PgPool, post: i64, accounts: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT account_id FROM social.home_entry WHERE post_id = $1 AND account_id = ANY($2)",
        post,
        accounts
    )
    .fetch_all(pool)
    .await
}

/// A list and its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListOwner {
    pub list: i64,
    pub owner: i64,
}

/// Which of these lists show the post: the same rule as the list's timeline.
pub async fn lists_that_show(
    pool: &PgPool,
    post: i64,
    lists: &[i64],
) -> sqlx::Result<Vec<ListOwner>> {
    sqlx::query_as!(
        ListOwner,
        r#"SELECT l.id AS list, l.account_id AS owner
             FROM social.post p
             JOIN social.list_member m ON m.account_id = p.author_id
             JOIN social.list l ON l.id = m.list_id
            WHERE p.id = $1 AND l.id = ANY($2) AND p.visibility < 3
              AND (p.in_reply_to_uri IS NULL AND p.in_reply_to_id IS NULL
                   OR p.in_reply_to_account_id = p.author_id
                   OR CASE l.replies_policy
                      WHEN 'none' THEN false
                      WHEN 'followed' THEN
                           EXISTS (SELECT FROM social.follow f
                                    WHERE f.accepted AND f.follower_id = l.account_id
                                      AND f.target_id = p.in_reply_to_account_id)
                      ELSE p.in_reply_to_account_id = l.account_id
                           OR EXISTS (SELECT FROM social.list_member r
                                       WHERE r.list_id = l.id
                                         AND r.account_id = p.in_reply_to_account_id)
                      END)"#,
        post,
        lists
    )
    .fetch_all(pool)
    .await
}

/// Which of these accounts the direct post is for: its author and those it names.
pub async fn takes_part(pool: &PgPool, post: i64, accounts: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"SELECT author_id AS "id!" FROM social.post
            WHERE id = $1 AND visibility = 3 AND author_id = ANY($2)
            UNION
           SELECT m.account_id FROM social.post_mention m JOIN social.post p ON p.id = m.post_id
            WHERE m.post_id = $1 AND p.visibility = 3 AND m.account_id = ANY($2)"#,
        post,
        accounts
    )
    .fetch_all(pool)
    .await
}
