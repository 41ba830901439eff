//! Relations between accounts, looked up by what remote servers call them.

use sqlx::PgConnection;

use crate::{AccountId, PostId};

/// Whether one of our accounts wants nothing of another: it blocks it, or its host.
pub(crate) async fn is_turned_away(
    conn: &mut PgConnection,
    account: AccountId,
    other: AccountId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM social.block WHERE account_id = $1 AND target_id = $2)
               OR EXISTS (SELECT FROM social.domain_block hidden
                            JOIN social.account other ON other.id = $2
                           WHERE hidden.account_id = $1
                             AND (other.domain = hidden.domain
                                  OR right(other.domain, length(hidden.domain) + 1)
                                     = '.' || hidden.domain)) AS "turned_away!""#,
        account.number(),
        other.number()
    )
    .fetch_one(conn)
    .await
}

/// Two accounts of a follow or a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) from: AccountId,
    pub(crate) to: AccountId,
}

/// The follow with this id: from the follower to whom he follows.
pub(crate) async fn follow_by_uri(
    conn: &mut PgConnection,
    uri: &str,
) -> sqlx::Result<Option<Pair>> {
    sqlx::query_as!(
        Pair,
        r#"SELECT follower_id AS "from: AccountId", target_id AS "to: AccountId"
             FROM social.follow WHERE uri = $1 ORDER BY id LIMIT 1"#,
        uri
    )
    .fetch_optional(conn)
    .await
}

/// The block by this account with this id.
pub(crate) async fn block_by_uri(
    conn: &mut PgConnection,
    account: AccountId,
    uri: &str,
) -> sqlx::Result<Option<Pair>> {
    sqlx::query_as!(
        Pair,
        r#"SELECT account_id AS "from: AccountId", target_id AS "to: AccountId"
             FROM social.block WHERE account_id = $1 AND uri = $2 LIMIT 1"#,
        account.number(),
        uri
    )
    .fetch_optional(conn)
    .await
}

/// The post that this account favourited with this activity.
pub(crate) async fn favourite_by_uri(
    conn: &mut PgConnection,
    account: AccountId,
    uri: &str,
) -> sqlx::Result<Option<PostId>> {
    sqlx::query_scalar!(
        r#"SELECT post_id AS "post_id: PostId" FROM social.favourite
            WHERE account_id = $1 AND uri = $2 LIMIT 1"#,
        account.number(),
        uri
    )
    .fetch_optional(conn)
    .await
}

/// This account's boost of a post.
pub(crate) async fn boost_of(
    conn: &mut PgConnection,
    account: AccountId,
    post: PostId,
) -> sqlx::Result<Option<PostId>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: PostId" FROM social.post WHERE boost_of_id = $2 AND author_id = $1"#,
        account.number(),
        post.number()
    )
    .fetch_optional(conn)
    .await
}

/// Whether an account follows a post's author or is named by it.
pub(crate) async fn can_know(
    conn: &mut PgConnection,
    post: PostId,
    account: AccountId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM social.post_mention
                           WHERE post_id = $1 AND account_id = $2)
               OR EXISTS (SELECT FROM social.post
                            JOIN social.follow ON target_id = author_id AND accepted
                           WHERE post.id = $1 AND visibility = 2 AND follower_id = $2)
                  AS "can_know!""#,
        post.number(),
        account.number()
    )
    .fetch_one(conn)
    .await
}

/// A local follower of an account, with what he wants of it.
#[derive(Debug)]
pub(crate) struct LocalFollower {
    pub(crate) id: AccountId,
    pub(crate) uri: String,
    pub(crate) show_boosts: bool,
    pub(crate) notify: bool,
    pub(crate) languages: Option<Vec<String>>,
}

/// Local followers of an account, some of them.
pub(crate) async fn local_followers(
    conn: &mut PgConnection,
    target: AccountId,
    limit: i64,
) -> sqlx::Result<Vec<LocalFollower>> {
    sqlx::query_as!(
        LocalFollower,
        r#"SELECT follower.id AS "id: AccountId", follower.uri, show_boosts, notify, languages
             FROM social.follow JOIN social.account follower ON follower.id = follower_id
            WHERE target_id = $1 AND accepted AND follower.domain IS NULL
            ORDER BY follow.id LIMIT $2"#,
        target.number(),
        limit
    )
    .fetch_all(conn)
    .await
}
