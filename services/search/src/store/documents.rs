//! Documents: written behind a guard of their versions, brought to Meilisearch by what changed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use contracts::access::{Permitted, SpaceId};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::changes::{Absorption, Change};
use crate::text;
use crate::{Document, SearchError};

/// Positions within a `tsvector` end here; words beyond share the last one.
const LAST_POSITION: usize = 16_383;
/// How far apart parts of a document are: no phrase reaches from one into the next.
const GAP: usize = 20;

/// Advisory locks of this service, beside the generation's number.
const LOCK: i32 = 0x005e_a2c4;

/// A row as the statement takes it.
#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    revision: i64,
    gone: bool,
    version: u32,
    r#type: &'a str,
    space: &'a str,
    labels: &'a [String],
    title: &'a str,
    body: &'a str,
    people: &'a [String],
    keywords: &'a [String],
    happens_at: Option<DateTime<Utc>>,
    url: Option<&'a str>,
    language: Option<&'a str>,
    recorded_at: DateTime<Utc>,
    words: Option<String>,
}

impl<'a> Row<'a> {
    fn of(change: &'a Change, with_words: bool) -> Self {
        match &change.document {
            Some(document) => Self {
                id: change.id,
                revision: change.revision,
                gone: false,
                version: document.version,
                r#type: &document.r#type,
                space: document.space.as_str(),
                labels: &document.labels,
                title: &document.title,
                body: &document.text,
                people: &document.people,
                keywords: &document.keywords,
                happens_at: document.when,
                url: document.url.as_deref(),
                language: document.language.as_deref(),
                recorded_at: document.recorded_at,
                words: with_words.then(|| vector(document)),
            },
            None => Self {
                id: change.id,
                revision: change.revision,
                gone: true,
                version: 0,
                r#type: "",
                space: "",
                labels: &[],
                title: "",
                body: "",
                people: &[],
                keywords: &[],
                happens_at: None,
                url: None,
                language: None,
                recorded_at: DateTime::UNIX_EPOCH,
                words: None,
            },
        }
    }
}

/// The words of a document with their places and weights: A the title, B people and key words, D the
/// text.
fn vector(document: &Document) -> String {
    let mut places: BTreeMap<String, Vec<(usize, char)>> = BTreeMap::new();
    let mut place = 0;
    let mut add = |part: &str, weight: char| {
        for word in text::words(part) {
            place += 1;
            places.entry(word.normal).or_default().push((place.min(LAST_POSITION), weight));
        }
        place += GAP;
    };
    add(&document.title, 'A');
    document.people.iter().for_each(|name| add(name, 'B'));
    document.keywords.iter().for_each(|word| add(word, 'B'));
    add(&document.text, 'D');
    let mut vector = String::new();
    for (word, places) in places {
        let word = word.replace('\\', "\\\\").replace('\'', "''");
        let places: Vec<String> =
            places.iter().take(255).map(|(place, weight)| format!("{place}{weight}")).collect();
        // Writing to a text cannot fail.
        write!(vector, "'{word}':{} ", places.join(",")).ok();
    }
    vector
}

/// Writers of a generation take turns, from here until their transactions end, so that the vocabulary is
/// exact. Taken before anything is written, in the order of the generations.
///
/// # Errors
/// The database failed.
pub(crate) async fn take_turns(conn: &mut PgConnection, generation: i32) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1::integer, $2::integer)", LOCK, generation)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes changes to a generation; what is older than what is there changes nothing.
///
/// # Errors
/// The database failed.
pub(crate) async fn write(
    conn: &mut PgConnection,
    generation: i32,
    changes: &[Change],
    with_words: bool,
) -> Result<(), SearchError> {
    if changes.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row<'_>> = changes.iter().map(|change| Row::of(change, with_words)).collect();
    let rows = serde_json::to_value(rows)?;
    put(conn, generation, &rows).await?;
    Ok(())
}

async fn put(conn: &mut PgConnection, generation: i32, rows: &Value) -> sqlx::Result<()> {
    sqlx::query!(
        r#"WITH incoming AS (
             SELECT * FROM jsonb_to_recordset($2::jsonb) AS i (
                    id uuid, revision bigint, gone boolean, version integer, type text, space text,
                    labels text[], title text, body text, people text[], keywords text[],
                    happens_at timestamptz, url text, language text, recorded_at timestamptz,
                    words tsvector)
           ), before AS (
             SELECT d.words FROM search.document d JOIN incoming i ON i.id = d.id
              WHERE d.generation = $1 AND d.revision < i.revision AND d.words IS NOT NULL
           ), written AS (
             INSERT INTO search.document AS d
                    (generation, id, revision, gone, version, type, space, labels, title, body, people,
                     keywords, happens_at, url, language, recorded_at, words)
             SELECT $1, id, revision, gone, version, type, space, labels, title, body, people,
                    keywords, happens_at, url, language, recorded_at, words
               FROM incoming ORDER BY id
             ON CONFLICT (generation, id) DO UPDATE
                SET revision = excluded.revision, gone = excluded.gone, version = excluded.version,
                    type = excluded.type, space = excluded.space, labels = excluded.labels,
                    title = excluded.title, body = excluded.body, people = excluded.people,
                    keywords = excluded.keywords, happens_at = excluded.happens_at,
                    url = excluded.url, language = excluded.language,
                    recorded_at = excluded.recorded_at, words = excluded.words,
                    change = nextval('search.document_change')
              WHERE d.revision < excluded.revision
             RETURNING d.words
           ), counted AS (
             SELECT word, sum(one)::integer AS documents
               FROM (SELECT unnest(tsvector_to_array(words)) AS word, 1 AS one FROM written
                      UNION ALL
                     SELECT unnest(tsvector_to_array(words)), -1 FROM before) AS c
              GROUP BY word HAVING sum(one) <> 0
           )
           INSERT INTO search.word AS w (generation, word, documents)
           SELECT $1, word, documents FROM counted ORDER BY word COLLATE "C"
           ON CONFLICT (generation, word) DO UPDATE SET documents = w.documents + excluded.documents"#,
        generation,
        rows
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("DELETE FROM search.word WHERE generation = $1 AND documents <= 0", generation)
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes erased entities from a generation: their rows stay empty, newer than anything that is told of
/// them, by whoever read it before they were erased. The graph does not bring them back either.
///
/// # Errors
/// The database failed.
pub(crate) async fn erase(
    conn: &mut PgConnection,
    generation: i32,
    entities: &[Uuid],
) -> Result<(), SearchError> {
    let entities: BTreeSet<Uuid> = entities.iter().copied().collect();
    let gone = |id| Change { id, revision: i64::MAX, document: None };
    let changes: Vec<Change> = entities.into_iter().map(gone).collect();
    write(conn, generation, &changes, false).await
}

/// Writes down that entities became part of others, or are by themselves again; an older event changes
/// nothing.
///
/// # Errors
/// The database failed.
pub(crate) async fn absorb(
    conn: &mut PgConnection,
    absorptions: &[Absorption],
) -> sqlx::Result<()> {
    if absorptions.is_empty() {
        return Ok(());
    }
    let entities: Vec<Uuid> = absorptions.iter().map(|one| one.entity).collect();
    let active: Vec<bool> = absorptions.iter().map(|one| one.active).collect();
    let events: Vec<Uuid> = absorptions.iter().map(|one| one.event).collect();
    sqlx::query!(
        "WITH changed AS (
           INSERT INTO search.absorbed AS a (entity, active, event)
           SELECT * FROM unnest($1::uuid[], $2::boolean[], $3::uuid[])
           ON CONFLICT (entity) DO UPDATE SET active = excluded.active, event = excluded.event
            WHERE a.event < excluded.event
           RETURNING entity)
         UPDATE search.document SET change = nextval('search.document_change')
          WHERE generation IN (SELECT id FROM search.generation WHERE state <> 'retired')
            AND id IN (SELECT entity FROM changed)",
        &entities,
        &active,
        &events
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A document as Meilisearch is to have it.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The entity.
    pub(crate) id: Uuid,
    /// Which change of it this is.
    pub(crate) change: i64,
    /// The document; none where it is gone, or shown as another one.
    pub(crate) document: Option<Document>,
}

/// Documents whose newest change Meilisearch does not have yet, the oldest changes first.
pub(crate) async fn waiting(
    pool: &PgPool,
    generation: i32,
    most: i64,
) -> sqlx::Result<Vec<Waiting>> {
    let rows = sqlx::query!(
        r#"SELECT d.id, d.change, d.version, d.type AS kind, d.space, d.labels, d.title, d.body, d.people,
                  d.keywords, d.happens_at, d.url, d.language, d.recorded_at,
                  (d.gone OR EXISTS (SELECT FROM search.absorbed a
                                      WHERE a.entity = d.id AND a.active)) AS "hidden!"
             FROM search.document d
            WHERE d.generation = $1 AND d.pushed < d.change
            ORDER BY d.change LIMIT $2"#,
        generation,
        most
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Waiting {
            id: row.id,
            change: row.change,
            // A space that is none is no place to show anything.
            document: row.space.parse::<SpaceId>().ok().filter(|_| !row.hidden).map(|space| {
                Document {
                    id: row.id,
                    version: u32::try_from(row.version).unwrap_or(0),
                    r#type: row.kind,
                    space,
                    labels: row.labels,
                    title: row.title,
                    text: row.body,
                    people: row.people,
                    keywords: row.keywords,
                    when: row.happens_at,
                    url: row.url,
                    language: row.language,
                    recorded_at: row.recorded_at,
                }
            }),
        })
        .collect())
}

/// The newest change of a generation.
pub(crate) async fn newest_change(conn: &mut PgConnection, generation: i32) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT coalesce(max(change), 0) AS "newest!" FROM search.document WHERE generation = $1"#,
        generation
    )
    .fetch_one(conn)
    .await
}

/// Whether Meilisearch lacks a change of the generation up to this one.
pub(crate) async fn lacks(pool: &PgPool, generation: i32, change: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM search.document
                           WHERE generation = $1 AND pushed < change AND change <= $2) AS "lacks!""#,
        generation,
        change
    )
    .fetch_one(pool)
    .await
}

/// Meilisearch has these changes. Where somebody else brought a later one meanwhile (a run that had lost
/// its lease), the order in which both arrived is not known: it is brought once more.
pub(crate) async fn pushed(
    pool: &PgPool,
    generation: i32,
    changes: &[(Uuid, i64)],
) -> sqlx::Result<()> {
    let (ids, changes): (Vec<Uuid>, Vec<i64>) = changes.iter().copied().unzip();
    sqlx::query!(
        "UPDATE search.document d
            SET pushed = CASE WHEN d.pushed <= p.change THEN p.change ELSE 0 END
           FROM unnest($2::uuid[], $3::bigint[]) AS p (id, change)
          WHERE d.generation = $1 AND d.id = p.id",
        generation,
        &ids,
        &changes
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The generation's index was made anew then, and is empty: all is brought to it.
pub(crate) async fn push_all(pool: &PgPool, generation: i32, made: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH made AS (UPDATE search.generation SET made = $2 WHERE id = $1)
         UPDATE search.document SET pushed = CASE WHEN gone THEN change ELSE 0 END
          WHERE generation = $1 AND pushed <> CASE WHEN gone THEN change ELSE 0 END",
        generation,
        made
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Those of these documents that may be seen as they are now: what is searched elsewhere may be behind,
/// and knows nothing of what was erased, deleted, moved or labelled since.
pub(crate) async fn visible(
    pool: &PgPool,
    generation: i32,
    ids: &[Uuid],
    permitted: &Permitted,
) -> sqlx::Result<HashSet<Uuid>> {
    let (whole, partial, hidden) = permitted.parameters();
    let ids = sqlx::query_scalar!(
        "SELECT d.id FROM search.document d
          WHERE d.generation = $1 AND d.id = ANY($2) AND NOT d.gone
            AND (d.space = ANY($3) OR (d.space = ANY($4) AND NOT d.labels && $5))
            AND NOT EXISTS (SELECT FROM search.absorbed a WHERE a.entity = d.id AND a.active)",
        generation,
        ids,
        &whole,
        &partial,
        &hidden
    )
    .fetch_all(pool)
    .await?;
    Ok(ids.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_carry_their_places_and_weights() {
        let document = Document {
            id: Uuid::nil(),
            version: 1,
            r#type: "Event".to_owned(),
            space: SpaceId::household(),
            labels: Vec::new(),
            title: "Tooth check".to_owned(),
            text: "check at nine".to_owned(),
            people: vec!["Dr. Meier".to_owned()],
            keywords: Vec::new(),
            when: None,
            url: None,
            language: None,
            recorded_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(
            vector(&document),
            "'at':46D 'check':2A,45D 'dr':23B 'meier':24B 'nine':47D 'tooth':1A "
        );
    }
}
