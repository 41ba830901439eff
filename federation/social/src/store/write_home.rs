//! Statements that keep the home timelines: fan-out when a post arrives, and clearing.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Posts to hand to their readers, one vector a column.
#[derive(Default)]
pub struct HomeColumns<'a> {
    pub post_id: Vec<i64>,
    pub author_id: Vec<i64>,
    pub boost_of_id: Vec<Option<i64>>,
    /// Whether the post answers another, known or not.
    pub is_reply: Vec<bool>,
    pub reply_to_account_id: Vec<Option<i64>>,
    pub visibility: Vec<i16>,
    pub language: Vec<Option<&'a str>>,
}

/// A home timeline that got a post.
pub struct HomeEntry {
    pub account_id: i64,
    pub post_id: i64,
    /// Whether its owner asked to be told of every post of this author.
    pub notify: bool,
}

/// Puts posts into the home timelines of their authors and of local followers, by the rules of
/// Mastodon's feed manager (`app/lib/feed_manager.rb`, `filter_from_home`):
///
/// - a direct post only where the follower is named;
/// - an answer only where the follower also follows whom it answers, or is that person, or where
///   the author answers himself; never while the answered post is unknown;
/// - no post by, boosting or naming someone the follower blocks or mutes, nor by someone who
///   blocks the follower;
/// - a boost only where the follower wants the author's boosts, is not blocked by the boosted
///   author, and has neither the post nor another boost of it among the newest 40;
/// - only the languages that the follower asked of this author;
/// - nothing of members of the follower's exclusive lists.
pub async fn fan_out(
    conn: &mut PgConnection,
    columns: &HomeColumns<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<HomeEntry>> {
    sqlx::query_as!(
        HomeEntry,
        r#"WITH item AS (
             SELECT item.*, boosted.author_id AS boosted_author_id
               FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[], $5::bigint[],
                           $6::smallint[], $7::text[])
                    AS item(post_id, author_id, boost_of_id, is_reply, reply_to_account_id,
                            visibility, language)
               LEFT JOIN social.post boosted ON boosted.id = item.boost_of_id
           ), reader AS (
             SELECT l.account_id, item.post_id, item.author_id, item.boost_of_id, false AS notify
               FROM item
               JOIN social.local_account l ON l.account_id = item.author_id
             UNION ALL
             SELECT l.account_id, item.post_id, item.author_id, item.boost_of_id,
                    f.notify AND item.boost_of_id IS NULL
                      AND (NOT item.is_reply OR item.reply_to_account_id = item.author_id)
               FROM item
               JOIN social.follow f ON f.target_id = item.author_id AND f.accepted
               JOIN social.local_account l ON l.account_id = f.follower_id
              WHERE (item.visibility <> 3
                     OR EXISTS (SELECT FROM social.post_mention m
                                 WHERE m.post_id = item.post_id AND m.account_id = l.account_id))
                AND (NOT item.is_reply
                     OR item.reply_to_account_id IN (l.account_id, item.author_id)
                     OR EXISTS (SELECT FROM social.follow also
                                 WHERE also.follower_id = l.account_id
                                   AND also.target_id = item.reply_to_account_id
                                   AND also.accepted))
                AND (f.languages IS NULL OR item.language IS NULL
                     OR item.language = ANY(f.languages))
                AND NOT EXISTS (SELECT FROM social.block b
                                 WHERE b.account_id = l.account_id
                                   AND b.target_id IN (item.author_id, item.boosted_author_id))
                AND NOT EXISTS (SELECT FROM social.block b
                                 WHERE b.target_id = l.account_id
                                   AND b.account_id IN (item.author_id, item.boosted_author_id))
                AND NOT EXISTS (SELECT FROM social.mute m
                                 WHERE m.account_id = l.account_id
                                   AND m.target_id IN (item.author_id, item.boosted_author_id)
                                   AND (m.expires_at IS NULL OR m.expires_at > $8))
                AND NOT EXISTS (SELECT FROM social.post_mention named
                                 WHERE named.post_id
                                       IN (item.post_id, coalesce(item.boost_of_id, item.post_id))
                                   AND NOT named.silent
                                   AND (EXISTS (SELECT FROM social.block b
                                                 WHERE b.account_id = l.account_id
                                                   AND b.target_id = named.account_id)
                                     OR EXISTS (SELECT FROM social.mute m
                                                 WHERE m.account_id = l.account_id
                                                   AND m.target_id = named.account_id
                                                   AND (m.expires_at IS NULL
                                                        OR m.expires_at > $8))))
                AND NOT EXISTS (SELECT FROM social.list exclusive
                                  JOIN social.list_member member
                                    ON member.list_id = exclusive.id
                                 WHERE exclusive.account_id = l.account_id
                                   AND exclusive.exclusive
                                   AND member.account_id = item.author_id)
                AND (item.boost_of_id IS NULL
                     OR (f.show_boosts
                         AND NOT EXISTS (
                           SELECT FROM social.domain_block d
                             JOIN social.account boosted ON boosted.id = item.boosted_author_id
                            WHERE d.account_id = l.account_id
                              AND (boosted.domain = d.domain
                                   OR right(boosted.domain, length(d.domain) + 1) = '.' || d.domain))
                         AND NOT EXISTS (
                           SELECT FROM (SELECT h.post_id, h.boost_of_id
                                          FROM social.home_entry h
                                         WHERE h.account_id = l.account_id
                                         ORDER BY h.post_id DESC
                                         LIMIT 40) newest
                            WHERE item.boost_of_id IN (newest.post_id, newest.boost_of_id))))
           ), entered AS (
             INSERT INTO social.home_entry (account_id, post_id, author_id, boost_of_id)
             SELECT reader.account_id, reader.post_id, reader.author_id, reader.boost_of_id
               FROM reader
             ON CONFLICT DO NOTHING
             RETURNING account_id, post_id
           )
           SELECT e.account_id AS "account_id!", e.post_id AS "post_id!",
                  bool_or(reader.notify) AS "notify!"
             FROM entered e
             JOIN reader USING (account_id, post_id)
            GROUP BY e.account_id, e.post_id"#,
        &columns.post_id,
        &columns.author_id,
        &columns.boost_of_id as &[Option<i64>],
        &columns.is_reply,
        &columns.reply_to_account_id as &[Option<i64>],
        &columns.visibility,
        &columns.language as &[Option<&str>],
        now,
    )
    .fetch_all(conn)
    .await
}

/// Puts public posts into the home timelines of local people who follow one of their hashtags.
pub async fn fan_out_tags(
    conn: &mut PgConnection,
    posts: &[i64],
    authors: &[i64],
    tags: &[&str],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<HomeEntry>> {
    sqlx::query_as!(
        HomeEntry,
        r#"INSERT INTO social.home_entry (account_id, post_id, author_id)
           SELECT DISTINCT t.account_id, item.post_id, item.author_id
             FROM unnest($1::bigint[], $2::bigint[], $3::text[])
                  AS item(post_id, author_id, tag)
             JOIN social.followed_tag t ON t.name = item.tag
             JOIN social.account author ON author.id = item.author_id
            WHERE NOT EXISTS (SELECT FROM social.block b
                               WHERE (b.account_id = t.account_id AND b.target_id = item.author_id)
                                  OR (b.target_id = t.account_id AND b.account_id = item.author_id))
              AND NOT EXISTS (SELECT FROM social.mute m
                               WHERE m.account_id = t.account_id AND m.target_id = item.author_id
                                 AND (m.expires_at IS NULL OR m.expires_at > $4))
              AND NOT EXISTS (SELECT FROM social.domain_block d
                               WHERE d.account_id = t.account_id
                                 AND (author.domain = d.domain
                                      OR right(author.domain, length(d.domain) + 1) = '.' || d.domain))
           ON CONFLICT DO NOTHING
           RETURNING account_id, post_id, false AS "notify!""#,
        posts,
        authors,
        tags as &[&str],
        now,
    )
    .fetch_all(conn)
    .await
}

/// Fills home timelines of local followers with the newest posts of someone they follow from now
/// on, pair by pair, at most `limit` posts each.
pub async fn merge(
    conn: &mut PgConnection,
    followers: &[i64],
    targets: &[i64],
    limit: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.home_entry (account_id, post_id, author_id)
         SELECT pair.follower_id, newest.id, pair.target_id
           FROM unnest($1::bigint[], $2::bigint[]) AS pair(follower_id, target_id)
           JOIN social.local_account l ON l.account_id = pair.follower_id
          CROSS JOIN LATERAL (
                SELECT p.id
                  FROM social.post p
                 WHERE p.author_id = pair.target_id
                   AND p.visibility <= 2
                   AND p.boost_of_id IS NULL
                   AND (p.in_reply_to_uri IS NULL AND p.in_reply_to_account_id IS NULL
                        OR p.in_reply_to_account_id IN (pair.follower_id, pair.target_id))
                 ORDER BY p.id DESC
                 LIMIT $3) newest
         ON CONFLICT DO NOTHING",
        followers,
        targets,
        limit,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes what `owners` have of `authors` in their home timelines, pair by pair; boosts by others
/// of the author's posts too where `boosts_by_others` says so.
pub async fn clear(
    conn: &mut PgConnection,
    owners: &[i64],
    authors: &[i64],
    boosts_by_others: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.home_entry h
          USING unnest($1::bigint[], $2::bigint[]) AS pair(owner_id, author_id)
          WHERE h.account_id = pair.owner_id
            AND (h.author_id = pair.author_id
                 OR ($3 AND h.boost_of_id IS NOT NULL
                     AND EXISTS (SELECT FROM social.post boosted
                                  WHERE boosted.id = h.boost_of_id
                                    AND boosted.author_id = pair.author_id)))",
        owners,
        authors,
        boosts_by_others,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes all that accounts wrote or boosted from every home timeline.
pub async fn clear_everywhere(conn: &mut PgConnection, authors: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.home_entry h
          USING social.post p
          WHERE p.author_id = ANY($1::bigint[]) AND h.post_id = p.id",
        authors,
    )
    .execute(conn)
    .await?;
    Ok(())
}
