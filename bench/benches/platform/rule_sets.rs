//! Many rules on one event: the evaluation by itself, and what an event costs from the ledger to what came of it on
//! disk.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use bench::processor::Processor;
use bench::samples::Samples;
use bench::table::{Goal, Table};
use chrono::DateTime;
use contracts::access::{Caller, SpaceId};
use contracts::api::Api;
use contracts::events::communication::{CallStarted, Party};
use contracts::plugins::{OperatorInfo, PluginError, RuleOperators};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use rules::Rules;
use rules::document::{MediaType, read};
use rules::engine::{
    EventDocument, Explain, Identity, Lookups, Rule, RuleSet, Situation, evaluate,
};
use serde_json::{Value, json};
use spine::testing::TestSpine;
use spine::{Cause, Roles, Runtime, Snowflake};
use uuid::Uuid;

use crate::{Outcome, Size};

/// One type of event triggers so many rules of an owner at most: a thousand have many owners.
const OF_ONE_OWNER: usize = rules::engine::limits::RULES_PER_TYPE;

/// Everybody's condition.
struct Case {
    what: &'static str,
    condition: &'static str,
    goal: bool,
}

const CASES: [Case; 4] = [
    Case {
        what: "all hold, one clause",
        condition: "event.data.from.address.startsWith(\"+43\")",
        goal: true,
    },
    Case {
        what: "all are refused, one clause",
        condition: "event.data.from.address.startsWith(\"+44\")",
        goal: true,
    },
    Case {
        what: "all are refused by the second of two clauses",
        // No equality, which would be lifted into the index: all of them are asked.
        condition: "\"Partner\" in event.data.from.roles && event.data.to.address != \"+4315550100\"",
        goal: true,
    },
    Case { what: "a guard excludes all but one", condition: "", goal: false },
];

pub async fn measure(size: &Size, table: &mut Table) -> Outcome {
    evaluations(size, table)?;
    written(size, table).await
}

fn evaluations(size: &Size, table: &mut Table) -> Outcome {
    table.heading(&format!("Rules: {} rules on one event, one context", size.rules));
    let event = EventDocument::sample("communication.CallStarted.v1", call_data());
    for case in &CASES {
        let started = Instant::now();
        let rules = (0..size.rules)
            .map(|number| compile(number, case.condition))
            .collect::<Outcome<Vec<_>>>()?;
        let compiled = started.elapsed();
        let set = RuleSet::build(rules);
        for (how, explain) in [
            ("as production asks", Explain::Kept),
            ("without any trace", Explain::Nothing),
            ("each with its whole trace", Explain::Everything),
        ] {
            let mut samples = Samples::default();
            let lookups = Lookups::default();
            let mut evaluated = 0;
            for _ in 0..(size.repetitions / 10).max(20) {
                let started = Instant::now();
                let candidates = set.candidates(&event);
                let now = DateTime::UNIX_EPOCH;
                let situation = Situation { event: &event, lookups: &lookups, now, explain };
                evaluated = evaluate(&candidates, &situation, &AtomicUsize::new(0)).len();
                samples.push(started.elapsed());
            }
            // A goal that is met because nobody was asked is none.
            if case.goal && evaluated != size.rules {
                return Err(format!("{}: {evaluated} rules were asked", case.what).into());
            }
            let p50 = samples.percentile(0.5).as_secs_f64() * 1_000.0;
            let goal = case.goal && explain == Explain::Kept;
            table.line(
                &format!("{} ({evaluated}), {how}, p50 / p95 / p99", case.what),
                &samples.summary(),
                &format!(
                    "compiled at save: {:.1} us a rule",
                    compiled.as_secs_f64() * 1e6 / size.rules as f64
                ),
                goal.then_some((Goal::AtMost(2.0), p50)),
            );
        }
    }
    Ok(())
}

/// Whole events: the handler, the job, what came of all rules in Postgres; and reading it.
async fn written(size: &Size, table: &mut Table) -> Outcome {
    table.heading(&format!(
        "Rules: events that {} rules refuse, from the ledger to what came of it on disk",
        size.rules
    ));
    let test = TestSpine::start(&[("rules", &rules::MIGRATIONS)]).await?;
    let api = Api::new();
    let spaces = Router::new().route("/spaces/{space}", get(async || axum::Json(json!({}))));
    api.connect(Arc::new(RouterTransport::new(spaces, HouseholdPolicy::port())));
    let rules = Rules::open(test.spine.clone(), api, Arc::new(NoOperators)).await?;
    let (router, _) = rules::routes().with_state(rules.clone()).split_for_parts();
    let routes = RouterTransport::new(router, HouseholdPolicy::port());
    let mut last = Value::Null;
    for number in 0..size.rules {
        let owner = Caller::person(Snowflake(owner_of(number)));
        let document = document(number, CASES[2].condition);
        let (status, made) = routes.json(owner, "POST", "/rules", Some(document)).await;
        if status != 201 {
            return Err(format!("a rule was not made: {status} {made}").into());
        }
        last = made;
    }
    let runtime = rules::register(Runtime::new(test.spine.clone()), &rules);
    let running = runtime.start(Roles::ALL).await?;
    running.settle().await;

    let events = (size.repetitions / 25).max(20);
    let pool = test.spine.pool();
    let before = (written_so_far(pool).await?, Processor::read(pool).await);
    let started = Instant::now();
    for _ in 0..events {
        let mut tx = test.spine.begin(Cause::by("bench")).await?;
        tx.record(&call())?;
        tx.commit().await?;
    }
    running.settle().await;
    let took = started.elapsed();
    let after = (written_so_far(pool).await?, Processor::read(pool).await);
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM rules.refusal").fetch_one(pool).await?;
    let (postgres, own) = after.1.since(&before.1);
    let each = 1e6 / events as f64;
    table.line_with_processor(
        &format!("an event, of {events} that come at once"),
        &format!("{:.2} ms", took.as_secs_f64() * 1_000.0 / events as f64),
        &format!(
            "{:.1} KiB of write-ahead log, {:.1} rows of refusals an event",
            (after.0 - before.0) as f64 / 1_024.0 / events as f64,
            rows as f64 / events as f64
        ),
        None,
        &format!("{:.0} / {:.0}", postgres.as_secs_f64() * each, own.as_secs_f64() * each),
    );

    let owner = Caller::person(Snowflake(owner_of(size.rules - 1)));
    let path = format!("/rules/{}/evaluations", last["id"].as_str().unwrap_or_default());
    let started = Instant::now();
    let (status, page) = routes.json(owner.clone(), "GET", &path, None).await;
    let folded = started.elapsed();
    let evaluation = page["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    if status != 200 || evaluation.is_empty() {
        return Err(format!("nothing came of a rule: {status} {page}").into());
    }
    table.line(
        "the first look at what came of a rule: all of it is folded",
        &format!("{:.1} ms", folded.as_secs_f64() * 1_000.0),
        &format!("{} refusals", rows * size.rules as i64),
        None,
    );
    let mut samples = Samples::default();
    for _ in 0..(size.repetitions / 25).max(20) {
        let path = format!("/rules/evaluations/{evaluation}");
        let started = Instant::now();
        let (status, whole) = routes.json(owner.clone(), "GET", &path, None).await;
        samples.push(started.elapsed());
        if status != 200 || whole["trace"]["clauses"][0]["read"].is_null() {
            return Err(format!("the trace does not say why: {status} {whole}").into());
        }
    }
    table.line(
        "why a rule was refused, worked out when somebody asks, p50 / p95 / p99",
        &samples.summary(),
        "one client, in process",
        None,
    );
    running.stop().await;
    Ok(())
}

/// Bytes of the write-ahead log since the server began.
async fn written_so_far(pool: &sqlx::PgPool) -> Outcome<i64> {
    Ok(sqlx::query_scalar("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint")
        .fetch_one(pool)
        .await?)
}

fn owner_of(number: usize) -> i64 {
    (number / OF_ONE_OWNER) as i64 + 1
}

fn call_data() -> Value {
    json!({
        "call": Uuid::nil(),
        "from": { "address": "+436645550123", "roles": ["Partner"] },
        "to": { "address": "+4315550100" },
    })
}

/// A call that reaches the household, and so the rules of all its people.
fn call() -> CallStarted {
    let party = |address: &str, roles: &[&str]| Party {
        address: address.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Party::default()
    };
    CallStarted {
        call: Uuid::now_v7(),
        channel: Uuid::nil(),
        owner: Snowflake(1),
        space: SpaceId::household(),
        external_id: "CA1".to_owned(),
        from: party("+436645550123", &["Partner"]),
        to: party("+4315550100", &[]),
        at: DateTime::UNIX_EPOCH,
    }
}

fn document(number: usize, condition: &str) -> Value {
    let condition = match condition {
        "" => format!("event.data.from.address == \"+43664555{number:04}\""),
        condition => condition.to_owned(),
    };
    json!({
        "name": format!("Rule {number}"),
        "on": [{ "type": "communication.CallStarted.v1" }],
        "when": [condition],
        "do": [{ "emit": { "name": "called" } }],
    })
}

fn compile(number: usize, condition: &str) -> Outcome<Arc<Rule>> {
    let document = document(number, condition);
    let document = read(document.to_string().as_bytes(), MediaType::Json)?;
    let owner = Snowflake(owner_of(number));
    let identity = Identity {
        rule: Uuid::from_u128(number as u128),
        version: 1,
        owner,
        space: SpaceId::of_person(owner),
        since: DateTime::UNIX_EPOCH,
    };
    Ok(Arc::new(Rule::compile(identity, &document)?))
}

/// No plugins.
struct NoOperators;

#[async_trait]
impl RuleOperators for NoOperators {
    async fn operators(&self) -> Result<Vec<OperatorInfo>, PluginError> {
        Ok(Vec::new())
    }

    async fn evaluate(&self, plugin: &str, _: &str, _: &Value) -> Result<Value, PluginError> {
        Err(PluginError::Unavailable { plugin: plugin.to_owned(), reason: "none".to_owned() })
    }
}
