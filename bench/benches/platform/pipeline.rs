//! Raw records to searchable entities through ETL, data and search, and reads of the graph that comes of it.

use std::time::Instant;

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
    let etl = Etl::open(test.spine.clone(), EtlSettings { default_region: None }).await?;
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
    let mut timed = async |what: &str, path: &dyn Fn(&str) -> String| -> Outcome {
        let mut samples = Samples::default();
        for number in 0..(size.repetitions / 10).max(20) {
            let path = path(&ids[number % ids.len()]);
            let started = Instant::now();
            let (status, body) = ask(path.clone()).await;
            samples.push(started.elapsed());
            if status != 200 {
                return Err(format!("{path}: {status} {body}").into());
            }
        }
        table.line(
            &format!("{what}, p50 / p95 / p99"),
            &samples.summary(),
            "one client, in process",
            None,
        );
        Ok(())
    };
    timed("an entity by id", &|id| format!("/entities/{id}")).await?;
    timed("its neighbours to depth 2", &|id| format!("/entities/{id}/neighbours?depth=2")).await?;
    timed("a page of 50 of a type", &|_| "/entities?type=EmailMessage&limit=50".to_owned()).await?;
    timed("a search for a word in all of them", &|_| "/search?q=kumquat&limit=20".to_owned())
        .await?;
    timed("a search for two words, one misspelt", &|_| {
        "/search?q=kumqat%20order&limit=20".to_owned()
    })
    .await?;
    running.stop().await;
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
