//! The SQL push-down of [`Visibility::admits`](crate::Visibility::admits), and of what a viewer
//! does not want to see. Pushed into statements that page, so that pages are full.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};

/// Who asks, and when: mutes end.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The viewer's number; none for strangers.
    pub viewer: Option<i64>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Names that a statement gives to a post's row and to its author's row.
#[derive(Clone, Copy, Debug)]
pub struct Aliases {
    /// Row of `social.post`.
    pub post: &'static str,
    /// Row of `social.account`.
    pub author: &'static str,
}

/// The post of a page.
pub const POST: Aliases = Aliases { post: "p", author: "a" };
/// What it boosts; all null where it is no boost.
pub const BOOSTED: Aliases = Aliases { post: "i", author: "ia" };

/// Pushes a condition (in parentheses) that is true where the asker may see the post.
pub fn push_admits(query: &mut QueryBuilder<Postgres>, asker: Asker, names: Aliases) {
    let Aliases { post, author } = names;
    query.push("(");
    if let Some(viewer) = asker.viewer {
        query.push(format_args!("{post}.author_id = ")).push_bind(viewer).push(" OR ");
    }
    query.push(format_args!(
        "({author}.suspended_at IS NULL AND {author}.deleted_at IS NULL AND NOT EXISTS (\
           SELECT FROM social.domain_block nb WHERE nb.account_id IS NULL \
              AND (nb.domain = {author}.domain \
                   OR right({author}.domain, length(nb.domain) + 1) = '.' || nb.domain))"
    ));
    match asker.viewer {
        None => query.push(format_args!(" AND {post}.visibility <= 1")),
        Some(viewer) => query
            .push(format_args!(
                " AND NOT EXISTS (SELECT FROM social.block ab \
                    WHERE ab.account_id = {post}.author_id AND ab.target_id = "
            ))
            .push_bind(viewer)
            .push(format_args!(
                ") AND ({post}.visibility <= 1 OR EXISTS (SELECT FROM social.post_mention am \
                    WHERE am.post_id = {post}.id AND am.account_id = "
            ))
            .push_bind(viewer)
            .push(format_args!(
                ") OR ({post}.visibility = 2 AND EXISTS (SELECT FROM social.follow af \
                    WHERE af.accepted AND af.target_id = {post}.author_id AND af.follower_id = "
            ))
            .push_bind(viewer)
            .push(")))"),
    };
    query.push("))");
}

/// Pushes a condition that is true where the asker has not turned away from the account: no block,
/// no mute that holds, no block of its domain.
pub fn push_wanted(query: &mut QueryBuilder<Postgres>, asker: Asker, account: &'static str) {
    push_not_turned_away(query, asker, account, "");
}

/// [`push_wanted`], for notifications: mutes that let notifications through do not count.
pub fn push_wanted_notifier(
    query: &mut QueryBuilder<Postgres>,
    asker: Asker,
    account: &'static str,
) {
    push_not_turned_away(query, asker, account, " AND wm.notifications");
}

fn push_not_turned_away(
    query: &mut QueryBuilder<Postgres>,
    asker: Asker,
    account: &'static str,
    which_mutes: &'static str,
) {
    let Some(viewer) = asker.viewer else {
        query.push("true");
        return;
    };
    query
        .push("(NOT EXISTS (SELECT FROM social.block wb WHERE wb.account_id = ")
        .push_bind(viewer)
        .push(format_args!(" AND wb.target_id = {account}.id)"))
        .push(" AND NOT EXISTS (SELECT FROM social.mute wm WHERE wm.account_id = ")
        .push_bind(viewer)
        .push(format_args!(
            " AND wm.target_id = {account}.id{which_mutes} \
              AND (wm.expires_at IS NULL OR wm.expires_at > "
        ))
        .push_bind(asker.now)
        .push(")) AND NOT EXISTS (SELECT FROM social.domain_block wd WHERE wd.account_id = ")
        .push_bind(viewer)
        .push(format_args!(
            " AND (wd.domain = {account}.domain \
               OR right({account}.domain, length(wd.domain) + 1) = '.' || wd.domain)))"
        ));
}

/// Pushes the joins of [`BOOSTED`], for statements whose post is named as in [`POST`].
pub const JOIN_BOOSTED: &str = " LEFT JOIN social.post i ON i.id = p.boost_of_id \
     LEFT JOIN social.account ia ON ia.id = i.author_id ";

/// Pushes a condition that is true where the asker may see the post and, if it is a boost, what it
/// boosts. For statements with [`POST`] and [`BOOSTED`].
pub fn push_may_see(query: &mut QueryBuilder<Postgres>, asker: Asker) {
    push_admits(query, asker, POST);
    query.push(" AND (p.boost_of_id IS NULL OR ");
    push_admits(query, asker, BOOSTED);
    query.push(")");
}

/// Pushes a condition that is true where the asker has turned away neither from the author nor from
/// the author of what is boosted. For statements with [`POST`] and [`BOOSTED`].
pub fn push_wants_to_see(query: &mut QueryBuilder<Postgres>, asker: Asker) {
    push_wanted(query, asker, "a");
    query.push(" AND (p.boost_of_id IS NULL OR ");
    push_wanted(query, asker, "ia");
    query.push(")");
}
