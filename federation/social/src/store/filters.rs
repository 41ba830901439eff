//! Statements about filters.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::{PgConnection, PgPool};

/// A filter with its words and posts.
#[derive(Clone, Debug)]
pub struct FilterRow {
    pub id: i64,
    pub account_id: i64,
    pub title: String,
    pub contexts: Vec<String>,
    pub action: String,
    pub expires_at: Option<DateTime<Utc>>,
    /// `[{id, keyword, whole_word}]` in order.
    pub keywords: sqlx::types::Json<Vec<KeywordRow>>,
    /// `[{id, post_id}]` in order.
    pub posts: sqlx::types::Json<Vec<PostRow>>,
}

/// A word of a filter.
#[derive(Clone, Debug, Deserialize)]
pub struct KeywordRow {
    pub id: i64,
    pub keyword: String,
    pub whole_word: bool,
}

/// A post of a filter.
#[derive(Clone, Debug, Deserialize)]
pub struct PostRow {
    pub id: i64,
    pub post_id: i64,
}

/// The filters of these accounts, or one of them.
pub async fn filters(
    pool: &PgPool,
    accounts: &[i64],
    filter: Option<i64>,
) -> sqlx::Result<Vec<FilterRow>> {
    sqlx::query_as!(
        FilterRow,
        r#"SELECT f.id, f.account_id, f.title, f.contexts, f.action, f.expires_at,
                  coalesce((SELECT json_agg(json_build_object('id', k.id, 'keyword', k.keyword,
                                                              'whole_word', k.whole_word)
                                            ORDER BY k.id)
                              FROM social.filter_keyword k WHERE k.filter_id = f.id), '[]')
                    AS "keywords!: _",
                  coalesce((SELECT json_agg(json_build_object('id', p.id, 'post_id', p.post_id)
                                            ORDER BY p.id)
                              FROM social.filter_post p WHERE p.filter_id = f.id), '[]')
                    AS "posts!: _"
             FROM social.filter f
            WHERE f.account_id = ANY($1::bigint[]) AND ($2::bigint IS NULL OR f.id = $2)
            ORDER BY f.id"#,
        accounts,
        filter,
    )
    .fetch_all(pool)
    .await
}

/// The filter of an account that this word belongs to.
pub async fn of_keyword(pool: &PgPool, account: i64, keyword: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT f.id FROM social.filter f
           JOIN social.filter_keyword k ON k.filter_id = f.id
          WHERE k.id = $2 AND f.account_id = $1",
        account,
        keyword,
    )
    .fetch_optional(pool)
    .await
}

/// The filter of an account that this entry of a post belongs to.
pub async fn of_post(pool: &PgPool, account: i64, entry: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT f.id FROM social.filter f
           JOIN social.filter_post p ON p.filter_id = f.id
          WHERE p.id = $2 AND f.account_id = $1",
        account,
        entry,
    )
    .fetch_optional(pool)
    .await
}

/// What of a filter is written; what is `None` stays.
pub struct Columns<'a> {
    pub title: Option<&'a str>,
    pub contexts: Option<&'a [String]>,
    pub action: Option<&'a str>,
    pub sets_expiry: bool,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Creates a filter that has nothing in it.
pub async fn insert(
    conn: &mut PgConnection,
    id: i64,
    account: i64,
    columns: &Columns<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.filter (id, account_id, title, contexts, action, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        account,
        columns.title.unwrap_or_default(),
        columns.contexts.unwrap_or_default(),
        columns.action.unwrap_or("warn"),
        columns.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes a filter and locks it; whether the account has it.
pub async fn update(
    conn: &mut PgConnection,
    account: i64,
    id: i64,
    columns: &Columns<'_>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE social.filter
            SET title = coalesce($3, title), contexts = coalesce($4, contexts),
                action = coalesce($5, action),
                expires_at = CASE WHEN $6 THEN $7 ELSE expires_at END
          WHERE id = $2 AND account_id = $1",
        account,
        id,
        columns.title,
        columns.contexts,
        columns.action,
        columns.sets_expiry,
        columns.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a filter; whether the account had it.
pub async fn delete(conn: &mut PgConnection, account: i64, id: i64) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("DELETE FROM social.filter WHERE id = $2 AND account_id = $1", account, id)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Adds a word.
pub async fn insert_keyword(
    conn: &mut PgConnection,
    id: i64,
    filter: i64,
    keyword: &str,
    whole_word: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.filter_keyword (id, filter_id, keyword, whole_word)
         VALUES ($1, $2, $3, $4)",
        id,
        filter,
        keyword,
        whole_word,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes a word, what is `None` stays; whether the filter has it.
pub async fn update_keyword(
    conn: &mut PgConnection,
    id: i64,
    filter: i64,
    keyword: Option<&str>,
    whole_word: Option<bool>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE social.filter_keyword
            SET keyword = coalesce($3, keyword), whole_word = coalesce($4, whole_word)
          WHERE id = $1 AND filter_id = $2",
        id,
        filter,
        keyword,
        whole_word,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a word; whether the filter had it.
pub async fn delete_keyword(conn: &mut PgConnection, id: i64, filter: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM social.filter_keyword WHERE id = $1 AND filter_id = $2",
        id,
        filter,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Adds a post, or finds it there: the entry's id.
pub async fn insert_post(
    conn: &mut PgConnection,
    id: i64,
    filter: i64,
    post: i64,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO social.filter_post (id, filter_id, post_id) VALUES ($1, $2, $3)
         ON CONFLICT (filter_id, post_id) DO UPDATE SET post_id = excluded.post_id
         RETURNING id",
        id,
        filter,
        post,
    )
    .fetch_one(conn)
    .await
}

/// Removes an entry of a post; whether the filter had it.
pub async fn delete_post(conn: &mut PgConnection, id: i64, filter: i64) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("DELETE FROM social.filter_post WHERE id = $1 AND filter_id = $2", id, filter)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// How many filters the account has, and words, characters in words and posts the filter has.
pub async fn sizes(conn: &mut PgConnection, account: i64, filter: i64) -> sqlx::Result<[i64; 4]> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM social.filter WHERE account_id = $1) AS "filters!",
                  (SELECT count(*) FROM social.filter_keyword WHERE filter_id = $2) AS "words!",
                  (SELECT coalesce(sum(length(keyword)), 0) FROM social.filter_keyword
                    WHERE filter_id = $2) AS "characters!",
                  (SELECT count(*) FROM social.filter_post WHERE filter_id = $2) AS "posts!""#,
        account,
        filter,
    )
    .fetch_one(conn)
    .await?;
    Ok([row.filters, row.words, row.characters, row.posts])
}
