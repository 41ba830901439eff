//! Which accounts are on a page of people: followers, blocks, who reacted.

use sqlx::{PgPool, Postgres, QueryBuilder};

use super::read_pages::{PageRow, Window, fetch, push_window};
use super::visibility::{Asker, push_wanted};

/// A list of people.
#[derive(Clone, Copy, Debug)]
pub enum People {
    /// Who follows this account.
    FollowersOf(i64),
    /// Whom this account follows.
    FollowedBy(i64),
    /// Who waits to follow this account.
    RequestsTo(i64),
    /// Whom this account blocks.
    BlockedBy(i64),
    /// Whom this account mutes.
    MutedBy(i64),
    /// Who marked this post as a favourite.
    FavouritersOf(i64),
    /// Who boosted this post.
    BoostersOf(i64),
    /// Who is on this list.
    MembersOf(i64),
}

/// Where a list of people is kept.
struct Source {
    table: &'static str,
    /// The column of the number that pages.
    place: &'static str,
    /// Who is listed.
    who: &'static str,
    /// What the list hangs on.
    of: &'static str,
    /// Which rows of the table belong to the list.
    only: &'static str,
}

impl People {
    /// Where it is kept, and on which number it hangs.
    fn source(self) -> (Source, i64) {
        let source = |table, who, of, only| Source { table, place: "f.id", who, of, only };
        match self {
            Self::FollowersOf(id) => {
                (source("follow", "follower_id", "target_id", " AND f.accepted"), id)
            }
            Self::FollowedBy(id) => {
                (source("follow", "target_id", "follower_id", " AND f.accepted"), id)
            }
            Self::RequestsTo(id) => {
                (source("follow", "follower_id", "target_id", " AND NOT f.accepted"), id)
            }
            Self::BlockedBy(id) => (source("block", "target_id", "account_id", ""), id),
            Self::MutedBy(id) => (source("mute", "target_id", "account_id", ""), id),
            Self::FavouritersOf(id) => (source("favourite", "account_id", "post_id", ""), id),
            Self::BoostersOf(id) => {
                (source("post", "author_id", "boost_of_id", " AND f.visibility <= 1"), id)
            }
            Self::MembersOf(id) => {
                let members = source("list_member", "account_id", "list_id", "");
                (Source { place: "f.account_id", ..members }, id)
            }
        }
    }

    /// Whether the asker's own blocks and mutes empty the list: not where they are what is listed.
    fn is_for_others(self) -> bool {
        matches!(
            self,
            Self::FollowersOf(_)
                | Self::FollowedBy(_)
                | Self::FavouritersOf(_)
                | Self::BoostersOf(_)
        )
    }
}

/// The people of a page.
pub async fn people(
    pool: &PgPool,
    asker: Asker,
    people: People,
    window: Window,
) -> sqlx::Result<Vec<PageRow>> {
    let (Source { table, place, who, of, only }, number) = people.source();
    let mut query: QueryBuilder<Postgres> = QueryBuilder::new(format!(
        "SELECT {place} AS place, f.{who} AS id FROM social.{table} f \
           JOIN social.account a ON a.id = f.{who} WHERE f.{of} = "
    ));
    query.push_bind(number).push(only);
    query.push(" AND a.deleted_at IS NULL AND a.suspended_at IS NULL");
    if let People::MutedBy(_) = people {
        query.push(" AND (f.expires_at IS NULL OR f.expires_at > ").push_bind(asker.now).push(")");
    }
    if people.is_for_others() {
        query.push(" AND ");
        push_wanted(&mut query, asker, "a");
    }
    push_window(&mut query, window, place);
    fetch(pool, &mut query).await
}

/// When the mutes of these accounts end.
pub async fn mute_ends(
    pool: &PgPool,
    viewer: i64,
    targets: &[i64],
) -> sqlx::Result<Vec<(i64, Option<chrono::DateTime<chrono::Utc>>)>> {
    let rows = sqlx::query!(
        "SELECT target_id, expires_at FROM social.mute
          WHERE account_id = $1 AND target_id = ANY($2)",
        viewer,
        targets
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.target_id, row.expires_at)).collect())
}

/// A domain that someone blocks.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DomainRow {
    /// The block's number.
    pub id: i64,
    /// The domain.
    pub domain: String,
}

/// The domains that this account blocks.
pub async fn domain_blocks(
    pool: &PgPool,
    viewer: i64,
    window: Window,
) -> sqlx::Result<Vec<DomainRow>> {
    let mut query: QueryBuilder<Postgres> =
        QueryBuilder::new("SELECT d.id, d.domain FROM social.domain_block d WHERE d.account_id = ");
    query.push_bind(viewer);
    push_window(&mut query, window, "d.id");
    query.build_query_as().fetch_all(pool).await
}

/// For each of these accounts (`place`) its followers (`id`) whom the viewer follows, at most five
/// an account, where the account shows its followers.
pub async fn familiar_followers(
    pool: &PgPool,
    viewer: i64,
    ids: &[i64],
) -> sqlx::Result<Vec<PageRow>> {
    sqlx::query_as!(
        PageRow,
        r#"SELECT a.id AS "place!", n.follower_id AS "id!"
             FROM social.account a
            CROSS JOIN LATERAL (
                  SELECT t.follower_id, t.id FROM social.follow f
                    JOIN social.follow t ON t.follower_id = f.target_id AND t.accepted
                                        AND t.target_id = a.id
                   WHERE f.follower_id = $1 AND f.accepted
                   ORDER BY t.id DESC LIMIT 5) n
            WHERE a.id = ANY($2) AND NOT a.hide_collections AND a.id <> $1
            ORDER BY a.id, n.id DESC"#,
        viewer,
        ids
    )
    .fetch_all(pool)
    .await
}
