//! Search in Postgres: trigrams for names, full text for posts.

use sqlx::{PgPool, Postgres, QueryBuilder};

use super::visibility::{Asker, POST, push_admits, push_wanted};

/// Which part of the matches is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// How many to skip.
    pub offset: i64,
    /// How many to give.
    pub limit: i64,
}

/// Accounts whose handle begins with `handle` (`name` or `name@domain`, in lower case) or whose
/// name holds `text` or a word like it; the asker's own follows first, then the better known.
pub async fn accounts(
    pool: &PgPool,
    asker: Asker,
    handle: (&str, Option<&str>),
    text: &str,
    only_followed: bool,
    part: Part,
) -> sqlx::Result<Vec<i64>> {
    let (username, domain) = handle;
    let mut query: QueryBuilder<Postgres> = QueryBuilder::new(
        "SELECT a.id FROM social.account a \
         LEFT JOIN social.follow f ON f.accepted AND f.target_id = a.id AND f.follower_id = ",
    );
    query
        .push_bind(asker.viewer)
        .push(
            " WHERE a.deleted_at IS NULL AND a.suspended_at IS NULL AND a.kind <> 'Application' \
             AND (lower(a.username) LIKE ",
        )
        .push_bind(format!("{}%", escape_like(username)));
    match domain {
        Some(domain) => {
            query
                .push(" AND coalesce(a.domain, '') LIKE ")
                .push_bind(format!("{}%", escape_like(domain)));
        }
        None => {
            query
                .push(" OR lower(a.display_name) LIKE ")
                .push_bind(format!("%{}%", escape_like(text)))
                .push(" OR ")
                .push_bind(text.to_owned())
                .push(" <% lower(a.display_name)");
        }
    }
    query.push(")");
    if only_followed {
        query.push(" AND f.id IS NOT NULL");
    }
    query.push(" AND ");
    push_wanted(&mut query, asker, "a");
    query
        .push(" ORDER BY lower(a.username) = ")
        .push_bind(username.to_owned())
        .push(" DESC, f.id IS NOT NULL DESC, a.domain IS NULL DESC, a.followers_count DESC, a.id")
        .push(" LIMIT ")
        .push_bind(part.limit)
        .push(" OFFSET ")
        .push_bind(part.offset);
    query.build_query_scalar().fetch_all(pool).await
}

/// Hashtags that begin with this, the most used first, among the newest 50,000 uses.
pub async fn tags(pool: &PgPool, prefix: &str, part: Part) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT name FROM (SELECT name FROM social.post_tag
                              WHERE name LIKE $1 ORDER BY name LIMIT 50000) t
            GROUP BY name ORDER BY name = $2 DESC, count(*) DESC, name
            LIMIT $3 OFFSET $4"#,
        format!("{}%", escape_like(prefix)),
        prefix,
        part.limit,
        part.offset
    )
    .fetch_all(pool)
    .await
}

/// Posts with these words that the viewer may find, newest first: its own, those that name it,
/// those it marked, and public ones of authors who allow it. `words` as in a web search:
/// `"exact phrase"`, `-without`, `or`.
pub async fn posts(
    pool: &PgPool,
    asker: Asker,
    viewer: i64,
    words: &str,
    by: Option<i64>,
    part: Part,
) -> sqlx::Result<Vec<i64>> {
    let mut query: QueryBuilder<Postgres> = QueryBuilder::new(
        "SELECT p.id FROM social.post p JOIN social.account a ON a.id = p.author_id \
         WHERE p.boost_of_id IS NULL \
           AND to_tsvector('simple', p.spoiler_text || ' ' || p.content_html) \
               @@ websearch_to_tsquery('simple', ",
    );
    query.push_bind(words.to_owned()).push(") AND (p.author_id = ").push_bind(viewer);
    for marked in [
        " OR EXISTS (SELECT FROM social.post_mention m WHERE m.post_id = p.id AND m.account_id = ",
        " OR EXISTS (SELECT FROM social.favourite m WHERE m.post_id = p.id AND m.account_id = ",
        " OR EXISTS (SELECT FROM social.bookmark m WHERE m.post_id = p.id AND m.account_id = ",
    ] {
        query.push(marked).push_bind(viewer).push(")");
    }
    query.push(" OR (p.visibility = 0 AND a.indexable))");
    if let Some(author) = by {
        query.push(" AND p.author_id = ").push_bind(author);
    }
    query.push(" AND ");
    push_admits(&mut query, asker, POST);
    query.push(" AND ");
    push_wanted(&mut query, asker, "a");
    query
        .push(" ORDER BY p.id DESC LIMIT ")
        .push_bind(part.limit)
        .push(" OFFSET ")
        .push_bind(part.offset);
    query.build_query_scalar().fetch_all(pool).await
}

/// The text with LIKE's own characters taken literally.
fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns_in_a_query_are_only_text() {
        assert_eq!(super::escape_like(r"50%_a\b"), r"50\%\_a\\b");
    }
}
