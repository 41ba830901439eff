//! What is around an entity, a layer at a time.

use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{PgPool, QueryBuilder};
use uuid::Uuid;

use super::only_permitted;

/// An edge between two entities as they are now, whatever was merged.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Link {
    pub(crate) id: Uuid,
    #[sqlx(rename = "from_root")]
    pub(crate) from: Uuid,
    pub(crate) rel: String,
    #[sqlx(rename = "to_root")]
    pub(crate) to: Uuid,
    pub(crate) props: Json<Map<String, Value>>,
    pub(crate) confidence: f32,
    pub(crate) source: String,
    pub(crate) valid_from: Option<DateTime<Utc>>,
    pub(crate) valid_to: Option<DateTime<Utc>>,
    pub(crate) recorded_at: DateTime<Utc>,
    /// The other end, seen from the layer before.
    pub(crate) reached: Uuid,
}

/// Which edges are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Out,
    In,
    Both,
}

/// At most `limit` edges from or to these entities whose other end the asker may see, in no order. An edge
/// between two entities of a layer comes twice.
///
/// Of each entity the edges are read in the order of their index and no further than the limit: one with
/// half a million edges costs no more than one with as many as are shown.
pub(crate) async fn layer(
    pool: &PgPool,
    frontier: &[Uuid],
    rels: Option<&[String]>,
    direction: Direction,
    permitted: &Permitted,
    limit: usize,
) -> sqlx::Result<Vec<Link>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = QueryBuilder::new(
        "WITH member AS MATERIALIZED (
           SELECT i.id, i.root FROM data.identity i WHERE i.id = ANY(",
    );
    query.push_bind(frontier.to_vec());
    query.push(") UNION ALL SELECT i.id, i.root FROM data.identity i WHERE i.root <> i.id AND i.root = ANY(");
    query.push_bind(frontier.to_vec());
    query.push(")) SELECT l.* FROM member m CROSS JOIN LATERAL (");
    let sides: &[(&str, &str)] = match direction {
        Direction::Out => &[("from_id", "to_id")],
        Direction::In => &[("to_id", "from_id")],
        Direction::Both => &[("from_id", "to_id"), ("to_id", "from_id")],
    };
    for (place, (near, far)) in sides.iter().enumerate() {
        if place > 0 {
            query.push(" UNION ALL ");
        }
        let roots = if *near == "from_id" { ("m.root", "o.root") } else { ("o.root", "m.root") };
        query.push(format_args!(
            "(SELECT g.id, {} AS from_root, g.rel, {} AS to_root, g.props, g.confidence, g.source,
                     g.valid_from, g.valid_to, g.recorded_at, o.root AS reached
                FROM data.edge g
                JOIN data.identity o ON o.id = g.{far}
                JOIN data.entity e ON e.id = o.root AND e.superseded_at IS NULL
               WHERE g.{near} = m.id AND g.superseded_at IS NULL AND o.root <> m.root AND ",
            roots.0, roots.1
        ));
        only_permitted(&mut query, "e", permitted);
        if let Some(rels) = rels {
            query.push(" AND g.rel = ANY(").push_bind(rels.to_vec()).push(")");
        }
        query.push(format_args!(" ORDER BY g.{near}, g.rel, g.id LIMIT ")).push_bind(limit);
        query.push(")");
    }
    query.push(") AS l LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}
