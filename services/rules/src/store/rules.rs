//! Reading rules.

use chrono::{DateTime, Utc};
use contracts::access::{Permitted, SpaceId, UnreadableSpace};
use serde_json::Value as Json;
use spine::Snowflake;
use sqlx::{PgExecutor, PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

/// A rule with its newest document.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct StoredRule {
    pub(crate) id: Uuid,
    pub(crate) owner_id: i64,
    pub(crate) space: String,
    pub(crate) version: i32,
    pub(crate) enabled: bool,
    pub(crate) stopped: Option<String>,
    pub(crate) since: DateTime<Utc>,
    pub(crate) generation: i64,
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) changed_at: DateTime<Utc>,
    pub(crate) media_type: String,
    pub(crate) source: String,
    pub(crate) document: Json,
    pub(crate) fired: i64,
    pub(crate) refused: i64,
    pub(crate) failed: i64,
    pub(crate) fired_at: Option<DateTime<Utc>>,
}

impl StoredRule {
    pub(crate) fn owner(&self) -> Snowflake {
        Snowflake(self.owner_id)
    }

    /// Where it belongs: it was a space when it was stored.
    pub(crate) fn space(&self) -> Result<SpaceId, UnreadableSpace> {
        self.space.parse()
    }
}

/// One rule.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    rule: Uuid,
) -> sqlx::Result<Option<StoredRule>> {
    sqlx::query_as!(
        StoredRule,
        r#"SELECT rule.id, rule.owner_id, rule.space, rule.version, rule.enabled, rule.stopped, rule.since,
                  rule.generation, rule.made_at, rule.changed_at, version.media_type, version.source, version.document,
                  tally.fired, tally.refused, tally.failed, tally.fired_at
             FROM rules.rule
             JOIN rules.version ON version.rule_id = rule.id AND version.version = rule.version
             JOIN rules.tally ON tally.rule_id = rule.id
            WHERE rule.id = $1 AND rule.removed_at IS NULL"#,
        rule
    )
    .fetch_optional(executor)
    .await
}

/// Which rules a list shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// Before this one.
    pub(crate) before: Option<Uuid>,
    pub(crate) enabled: Option<bool>,
    pub(crate) space: Option<String>,
    pub(crate) limit: i64,
}

/// Rules that may be seen, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    permitted: &Permitted,
    listing: &Listing,
) -> sqlx::Result<Vec<StoredRule>> {
    // Rules carry no labels: a space that is seen in part shows all of them.
    let (mut spaces, partial, _) = permitted.parameters();
    spaces.extend(partial);
    let mut query = QueryBuilder::<Postgres>::new(
        "SELECT rule.id, rule.owner_id, rule.space, rule.version, rule.enabled, rule.stopped, rule.since,
                rule.generation, rule.made_at, rule.changed_at, version.media_type, version.source, version.document,
                tally.fired, tally.refused, tally.failed, tally.fired_at
           FROM rules.rule
           JOIN rules.version ON version.rule_id = rule.id AND version.version = rule.version
           JOIN rules.tally ON tally.rule_id = rule.id
          WHERE rule.removed_at IS NULL AND rule.space = ANY(",
    );
    query.push_bind(spaces).push(")");
    if let Some(before) = listing.before {
        query.push(" AND rule.id < ").push_bind(before);
    }
    if let Some(enabled) = listing.enabled {
        query.push(" AND rule.enabled = ").push_bind(enabled);
    }
    if let Some(space) = &listing.space {
        query.push(" AND rule.space = ").push_bind(space);
    }
    query.push(" ORDER BY rule.id DESC LIMIT ").push_bind(listing.limit);
    query.build_query_as().fetch_all(pool).await
}

/// A version of a rule, without its document.
#[derive(Clone, Debug)]
pub(crate) struct StoredVersion {
    pub(crate) version: i32,
    pub(crate) media_type: String,
    pub(crate) hash: Vec<u8>,
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) made_by: String,
}

/// The versions of a rule, newest first.
pub(crate) async fn versions(
    pool: &PgPool,
    rule: Uuid,
    before: Option<i32>,
    limit: i64,
) -> sqlx::Result<Vec<StoredVersion>> {
    sqlx::query_as!(
        StoredVersion,
        "SELECT version, media_type, hash, made_at, made_by FROM rules.version
          WHERE rule_id = $1 AND ($2::integer IS NULL OR version < $2)
          ORDER BY version DESC LIMIT $3",
        rule,
        before,
        limit
    )
    .fetch_all(pool)
    .await
}

/// One version's document and source.
pub(crate) struct StoredDocument {
    pub(crate) media_type: String,
    pub(crate) source: String,
    pub(crate) document: Json,
    pub(crate) made_at: DateTime<Utc>,
}

/// One version.
pub(crate) async fn version(
    executor: impl PgExecutor<'_>,
    rule: Uuid,
    version: i32,
) -> sqlx::Result<Option<StoredDocument>> {
    sqlx::query_as!(
        StoredDocument,
        "SELECT media_type, source, document, made_at FROM rules.version WHERE rule_id = $1 AND version = $2",
        rule,
        version
    )
    .fetch_optional(executor)
    .await
}

/// A rule as the engine needs it.
pub(crate) struct Changed {
    pub(crate) id: Uuid,
    pub(crate) owner_id: i64,
    pub(crate) space: String,
    pub(crate) version: i32,
    pub(crate) runs: bool,
    pub(crate) since: DateTime<Utc>,
    pub(crate) generation: i64,
    pub(crate) document: Option<Json>,
}

/// How many changes there were.
pub(crate) async fn generation(pool: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar!("SELECT value FROM rules.generation").fetch_one(pool).await
}

/// Rules that changed after the change with this number.
pub(crate) async fn changed_after(pool: &PgPool, generation: i64) -> sqlx::Result<Vec<Changed>> {
    sqlx::query_as!(
        Changed,
        r#"SELECT rule.id, rule.owner_id, rule.space, rule.version, rule.since, rule.generation,
                  (rule.enabled AND rule.stopped IS NULL AND rule.removed_at IS NULL) AS "runs!",
                  version.document AS "document?"
             FROM rules.rule
             LEFT JOIN rules.version ON version.rule_id = rule.id AND version.version = rule.version
            WHERE rule.generation > $1
            ORDER BY rule.generation"#,
        generation
    )
    .fetch_all(pool)
    .await
}
