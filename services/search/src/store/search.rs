//! Questions to the table of documents. The policy's condition is part of every statement.

use chrono::{DateTime, Utc};
use contracts::access::{Permitted, SpaceId};
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::index::{FacetValue, Facets, Found, Hit, ordered};
use crate::{Document, FacetKind, Place, Question, SearchError};

/// What is asked, as the statements take it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Of which generation.
    pub(crate) generation: i32,
    /// The words as they were asked, as a `tsquery`.
    pub(crate) exact: String,
    /// With the words that misspelt ones may have meant.
    pub(crate) wide: String,
    /// The words with spaces between.
    pub(crate) normal: String,
    /// When; how new something is counts.
    pub(crate) now: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    score: f64,
    total: i64,
    version: i32,
    kind: String,
    space: String,
    labels: Vec<String>,
    title: String,
    body: String,
    people: Vec<String>,
    keywords: Vec<String>,
    happens_at: Option<DateTime<Utc>>,
    url: Option<String>,
    language: Option<String>,
    recorded_at: DateTime<Utc>,
}

type Statement = QueryBuilder<Postgres>;

/// The condition that every document of an answer meets.
fn matching(sql: &mut Statement, asked: &Asked, question: &Question, permitted: &Permitted) {
    let (whole, partial, hidden) = permitted.parameters();
    sql.push(" FROM search.document d WHERE d.generation = ").push_bind(asked.generation);
    sql.push(" AND NOT d.gone AND (d.space = ANY(").push_bind(whole);
    sql.push(") OR (d.space = ANY(").push_bind(partial);
    sql.push(") AND NOT d.labels && ").push_bind(hidden).push("))");
    sql.push(" AND NOT EXISTS (SELECT FROM search.absorbed a WHERE a.entity = d.id AND a.active)");
    if !question.text.is_empty() {
        sql.push(" AND d.words @@ ").push_bind(asked.wide.clone()).push("::tsquery");
    }
    let filters = &question.filters;
    if !filters.types.is_empty() {
        sql.push(" AND d.type = ANY(").push_bind(filters.types.clone()).push(")");
    }
    if !filters.spaces.is_empty() {
        let spaces: Vec<String> = filters.spaces.iter().map(SpaceId::to_string).collect();
        sql.push(" AND d.space = ANY(").push_bind(spaces).push(")");
    }
    if !filters.labels.is_empty() {
        sql.push(" AND d.labels @> ").push_bind(filters.labels.clone());
    }
    if let Some(from) = filters.from {
        sql.push(" AND d.happens_at >= ").push_bind(from);
    }
    if let Some(to) = filters.to {
        sql.push(" AND d.happens_at < ").push_bind(to);
    }
}

/// Weights of words in the text, of others, of people and key words, of the title.
const WEIGHTS: &str = "'{0.1,0.2,0.5,1.0}'::real[]";
/// So many of those that match are ordered with care, and can be paged through.
const RANKED: i64 = 1_000;
/// So many of those that match, the newest, are looked at for that.
const LOOKED_AT: i64 = 2_000;
/// More than these are not counted.
const COUNTED: i64 = 10_000;

/// How well a document fits at first sight: closeness of the words that may be meant, and newness with a
/// half-life of half a year.
fn first_sight(sql: &mut Statement, asked: &Asked) {
    sql.push(format!("(ts_rank_cd({WEIGHTS}, d.words, "));
    sql.push_bind(asked.wide.clone());
    sql.push("::tsquery, 33) + 0.2 * exp(-0.0038 * least(abs(extract(epoch FROM ");
    sql.push_bind(asked.now);
    sql.push(" - coalesce(d.happens_at, d.recorded_at))::double precision) / 86400, 36500)))");
}

/// The best hits after the given place.
pub(crate) async fn hits(
    pool: &PgPool,
    asked: &Asked,
    question: &Question,
    permitted: &Permitted,
) -> Result<Found, SearchError> {
    let by_score = !question.text.is_empty();
    match &question.after {
        None => {}
        Some(Place::Score { .. }) if by_score => {}
        Some(Place::Recorded { .. }) if !by_score => {}
        Some(_) => return Err(strange_cursor()),
    }
    let limit = i64::try_from(question.limit).unwrap_or(i64::MAX).saturating_add(1);
    let fetch = async |mut sql: Statement| -> sqlx::Result<Vec<Row>> {
        sql.push_bind(limit);
        sql.build_query_as().fetch_all(pool).await
    };
    let mut rows = match by_score {
        true => fetch(best(asked, question, permitted, &Among::All)).await?,
        false => fetch(newest(asked, question, permitted)).await?,
    };
    if rows.first().is_some_and(|row| row.total > COUNTED) {
        rows = fetch(best(asked, question, permitted, &Among::Newest)).await?;
    }
    let more = rows.len() > question.limit;
    rows.truncate(question.limit);
    let next = rows.last().filter(|_| more).map(|last| match by_score {
        true => Place::Score { at: asked.now, bits: last.score.to_bits(), id: last.id },
        false => Place::Recorded { at: last.recorded_at, id: last.id },
    });
    let total: i64 = match rows.first() {
        Some(row) if by_score => row.total,
        _ => {
            let mut sql = Statement::new("SELECT count(*) FROM (SELECT");
            matching(&mut sql, asked, question, permitted);
            sql.push(" LIMIT ").push_bind(COUNTED).push(") AS counted");
            sql.build_query_scalar().fetch_one(pool).await?
        }
    };
    let total = u64::try_from(total).unwrap_or(0);
    let hits = rows.into_iter().filter_map(Row::into_hit).collect();
    Ok(Found { hits, facets: Facets::new(), total, next })
}

/// Among which of those that match the best are looked for.
enum Among {
    /// All, up to one more than are counted: found by their words, in no order.
    All,
    /// The newest ones: words that so many have are met soon enough by going back in time.
    Newest,
}

/// What matches the text, the best first; the limit is to follow. A close look is taken at the newest
/// ones only: of words that thousands have, closeness tells little and costs much.
fn best(asked: &Asked, question: &Question, permitted: &Permitted, among: &Among) -> Statement {
    let mut sql = Statement::new("WITH met AS MATERIALIZED (SELECT d.id, d.recorded_at");
    matching(&mut sql, asked, question, permitted);
    match among {
        Among::All => sql.push(" LIMIT ").push_bind(COUNTED + 1),
        Among::Newest => {
            sql.push(" ORDER BY d.recorded_at DESC, d.id DESC LIMIT ").push_bind(LOOKED_AT)
        }
    };
    sql.push("), newest AS (SELECT id FROM met ORDER BY recorded_at DESC, id DESC LIMIT ");
    sql.push_bind(LOOKED_AT);
    sql.push("), matched AS MATERIALIZED (SELECT d.id, d.title, d.words, ");
    first_sight(&mut sql, asked);
    sql.push(" AS score FROM newest n JOIN search.document d ON d.id = n.id AND d.generation = ");
    sql.push_bind(asked.generation);
    sql.push("), best AS (SELECT * FROM matched ORDER BY score DESC, id DESC LIMIT ");
    sql.push_bind(RANKED);
    sql.push(format!("), ranked AS (SELECT b.id, (b.score + 2 * ts_rank_cd({WEIGHTS}, b.words, "));
    sql.push_bind(asked.exact.clone());
    sql.push("::tsquery, 33) + 0.4 * word_similarity(").push_bind(asked.normal.clone());
    sql.push(", lower(b.title)))::double precision AS score FROM best b) SELECT d.id, m.score, ");
    match among {
        Among::All => sql.push("(SELECT count(*) FROM met)"),
        Among::Newest => sql.push_bind(COUNTED),
    };
    sql.push(" AS total, d.version, d.type AS kind, d.space, d.labels, d.title, ");
    // The text is long, and read for its matches only.
    sql.push(if question.highlight { "d.body" } else { "''::text AS body" });
    sql.push(
        ", d.people, d.keywords, d.happens_at, d.url, d.language, d.recorded_at \
          FROM ranked m JOIN search.document d ON d.id = m.id AND d.generation = ",
    );
    sql.push_bind(asked.generation);
    if let Some(Place::Score { bits, id, .. }) = &question.after {
        sql.push(" WHERE (m.score, m.id) < (").push_bind(f64::from_bits(*bits));
        sql.push(", ").push_bind(*id).push(")");
    }
    sql.push(" ORDER BY m.score DESC, m.id DESC LIMIT ");
    sql
}

/// Everything, the newest first; the limit is to follow.
fn newest(asked: &Asked, question: &Question, permitted: &Permitted) -> Statement {
    let mut sql = Statement::new(
        "SELECT d.id, 0::double precision AS score, 0::bigint AS total, d.version, \
          d.type AS kind, d.space, d.labels, d.title, ''::text AS body, d.people, d.keywords, \
          d.happens_at, d.url, d.language, d.recorded_at",
    );
    matching(&mut sql, asked, question, permitted);
    if let Some(Place::Recorded { at, id }) = &question.after {
        sql.push(" AND (d.recorded_at, d.id) < (").push_bind(*at);
        sql.push(", ").push_bind(*id).push(")");
    }
    sql.push(" ORDER BY d.recorded_at DESC, d.id DESC LIMIT ");
    sql
}

/// The counts of all that match.
pub(crate) async fn facets(
    pool: &PgPool,
    asked: &Asked,
    question: &Question,
    permitted: &Permitted,
) -> Result<Facets, SearchError> {
    let mut sql = Statement::new("WITH matched AS MATERIALIZED (SELECT d.type, d.space, d.labels");
    matching(&mut sql, asked, question, permitted);
    sql.push(")");
    let mut facets = Facets::new();
    for (number, kind) in question.facets.iter().enumerate() {
        sql.push(if number == 0 { " " } else { " UNION ALL " });
        sql.push(match kind {
            FacetKind::Type => "SELECT 'type', type, count(*) FROM matched GROUP BY type",
            FacetKind::Space => "SELECT 'space', space, count(*) FROM matched GROUP BY space",
            FacetKind::Label => {
                "SELECT 'label', label, count(*) FROM matched, unnest(labels) AS label GROUP BY label"
            }
        });
        facets.insert(*kind, Vec::new());
    }
    let rows: Vec<(String, String, i64)> = sql.build_query_as().fetch_all(pool).await?;
    for (facet, value, count) in rows {
        let kind = FacetKind::ALL.into_iter().find(|kind| kind.name() == facet);
        if let Some(values) = kind.and_then(|kind| facets.get_mut(&kind)) {
            values.push(FacetValue { value, count: u64::try_from(count).unwrap_or(0) });
        }
    }
    for values in facets.values_mut() {
        *values = ordered(std::mem::take(values));
    }
    Ok(facets)
}

pub(crate) fn strange_cursor() -> SearchError {
    SearchError::Invalid {
        kind: "invalid-cursor",
        detail: "`cursor` is none that this question has given".to_owned(),
    }
}

impl Row {
    fn into_hit(self) -> Option<Hit> {
        let document = Document {
            id: self.id,
            version: u32::try_from(self.version).unwrap_or(0),
            r#type: self.kind,
            space: self.space.parse().ok()?,
            labels: self.labels,
            title: self.title,
            text: self.body,
            people: self.people,
            keywords: self.keywords,
            when: self.happens_at,
            url: self.url,
            language: self.language,
            recorded_at: self.recorded_at,
        };
        Some(Hit { document, score: self.score, highlights: Vec::new() })
    }
}
