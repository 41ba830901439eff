//! Raw records to searchable entities through ETL, data and search, and reads of the graph that comes of it;
//! each beside its floor: the same rows into a bare table, the same read by one bare statement.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bench::samples::Samples;
use bench::table::Table;
use contracts::access::{Caller, SpaceId};
use contracts::api::Api;
use contracts::events::connectors::{DataReceived, RawRecord};
use contracts::model::Operation;
use contracts::testing::{HouseholdPolicy, RouterTransport};
use data::Data;
use etl::{Etl, EtlSettings};
use search::{Search, SearchSettings};
use serde_json::{Value, json};
use spine::testing::TestSpine;
use spine::{Cause, Roles, Runtime, Snowflake};
use sqlx::postgres::{PgArguments, PgPool};
use sqlx::query::Query;
use sqlx::types::Json;
use sqlx::{Postgres, Row as _};
use uuid::Uuid;

use crate::{Outcome, Size};

const OWNER: Snowflake = Snowflake(12);
/// So many records in an event, as the connector service has it.
const TOGETHER: usize = 100;

pub async fn measure(size: &Size, table: &mut Table) -> Outcome {
    table.heading(&format!("Pipeline: {} raw messages to searchable entities", size.records));
    let test = TestSpine::start(&[
        ("etl", &etl::MIGRATIONS),
        ("data", &data::MIGRATIONS),
        ("search", &search::MIGRATIONS),
    ])
    .await?;
    let etl = Etl::open(test.spine.clone(), EtlSettings::default()).await?;
    let data = Data::open(test.spine.clone(), Api::new()).await?;
    let search = Search::open(test.spine.clone(), SearchSettings { meilisearch: None }).await?;
    let runtime = etl::register(Runtime::new(test.spine.clone()), &etl);
    let runtime = data::register(runtime, &data);
    let running = search::register(runtime, &search).start(Roles::ALL).await?;

    let account = Uuid::now_v7();
    let started = Instant::now();
    for first in (0..size.records).step_by(TOGETHER) {
        let mut tx = test.spine.begin(Cause::system()).await?;
        tx.record(&DataReceived {
            account,
            plugin: "ms-graph".to_owned(),
            plugin_version: "0.1.0".to_owned(),
            owner: OWNER,
            space: SpaceId::of_person(OWNER),
            labels: Vec::new(),
            records: (first..first + TOGETHER).map(record).collect(),
            consent: None,
        })?;
        tx.commit().await?;
    }
    let received = started.elapsed();
    running.settle().await;
    let searchable = started.elapsed();
    let rate = size.records as f64 / searchable.as_secs_f64();
    table.line(
        "from the event to the index, all of it",
        &format!("{:.1} s, {rate:.0}/s", searchable.as_secs_f64()),
        &format!("recorded in the ledger in {:.1} s", received.as_secs_f64()),
        None,
    );
    write_floors(test.spine.pool(), searchable, table).await?;

    // As the server itself does within a minute after so many rows.
    sqlx::query("ANALYZE").execute(test.spine.pool()).await?;
    let transport = RouterTransport::new(routes(&data, &search), HouseholdPolicy::port());
    let caller = Caller::person(OWNER);
    let ask = async |path: String| transport.json(caller.clone(), "GET", &path, None).await;
    let (_, first) = ask("/entities?type=EmailMessage&limit=100".to_owned()).await;
    let ids: Vec<String> = first["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| Some(item["id"].as_str()?.to_owned()))
        .collect();
    if ids.is_empty() {
        return Err(format!("nothing landed: {first}").into());
    }
    let repetitions = (size.repetitions / 10).max(20);
    let timed = async |path: &dyn Fn(&str) -> String| -> Outcome<Samples> {
        let mut samples = Samples::default();
        for number in 0..repetitions {
            let path = path(&ids[number % ids.len()]);
            let started = Instant::now();
            let (status, body) = ask(path.clone()).await;
            samples.push(started.elapsed());
            if status != 200 {
                return Err(format!("{path}: {status} {body}").into());
            }
        }
        Ok(samples)
    };
    let numbers: Vec<Uuid> = ids.iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
    let id = |number: usize| numbers[number % numbers.len()];
    let pool = test.spine.pool();
    let one = timed(&|id| format!("/entities/{id}")).await?;
    let floor = bare(pool, repetitions, |number| sqlx::query(BY_ID).bind(id(number))).await?;
    read_line("an entity by id", &one, Some(&floor), table);
    let around = timed(&|id| format!("/entities/{id}/neighbours?depth=2")).await?;
    let floor = bare(pool, repetitions, |number| sqlx::query(AROUND).bind(id(number))).await?;
    read_line("its neighbours to depth 2", &around, Some(&floor), table);
    let page = timed(&|_| "/entities?type=EmailMessage&limit=50".to_owned()).await?;
    let floor = bare(pool, repetitions, |_| sqlx::query(PAGE).bind("EmailMessage")).await?;
    read_line("a page of 50 of a type", &page, Some(&floor), table);
    let word = timed(&|_| "/search?q=kumquat&limit=20".to_owned()).await?;
    read_line("a search for a word in all of them", &word, None, table);
    let misspelt = timed(&|_| "/search?q=kumqat%20order&limit=20".to_owned()).await?;
    read_line("a search for two words, one misspelt", &misspelt, None, table);
    running.stop().await;
    Ok(())
}

/// What a read takes by itself: one statement, prepared, on a connection that is there, its rows decoded.
const BY_ID: &str = "SELECT id, version, type, space, data, labels, aliases, keys, recorded_at \
                       FROM data.entity WHERE id = $1 AND superseded_at IS NULL";
const PAGE: &str = "SELECT id, version, type, space, data, labels, aliases, keys, recorded_at \
                      FROM data.entity WHERE type = $1 AND superseded_at IS NULL \
                     ORDER BY id DESC LIMIT 50";
const AROUND: &str = "WITH RECURSIVE near (id, depth) AS ( \
                        SELECT $1::uuid, 0 \
                        UNION \
                        SELECT g.far, n.depth + 1 FROM near n CROSS JOIN LATERAL ( \
                          SELECT to_id AS far FROM data.edge \
                           WHERE from_id = n.id AND superseded_at IS NULL \
                          UNION ALL \
                          SELECT from_id FROM data.edge \
                           WHERE to_id = n.id AND superseded_at IS NULL) AS g \
                         WHERE n.depth < 2) \
                      SELECT e.id, e.data FROM (SELECT DISTINCT id FROM near LIMIT 101) AS n \
                        JOIN data.entity e ON e.id = n.id AND e.superseded_at IS NULL";

async fn bare(
    pool: &PgPool,
    repetitions: usize,
    ask: impl Fn(usize) -> Query<'static, Postgres, PgArguments>,
) -> Outcome<Samples> {
    let mut connection = pool.acquire().await?;
    let mut samples = Samples::default();
    for number in 0..repetitions {
        let started = Instant::now();
        for row in ask(number).fetch_all(&mut *connection).await? {
            let data: Json<Value> = row.try_get("data")?;
            black_box(data);
        }
        samples.push(started.elapsed());
    }
    Ok(samples)
}

fn read_line(what: &str, ours: &Samples, floor: Option<&Samples>, table: &mut Table) {
    let beside = match floor {
        None => "one client, in process".to_owned(),
        Some(floor) => {
            let times = ours.percentile(0.5).as_secs_f64() / floor.percentile(0.5).as_secs_f64();
            format!("one bare statement {}; {times:.1} of it", floor.summary())
        }
    };
    table.line(&format!("{what}, p50 / p95 / p99"), &ours.summary(), &beside, None);
}

/// The rows that came of it, once more: into a table with nothing but its key, as many in a transaction as an
/// event had records, and all of them by one COPY.
async fn write_floors(pool: &PgPool, searchable: Duration, table: &mut Table) -> Outcome {
    let rows = sqlx::query(
        "SELECT id, type, space, data::text, aliases::text, keys::text FROM data.entity \
          WHERE superseded_at IS NULL",
    )
    .fetch_all(pool)
    .await?;
    let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<Uuid>, _>>()?;
    let text = |column: usize| {
        rows.iter().map(|row| row.try_get(column)).collect::<Result<Vec<String>, _>>()
    };
    let columns = (1..6).map(text).collect::<Result<Vec<_>, _>>()?;
    let line = |what: &str, took: Duration, table: &mut Table| {
        let (seconds, times) = (took.as_secs_f64(), searchable.as_secs_f64() / took.as_secs_f64());
        let told = format!("{seconds:.2} s, {:.0}/s", ids.len() as f64 / seconds);
        table.line(what, &told, &format!("the pipeline takes {times:.0} times as long"), None);
    };
    for name in ["bare_insert", "bare_copy"] {
        let make = format!(
            "CREATE TABLE public.{name} (id uuid PRIMARY KEY, type text, space text, data jsonb, \
                                         aliases jsonb, keys jsonb)"
        );
        sqlx::query(sqlx::AssertSqlSafe(make)).execute(pool).await?;
    }

    let mut connection = pool.acquire().await?;
    let started = Instant::now();
    for first in (0..ids.len()).step_by(TOGETHER) {
        let part = first..(first + TOGETHER).min(ids.len());
        sqlx::query(
            "INSERT INTO public.bare_insert \
             SELECT id, type, space, data::jsonb, aliases::jsonb, keys::jsonb \
               FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) \
                 AS n (id, type, space, data, aliases, keys)",
        )
        .bind(&ids[part.clone()])
        .bind(&columns[0][part.clone()])
        .bind(&columns[1][part.clone()])
        .bind(&columns[2][part.clone()])
        .bind(&columns[3][part.clone()])
        .bind(&columns[4][part])
        .execute(&mut *connection)
        .await?;
    }
    let took = started.elapsed();
    line(&format!("the same rows into a bare table, {TOGETHER} a transaction"), took, table);

    let started = Instant::now();
    let mut copy = connection.copy_in_raw("COPY public.bare_copy FROM STDIN").await?;
    let mut lines = String::new();
    for (number, id) in ids.iter().enumerate() {
        lines.push_str(&id.to_string());
        for column in &columns {
            lines.push('\t');
            // JSON as Postgres writes it has no tabs and no line ends of its own.
            lines.push_str(&column[number].replace('\\', "\\\\"));
        }
        lines.push('\n');
        if lines.len() > 64 << 10 || number + 1 == ids.len() {
            copy.send(std::mem::take(&mut lines).into_bytes()).await?;
        }
    }
    copy.finish().await?;
    line("the same rows by one COPY", started.elapsed(), table);
    Ok(())
}

fn routes(data: &Data, search: &Search) -> axum::Router {
    let data = data::routes().with_state(data.clone());
    let (router, _) = data.merge(search::routes().with_state(search.clone())).split_for_parts();
    router
}

/// A message as Graph gives it.
fn record(number: usize) -> RawRecord {
    let payload: Value = json!({
        "id": format!("message-{number}"),
        "receivedDateTime": "2026-11-01T08:00:00Z",
        "sentDateTime": "2026-11-01T07:59:58Z",
        "internetMessageId": format!("<{number}@mail.example>"),
        "subject": format!("Order {number}"),
        "bodyPreview": format!("The kumquat order number {number} is on its way."),
        "body": {
            "contentType": "text",
            "content": format!("The kumquat order number {number} is on its way. ").repeat(12),
        },
        "conversationId": format!("conversation-{}", number / 3),
        "webLink": format!("https://outlook.example/{number}"),
        "from": { "emailAddress": { "name": "Shop", "address": format!("shop{}@shop.example", number % 200) } },
        "toRecipients": [{ "emailAddress": { "name": "Ada", "address": "ada@mail.example" } }],
    });
    RawRecord {
        kind: "ms-graph.message/1".to_owned(),
        external_id: format!("message-{number}"),
        revision: Some("1".to_owned()),
        operation: Operation::Upsert,
        source_time: None,
        media_type: "application/json".to_owned(),
        payload: payload.to_string(),
    }
}
