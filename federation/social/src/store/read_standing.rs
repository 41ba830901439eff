//! What viewers have to do with posts.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::Visibility;
use crate::visibility::Standing;

/// What one viewer has to do with one post that exists.
#[derive(Clone, Debug)]
pub struct StandingRow {
    /// The viewer; 0 for strangers.
    pub viewer: i64,
    /// The post.
    pub post: i64,
    /// Its author.
    pub author: i64,
    /// What it boosts.
    pub boost_of: Option<i64>,
    /// Who it is for.
    pub visibility: i16,
    /// The viewer marked it as a favourite.
    pub favourited: bool,
    /// The viewer boosted it.
    pub reblogged: bool,
    /// The viewer bookmarked it.
    pub bookmarked: bool,
    /// The viewer put it on the profile.
    pub pinned: bool,
    /// The viewer muted its thread.
    pub muted: bool,
    /// The viewer turned away from the author: a block, a mute that holds, a blocked domain.
    pub unwanted: bool,
    /// See [`Standing::follows_author`].
    pub follows_author: bool,
    /// See [`Standing::is_mentioned`].
    pub is_mentioned: bool,
    /// See [`Standing::blocked_by_author`].
    pub blocked_by_author: bool,
    /// See [`Standing::author_is_gone`].
    pub author_is_gone: bool,
}

impl StandingRow {
    /// Whether the viewer may see the post. A visibility that we do not know admits nobody.
    pub fn admits(&self) -> bool {
        Visibility::from_number(self.visibility).is_some_and(|visibility| {
            visibility.admits(Standing {
                is_author: self.viewer == self.author,
                follows_author: self.follows_author,
                is_mentioned: self.is_mentioned,
                blocked_by_author: self.blocked_by_author,
                author_is_gone: self.author_is_gone,
            })
        })
    }
}

/// The standing of each viewer (0: a stranger) towards the post at the same place, and towards what
/// that post boosts. One statement, however many.
pub async fn standings(
    pool: &PgPool,
    viewers: &[i64],
    posts: &[i64],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<StandingRow>> {
    sqlx::query_as!(
        StandingRow,
        r#"SELECT w.viewer AS "viewer!", p.id AS "post!", p.author_id AS "author!",
                  p.boost_of_id AS boost_of, p.visibility AS "visibility!",
                  EXISTS (SELECT FROM social.favourite f
                           WHERE f.post_id = p.id AND f.account_id = w.viewer) AS "favourited!",
                  EXISTS (SELECT FROM social.post b
                           WHERE b.boost_of_id = p.id AND b.author_id = w.viewer) AS "reblogged!",
                  EXISTS (SELECT FROM social.bookmark k
                           WHERE k.account_id = w.viewer AND k.post_id = p.id) AS "bookmarked!",
                  EXISTS (SELECT FROM social.pin n
                           WHERE n.account_id = w.viewer AND n.post_id = p.id) AS "pinned!",
                  EXISTS (SELECT FROM social.conversation_mute c
                           WHERE c.account_id = w.viewer
                             AND c.conversation_id = p.conversation_id) AS "muted!",
                  (EXISTS (SELECT FROM social.block x
                            WHERE x.account_id = w.viewer AND x.target_id = p.author_id)
                   OR EXISTS (SELECT FROM social.mute m
                               WHERE m.account_id = w.viewer AND m.target_id = p.author_id
                                 AND (m.expires_at IS NULL OR m.expires_at > $3))
                   OR EXISTS (SELECT FROM social.domain_block d
                               WHERE d.account_id = w.viewer
                                 AND (d.domain = a.domain
                                      OR right(a.domain, length(d.domain) + 1)
                                         = '.' || d.domain))) AS "unwanted!",
                  EXISTS (SELECT FROM social.follow o
                           WHERE o.follower_id = w.viewer AND o.target_id = p.author_id
                             AND o.accepted) AS "follows_author!",
                  EXISTS (SELECT FROM social.post_mention e
                           WHERE e.post_id = p.id
                             AND e.account_id = w.viewer) AS "is_mentioned!",
                  EXISTS (SELECT FROM social.block y
                           WHERE y.account_id = p.author_id
                             AND y.target_id = w.viewer) AS "blocked_by_author!",
                  (a.suspended_at IS NOT NULL OR a.deleted_at IS NOT NULL
                   OR EXISTS (SELECT FROM social.domain_block g
                               WHERE g.account_id IS NULL
                                 AND (g.domain = a.domain
                                      OR right(a.domain, length(g.domain) + 1)
                                         = '.' || g.domain))) AS "author_is_gone!"
             FROM unnest($1::bigint[], $2::bigint[]) AS w(viewer, post)
             JOIN social.post q ON q.id = w.post
            CROSS JOIN LATERAL (VALUES (q.id), (q.boost_of_id)) AS both_posts(id)
             JOIN social.post p ON p.id = both_posts.id
             JOIN social.account a ON a.id = p.author_id"#,
        viewers,
        posts,
        now
    )
    .fetch_all(pool)
    .await
}

/// What viewers chose in polls: the viewer and the poll at the same place.
#[derive(Clone, Debug)]
pub struct VoteRow {
    /// Who voted.
    pub viewer: i64,
    /// In which poll.
    pub poll: i64,
    /// For which options.
    pub positions: Vec<i16>,
}

/// The votes of each viewer in the poll at the same place; none where there are none.
pub async fn votes(pool: &PgPool, viewers: &[i64], polls: &[i64]) -> sqlx::Result<Vec<VoteRow>> {
    sqlx::query_as!(
        VoteRow,
        r#"SELECT v.account_id AS viewer, v.poll_id AS poll,
                  array_agg(v.position ORDER BY v.position) AS "positions!"
             FROM (SELECT DISTINCT * FROM unnest($1::bigint[], $2::bigint[])) AS w(viewer, poll)
             JOIN social.poll_vote v ON v.poll_id = w.poll AND v.account_id = w.viewer
            GROUP BY v.account_id, v.poll_id"#,
        viewers,
        polls
    )
    .fetch_all(pool)
    .await
}
