//! Proposals that two entities are one.

use chrono::{DateTime, Utc};
use contracts::access::{Permitted, SpaceId};
use contracts::model::Alias;
use sqlx::{PgConnection, PgPool, QueryBuilder};
use uuid::Uuid;

use super::{only_permitted_newest, space};

/// A proposal. `one` is the smaller id.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    pub(crate) id: Uuid,
    pub(crate) one: Uuid,
    pub(crate) other: Uuid,
    pub(crate) space: SpaceId,
    pub(crate) score: f32,
    pub(crate) evidence: Vec<String>,
    pub(crate) state: String,
    pub(crate) proposed_at: DateTime<Utc>,
    pub(crate) decided_at: Option<DateTime<Utc>>,
    pub(crate) decided_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    one: Uuid,
    other: Uuid,
    space: String,
    score: f32,
    evidence: Vec<String>,
    state: String,
    proposed_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<String>,
}

impl Row {
    fn into_match(self) -> sqlx::Result<Match> {
        Ok(Match {
            id: self.id,
            one: self.one,
            other: self.other,
            space: space(&self.space)?,
            score: self.score,
            evidence: self.evidence,
            state: self.state,
            proposed_at: self.proposed_at,
            decided_at: self.decided_at,
            decided_by: self.decided_by,
        })
    }
}

/// Notes a pair; whether it was not known before.
pub(crate) async fn insert(conn: &mut PgConnection, found: &Match) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO data.match (id, one, other, space, score, evidence, state, proposed_at, decided_at,
                                 decided_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (one, other) DO NOTHING",
        found.id,
        found.one,
        found.other,
        found.space.as_str(),
        found.score,
        &found.evidence,
        found.state,
        found.proposed_at,
        found.decided_at,
        found.decided_by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Remembers that a pair is not one, whatever was thought of it before.
pub(crate) async fn refuse_pair(conn: &mut PgConnection, refused: &Match) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO data.match (id, one, other, space, score, evidence, state, proposed_at, decided_at,
                                 decided_by)
         VALUES ($1, $2, $3, $4, $5, $6, 'refused', $7, $7, $8)
         ON CONFLICT (one, other) DO UPDATE
            SET state = 'refused', decided_at = excluded.decided_at, decided_by = excluded.decided_by",
        refused.id,
        refused.one,
        refused.other,
        refused.space.as_str(),
        refused.score,
        &refused.evidence,
        refused.proposed_at,
        refused.decided_by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Decides an open proposal; whether it was open.
pub(crate) async fn decide(
    conn: &mut PgConnection,
    id: Uuid,
    state: &str,
    by: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE data.match SET state = $2, decided_by = $3, decided_at = $4
          WHERE id = $1 AND state = 'open'",
        id,
        state,
        by,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets a proposal of which nothing came.
pub(crate) async fn forget(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM data.match WHERE id = $1", id).execute(conn).await?;
    Ok(())
}

/// A proposal by id.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Match>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, one, other, space, score, evidence, state, proposed_at, decided_at, decided_by
           FROM data.match WHERE id = $1",
        id
    )
    .fetch_optional(pool)
    .await?;
    row.map(Row::into_match).transpose()
}

/// Proposals in a state that the asker may see, the newest first.
pub(crate) async fn list(
    pool: &PgPool,
    state: &str,
    permitted: &Permitted,
    before: Option<Uuid>,
    limit: usize,
) -> sqlx::Result<Vec<Match>> {
    let mut query = QueryBuilder::new(
        "SELECT p.id, p.one, p.other, p.space, p.score, p.evidence, p.state, p.proposed_at,
                p.decided_at, p.decided_by
           FROM data.match p WHERE p.state = ",
    );
    query.push_bind(state.to_owned());
    for end in ["p.one", "p.other"] {
        query.push(" AND ");
        only_permitted_newest(&mut query, end, permitted);
    }
    if state == "open" {
        // One through another pair meanwhile, or gone: there is nothing left to decide.
        query.push(
            " AND (SELECT count(DISTINCT i.root) FROM data.identity i
                     JOIN data.entity e ON e.id = i.root AND e.superseded_at IS NULL
                    WHERE i.id IN (p.one, p.other)) = 2",
        );
    }
    if let Some(before) = before {
        query.push(" AND p.id < ").push_bind(before);
    }
    query.push(" ORDER BY p.id DESC LIMIT ");
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<Row> = query.build_query_as().fetch_all(pool).await?;
    rows.into_iter().map(Row::into_match).collect()
}

/// Another entity in the same space that has the same alias.
pub(crate) struct Shared {
    pub(crate) entity: Uuid,
    pub(crate) other: Uuid,
    pub(crate) alias: Alias,
}

/// Who else in the same space has the aliases of these schemes of these entities.
pub(crate) async fn sharing(
    conn: &mut PgConnection,
    entities: &[Uuid],
    schemes: &[String],
) -> sqlx::Result<Vec<Shared>> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT mi.root AS "entity!", oi.root AS "other!", a.scheme, a.value
             FROM data.identity mi
             JOIN data.alias a ON a.entity = mi.id AND a.scheme = ANY($2)
             JOIN data.alias o ON (o.value, o.scheme, o.space) = (a.value, a.scheme, a.space)
             JOIN data.identity oi ON oi.id = o.entity
            WHERE mi.id = ANY($1::uuid[] || ARRAY(
                      SELECT id FROM data.identity WHERE root = ANY($1) AND root <> id))
              AND oi.root <> mi.root
            ORDER BY 1, 2 LIMIT 1000"#,
        entities,
        schemes
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Shared {
            entity: row.entity,
            other: row.other,
            alias: Alias { scheme: row.scheme, value: row.value },
        })
        .collect())
}

/// A person, and the words of the name: letters and digits only.
pub(crate) struct Named {
    pub(crate) id: Uuid,
    pub(crate) space: SpaceId,
    pub(crate) words: Vec<String>,
}

/// A person whose name has a word in common with another one.
pub(crate) struct Namesake {
    pub(crate) of: Uuid,
    pub(crate) id: Uuid,
    pub(crate) name: String,
}

/// For each of these, people in the same space whose name has all of the words, and some whose name has one of
/// them: of a word that very many have in common no more are looked at than are taken.
pub(crate) async fn namesakes(
    conn: &mut PgConnection,
    wanted: &[Named],
) -> sqlx::Result<Vec<Namesake>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = wanted.iter().map(|named| named.id).collect();
    let spaces: Vec<String> = wanted.iter().map(|named| named.space.to_string()).collect();
    let all: Vec<String> = wanted.iter().map(|named| named.words.join(" & ")).collect();
    let any: Vec<String> = wanted.iter().map(|named| named.words.join(" | ")).collect();
    sqlx::query_as!(
        Namesake,
        r#"SELECT w.id AS "of!", e.id AS "id!", e.name AS "name!"
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS w(id, space, all_of, any_of)
            CROSS JOIN LATERAL (
                  (SELECT n.id, left(n.data ->> 'name', 400) AS name FROM data.entity n
                    WHERE n.superseded_at IS NULL AND n.type = 'Person' AND n.space = w.space
                      AND n.id <> w.id
                      AND to_tsvector('simple', left(n.data ->> 'name', 400))
                          @@ to_tsquery('simple', w.all_of)
                    LIMIT 50)
                  UNION ALL
                  (SELECT n.id, left(n.data ->> 'name', 400) AS name FROM data.entity n
                    WHERE n.superseded_at IS NULL AND n.type = 'Person' AND n.space = w.space
                      AND n.id <> w.id
                      AND to_tsvector('simple', left(n.data ->> 'name', 400))
                          @@ to_tsquery('simple', w.any_of)
                    LIMIT 50)) AS e"#,
        &ids,
        &spaces,
        &all,
        &any
    )
    .fetch_all(conn)
    .await
}
