//! Which posts are on a page of a timeline, by number. What they are is loaded apart.

use sqlx::{PgPool, Postgres, QueryBuilder};

use super::read_pages::{PageRow, Window, fetch, push_bounds, push_order, push_window};
use super::visibility::{
    Asker, JOIN_BOOSTED, POST, push_admits, push_may_see, push_wanted, push_wants_to_see,
};
use crate::read::{AccountFilter, PublicFilter, TagFilter};

/// The viewer's home timeline.
pub async fn home(
    pool: &PgPool,
    asker: Asker,
    viewer: i64,
    window: Window,
) -> sqlx::Result<Vec<PageRow>> {
    let mut query = QueryBuilder::new(
        "SELECT h.post_id AS place, h.post_id AS id FROM social.home_entry h \
         JOIN social.post p ON p.id = h.post_id JOIN social.account a ON a.id = p.author_id",
    );
    query.push(JOIN_BOOSTED).push("WHERE h.account_id = ").push_bind(viewer);
    push_bounds(&mut query, window, "h.post_id");
    query.push(" AND ");
    push_may_see(&mut query, asker);
    query.push(" AND ");
    push_wants_to_see(&mut query, asker);
    push_order(&mut query, window, "h.post_id");
    fetch(pool, &mut query).await
}

/// Public posts without boosts and without replies to others.
pub async fn public(
    pool: &PgPool,
    asker: Asker,
    filter: PublicFilter,
    window: Window,
) -> sqlx::Result<Vec<PageRow>> {
    let mut query = QueryBuilder::new(
        "SELECT p.id AS place, p.id FROM social.post p \
         JOIN social.account a ON a.id = p.author_id \
         WHERE p.visibility = 0 AND p.boost_of_id IS NULL \
           AND (p.in_reply_to_uri IS NULL AND p.in_reply_to_id IS NULL \
                OR p.in_reply_to_account_id = p.author_id)",
    );
    push_public_filter(&mut query, filter);
    push_bounds(&mut query, window, "p.id");
    query.push(" AND ");
    push_admits(&mut query, asker, POST);
    query.push(" AND ");
    push_wanted(&mut query, asker, "a");
    push_order(&mut query, window, "p.id");
    fetch(pool, &mut query).await
}

/// Public posts with a hashtag; names in lower case.
pub async fn tagged(
    pool: &PgPool,
    asker: Asker,
    name: &str,
    filter: &TagFilter,
    window: Window,
) -> sqlx::Result<Vec<PageRow>> {
    let mut query = QueryBuilder::new("SELECT t.post_id AS place, t.post_id AS id FROM ");
    if filter.any.is_empty() {
        query.push("social.post_tag t ");
    } else {
        let mut names = filter.any.clone();
        names.push(name.to_owned());
        query
            .push("(SELECT DISTINCT post_id FROM social.post_tag WHERE name = ANY(")
            .push_bind(names)
            .push(")");
        push_bounds(&mut query, window, "post_id");
        query.push(") t ");
    }
    query.push(
        "JOIN social.post p ON p.id = t.post_id JOIN social.account a ON a.id = p.author_id \
         WHERE p.visibility = 0 AND p.boost_of_id IS NULL",
    );
    if filter.any.is_empty() {
        query.push(" AND t.name = ").push_bind(name.to_owned());
    }
    for wanted in &filter.all {
        query
            .push(" AND EXISTS (SELECT FROM social.post_tag o WHERE o.post_id = p.id AND o.name = ")
            .push_bind(wanted.clone())
            .push(")");
    }
    if !filter.none.is_empty() {
        query
            .push(
                " AND NOT EXISTS (SELECT FROM social.post_tag o \
                   WHERE o.post_id = p.id AND o.name = ANY(",
            )
            .push_bind(filter.none.clone())
            .push("))");
    }
    push_public_filter(&mut query, filter.public);
    push_bounds(&mut query, window, "t.post_id");
    query.push(" AND ");
    push_admits(&mut query, asker, POST);
    query.push(" AND ");
    push_wanted(&mut query, asker, "a");
    push_order(&mut query, window, "t.post_id");
    fetch(pool, &mut query).await
}

fn push_public_filter(query: &mut QueryBuilder<Postgres>, filter: PublicFilter) {
    if filter.local {
        query.push(" AND p.local");
    }
    if filter.remote {
        query.push(" AND NOT p.local");
    }
    if filter.only_media {
        query.push(ONLY_MEDIA);
    }
}

const ONLY_MEDIA: &str = " AND EXISTS (SELECT FROM social.media om WHERE om.post_id = p.id)";

/// Posts of a list's members. `replies`: the list's policy, see [`crate::read::entities::List`].
pub async fn list(
    pool: &PgPool,
    asker: Asker,
    list: i64,
    replies: &str,
    window: Window,
) -> sqlx::Result<Vec<PageRow>> {
    // A member's newest posts come from the index by author; merging them is cheap.
    let mut query = QueryBuilder::new(
        "SELECT n.id AS place, n.id FROM social.list_member l CROSS JOIN LATERAL (\
         SELECT p.id FROM social.post p JOIN social.account a ON a.id = p.author_id",
    );
    query.push(JOIN_BOOSTED).push(
        "WHERE p.author_id = l.account_id AND p.visibility < 3 \
         AND (p.in_reply_to_uri IS NULL AND p.in_reply_to_id IS NULL \
              OR p.in_reply_to_account_id = p.author_id",
    );
    match replies {
        "none" => {}
        "followed" => {
            query
                .push(
                    " OR EXISTS (SELECT FROM social.follow rf WHERE rf.accepted \
                       AND rf.target_id = p.in_reply_to_account_id AND rf.follower_id = ",
                )
                .push_bind(asker.viewer)
                .push(")");
        }
        _ => {
            query
                .push(
                    " OR EXISTS (SELECT FROM social.list_member rl \
                       WHERE rl.account_id = p.in_reply_to_account_id AND rl.list_id = ",
                )
                .push_bind(list)
                .push(") OR p.in_reply_to_account_id = ")
                .push_bind(asker.viewer);
        }
    }
    query.push(")");
    push_bounds(&mut query, window, "p.id");
    query.push(" AND ");
    push_may_see(&mut query, asker);
    query.push(" AND ");
    push_wants_to_see(&mut query, asker);
    push_order(&mut query, window, "p.id");
    query.push(") n WHERE l.list_id = ").push_bind(list);
    push_order(&mut query, window, "n.id");
    fetch(pool, &mut query).await
}

/// Posts of one account.
pub async fn by_author(
    pool: &PgPool,
    asker: Asker,
    author: i64,
    filter: &AccountFilter,
    window: Window,
) -> sqlx::Result<Vec<PageRow>> {
    let (columns, place) = if filter.pinned {
        (
            "SELECT n.id AS place, p.id FROM social.pin n JOIN social.post p \
             ON p.id = n.post_id AND p.author_id = n.account_id",
            "n.id",
        )
    } else {
        ("SELECT p.id AS place, p.id FROM social.post p", "p.id")
    };
    let mut query = QueryBuilder::new(columns);
    query
        .push(" JOIN social.account a ON a.id = p.author_id")
        .push(JOIN_BOOSTED)
        .push("WHERE p.author_id = ")
        .push_bind(author);
    if filter.only_media {
        query.push(ONLY_MEDIA);
    }
    if filter.exclude_replies {
        query.push(
            " AND (p.in_reply_to_uri IS NULL AND p.in_reply_to_id IS NULL \
               OR p.in_reply_to_account_id = p.author_id)",
        );
    }
    if filter.exclude_reblogs {
        query.push(" AND p.boost_of_id IS NULL");
    }
    if let Some(name) = &filter.tagged {
        query
            .push(" AND EXISTS (SELECT FROM social.post_tag t WHERE t.post_id = p.id AND t.name = ")
            .push_bind(name.to_lowercase())
            .push(")");
    }
    push_bounds(&mut query, window, place);
    query.push(" AND ");
    push_may_see(&mut query, asker);
    query.push(" AND (p.boost_of_id IS NULL OR ");
    push_wanted(&mut query, asker, "ia");
    query.push(")");
    push_order(&mut query, window, place);
    fetch(pool, &mut query).await
}

/// A person's marks on posts.
#[derive(Clone, Copy, Debug)]
pub enum Marks {
    /// Favourites.
    Favourites,
    /// Bookmarks.
    Bookmarks,
}

/// What the viewer marked.
pub async fn marked(
    pool: &PgPool,
    asker: Asker,
    marks: Marks,
    viewer: i64,
    window: Window,
) -> sqlx::Result<Vec<PageRow>> {
    let mut query = QueryBuilder::new(match marks {
        Marks::Favourites => "SELECT m.id AS place, m.post_id AS id FROM social.favourite m",
        Marks::Bookmarks => "SELECT m.id AS place, m.post_id AS id FROM social.bookmark m",
    });
    query
        .push(" JOIN social.post p ON p.id = m.post_id JOIN social.account a ON a.id = p.author_id")
        .push(" WHERE m.account_id = ")
        .push_bind(viewer)
        .push(" AND ");
    push_admits(&mut query, asker, POST);
    push_window(&mut query, window, "m.id");
    fetch(pool, &mut query).await
}

/// The newest direct post of each thread that the viewer takes part in; `id` is the thread's.
pub async fn conversations(
    pool: &PgPool,
    asker: Asker,
    viewer: i64,
    window: Window,
) -> sqlx::Result<Vec<PageRow>> {
    let mut query = QueryBuilder::new(
        "SELECT n.place, n.id FROM (\
         SELECT max(p.id) AS place, p.conversation_id AS id FROM (\
         SELECT d.id FROM social.post d WHERE d.visibility = 3 AND d.author_id = ",
    );
    query
        .push_bind(viewer)
        .push(
            " UNION SELECT m.post_id FROM social.post_mention m \
             JOIN social.post d ON d.id = m.post_id \
             WHERE d.visibility = 3 AND m.account_id = ",
        )
        .push_bind(viewer)
        .push(
            ") mine JOIN social.post p ON p.id = mine.id \
             JOIN social.account a ON a.id = p.author_id WHERE ",
        );
    push_admits(&mut query, asker, POST);
    query.push(" AND ");
    push_wanted(&mut query, asker, "a");
    query.push(" GROUP BY p.conversation_id) n WHERE true");
    push_window(&mut query, window, "n.place");
    fetch(pool, &mut query).await
}

/// Who takes part in these direct posts: authors and those they name.
pub async fn participants(pool: &PgPool, posts: &[i64]) -> sqlx::Result<Vec<PageRow>> {
    sqlx::query_as!(
        PageRow,
        r#"SELECT p.id AS "place!", p.author_id AS "id!"
             FROM social.post p WHERE p.id = ANY($1)
            UNION
           SELECT m.post_id, m.account_id
             FROM social.post_mention m WHERE m.post_id = ANY($1)"#,
        posts
    )
    .fetch_all(pool)
    .await
}

/// The thread that a post belongs to.
pub async fn thread_of(pool: &PgPool, post: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT conversation_id FROM social.post WHERE id = $1", post)
        .fetch_optional(pool)
        .await
}
