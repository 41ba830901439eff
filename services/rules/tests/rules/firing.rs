//! Rules fire: when, once, with what.

use chrono::TimeDelta;
use contracts::access::SpaceId;
use contracts::events::data::{EntityCreated, EntityVersion};
use contracts::events::rules::RuleFired;
use rules::document::MediaType;
use serde_json::{Map, json};
use spine::EventData;
use spine::ledger;
use uuid::Uuid;

use crate::support::{ANNA, BEN, Stage, call, signal};

const PARTNER_AT_WORK: &str = "
name: Partner calls while I am at work
on: [{type: communication.CallStarted.v1}]
let:
  caller: entity_by_alias('tel', event.data.from.address)
when:
  - \"'Partner' in event.data.from.roles\"
  - state('location').place == 'Work'
do:
  - message:
      to: event.data.from.address
      channel: event.data.channel
      text: 'I am at work, {{ caller.data.name }}. I call back.'
";

async fn fired_events(stage: &Stage) -> usize {
    let query =
        ledger::Query { kind: Some(RuleFired::TYPE.to_owned()), ..ledger::Query::default() };
    ledger::list(&stage.test.spine, &query, 500).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_the_partner_at_work_orders_one_message_to_the_caller() {
    let stage = Stage::start().await;
    let rule = stage.rule(PARTNER_AT_WORK).await;
    stage.world.state("person:11/location", json!({"place": "Work"}));
    stage.world.entity(
        "tel:+431234",
        json!({"id": Uuid::nil(), "type": "Person", "data": {"name": "Jo"}}),
    );

    let event = call(&stage, ANNA, "+431234", &["Partner"]);
    let id = stage.happens(&event).await;
    let sent = stage.sent();
    let [message] = sent.as_slice() else { panic!("one message: {sent:?}") };
    assert_eq!(message.to, ["+431234"]);
    assert_eq!(message.channel, Some(event.channel));
    assert_eq!((message.owner, message.rule), (ANNA, Some(rule)));
    assert_eq!(message.text, "I am at work, Jo. I call back.");
    assert_eq!(message.purpose, "automation");
    assert_eq!(stage.outcomes(rule).await, ["fired"]);
    assert_eq!(fired_events(&stage).await, 1);
    let asked = stage.world.asked();
    assert!(
        asked.iter().all(|line| line.starts_with("service:rules for 11, automation: ")),
        "{asked:?}"
    );

    let whole = stage.newest(rule).await;
    assert_eq!(whole["event"], id.to_string());
    assert_eq!(whole["trace"]["clauses"][1]["read"]["state(\"location\")"]["place"], "Work");
    assert_eq!(whole["trace"]["actions"][0]["kind"], "message");
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_or_without_consent_nothing_is_sent_and_the_trace_says_why() {
    let stage = Stage::start().await;
    let rule = stage.rule(PARTNER_AT_WORK).await;
    stage.happens(&call(&stage, ANNA, "+431", &["Friend"])).await;
    assert!(stage.world.asked().is_empty(), "nothing is looked up for a friend");
    stage.happens(&call(&stage, ANNA, "+431", &["Partner"])).await;
    stage.world.state("person:11/location", json!({"place": "Home"}));
    stage.happens(&call(&stage, ANNA, "+431", &["Partner"])).await;
    stage.world.state("person:11/location", json!({"place": "Work"}));
    stage.world.refuse(true);
    stage.happens(&call(&stage, ANNA, "+431", &["Partner"])).await;
    assert!(stage.sent().is_empty());
    let outcomes = stage.outcomes(rule).await;
    assert_eq!(
        outcomes[0],
        "refused: state(\"location\") was refused: The person has not consented to this"
    );
    assert_eq!(
        outcomes[1..],
        [
            "refused: when[1] does not hold",
            "refused: when[1]: state(\"location\") is not known",
            "refused: when[0] does not hold",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_an_event_does_nothing_twice_when_it_runs_twice() {
    let stage = Stage::start().await;
    stage.rule("name: t\non: [{type: rules.Signalled.v1, where: {name: go}}]\ndo: [{message: {to: '+431', text: x}}]\n").await;
    let id = stage.happens(&signal("go", json!({}))).await;
    // The queue forgets the job, the consumer forgets its place: all of it runs again.
    let pool = stage.test.spine.pool();
    for statement in [
        "DELETE FROM spine.job_key",
        "UPDATE spine.consumer SET transaction_order = 0, sequence = 0 WHERE name = 'rules.events'",
    ] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    stage.running.stop().await;
    let runtime =
        rules::register(spine::Runtime::new(stage.test.another().await.unwrap()), &stage.rules);
    let running = runtime.start(spine::Roles::ALL).await.unwrap();
    running.settle().await;
    running.stop().await;
    let fired: i64 = sqlx::query_scalar("SELECT count(*) FROM rules.firing WHERE event_id = $1")
        .bind(id.0)
        .fetch_one(pool)
        .await
        .unwrap();
    let jobs: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM spine.job WHERE kind = $1) + (SELECT count(*) FROM spine.job_done WHERE kind = $1)",
    )
    .bind("communication.send_outgoing_message")
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!((fired, jobs), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_and_prefixes_decide_who_is_asked() {
    let stage = Stage::start().await;
    let guarded = stage.rule("name: a\non: [{type: rules.Signalled.v1, where: {name: one, data.data.n: 1}}]\ndo: [{intention: {title: x}}]\n").await;
    let prefix = stage.rule("name: b\non: [{type: rules.Sig*}]\nwhen: [\"event.data.name == 'one' && event.data.data.n > 1\"]\ndo: [{intention: {title: x}}]\n").await;
    stage.happens(&signal("one", json!({"n": 1}))).await;
    stage.happens(&signal("one", json!({"n": 2}))).await;
    stage.happens(&signal("two", json!({"n": 2}))).await;
    assert_eq!(stage.outcomes(guarded).await, ["fired"]);
    assert_eq!(stage.outcomes(prefix).await, ["fired", "refused: when[0] does not hold"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_sees_no_event_of_another_person() {
    let stage = Stage::start().await;
    let rule =
        stage.rule("name: t\non: [{type: communication.*}]\ndo: [{intention: {title: x}}]\n").await;
    stage.happens(&call(&stage, BEN, "+431", &[])).await;
    assert!(stage.outcomes(rule).await.is_empty());
    stage.happens(&call(&stage, ANNA, "+431", &[])).await;
    assert_eq!(stage.outcomes(rule).await, ["fired"]);
    // Nor what is guarded closely, unless the policy lets its owner read it for automation.
    let health = stage.rule("name: t\non: [{type: data.*}]\ndo: [{intention: {title: x}}]\n").await;
    let entity = entity(&stage, &["health"]);
    stage.happens(&entity).await;
    stage.world.entity(&entity.now.entity.to_string(), json!({"id": entity.now.entity}));
    let again = EntityCreated { now: entity.now.clone() };
    stage.happens(&again).await;
    stage.world.refuse(true);
    stage.happens(&again).await;
    assert_eq!(
        stage.outcomes(health).await,
        [
            "refused: the event was refused: The person has not consented to this",
            "fired",
            "refused: the event was refused: its owner may not read what it is about",
        ]
    );
}

fn entity(stage: &Stage, labels: &[&str]) -> EntityCreated {
    let now = EntityVersion {
        entity: Uuid::now_v7(),
        version: 1,
        r#type: "Thing".to_owned(),
        space: SpaceId::of_person(ANNA),
        data: Map::new(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        aliases: Vec::new(),
        keys: Vec::new(),
        valid_from: None,
        valid_to: None,
        recorded_at: stage.test.clock.now(),
    };
    EntityCreated { now }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_counts_are_looked_up() {
    let stage = Stage::start().await;
    let rule = stage
        .rule(
            "name: t
on: [{type: rules.Signalled.v1, where: {name: say}}]
let:
  letters: 'operator(\"text/length\", {\"text\": event.data.data.text})'
  before: 'count(\"rules.Signalled.v1\", {\"name\": \"say\"}, \"1h\")'
when: [letters == 5, before >= 2]
do: [{emit: {name: heard, data: {n: '{{ before }}'}}}]
",
        )
        .await;
    for _ in 0..2 {
        stage.happens(&signal("say", json!({"text": "hello"}))).await;
    }
    stage.happens(&signal("say", json!({"text": "hello"}))).await;
    stage.happens(&signal("say", json!({"text": "no"}))).await;
    stage.happens(&signal("say", json!({"text": 5}))).await;
    stage.later(TimeDelta::hours(2)).await;
    stage.happens(&signal("say", json!({"text": "hello"}))).await;
    let outcomes = stage.outcomes(rule).await;
    assert_eq!(outcomes[0], "refused: when[1] does not hold", "an hour has passed");
    assert!(outcomes[1].starts_with("failed: operator("), "{outcomes:?}");
    assert_eq!(outcomes[2..4], ["refused: when[0] does not hold", "fired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_triggers_its_rule() {
    let stage = Stage::start().await;
    let rule = stage.rule("name: t\nschedule: {cron: '*/30 * * * *', zone: Europe/Vienna}\ndo: [{intention: {title: 'at {{ event.data.at }}'}}]\n").await;
    assert!(stage.outcomes(rule).await.is_empty());
    stage.later(TimeDelta::minutes(31)).await;
    assert_eq!(stage.outcomes(rule).await, ["fired"]);
    // What was missed is caught up once.
    stage.later(TimeDelta::hours(5)).await;
    assert_eq!(stage.outcomes(rule).await, ["fired", "fired"]);
    let (status, _) = stage.call(ANNA, "POST", &format!("/rules/{rule}/disable"), None).await;
    assert_eq!(status, 200);
    stage.later(TimeDelta::hours(5)).await;
    assert_eq!(stage.outcomes(rule).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_made_elsewhere_runs_at_once_and_not_for_what_was_before() {
    let stage = Stage::start().await;
    stage.record(&signal("go", json!({}))).await;
    stage.test.clock.advance(TimeDelta::seconds(1));
    // Another process of the node makes the rule.
    let other = rules::Rules::open(
        stage.test.another().await.unwrap(),
        contracts::api::Api::new(),
        std::sync::Arc::new(NoOperators),
    )
    .await
    .unwrap();
    let (router, _) = rules::routes().with_state(other).split_for_parts();
    let routes = contracts::testing::RouterTransport::new(
        router,
        contracts::testing::HouseholdPolicy::port(),
    );
    let document = rules::document::read(
        b"name: t\non: [{type: rules.Signalled.v1, where: {name: go}}]\ndo: [{intention: {title: x}}]\n",
        MediaType::Yaml,
    )
    .unwrap();
    let body = Some(serde_json::to_value(document).unwrap());
    let (status, made) =
        routes.json(contracts::access::Caller::person(ANNA), "POST", "/rules", body).await;
    assert_eq!(status, 201);
    stage.happens(&signal("go", json!({}))).await;
    let rule = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(stage.outcomes(rule).await, ["fired"]);
}

pub struct NoOperators;

#[async_trait::async_trait]
impl contracts::plugins::RuleOperators for NoOperators {
    async fn operators(
        &self,
    ) -> Result<Vec<contracts::plugins::OperatorInfo>, contracts::plugins::PluginError> {
        Ok(Vec::new())
    }

    async fn evaluate(
        &self,
        plugin: &str,
        _: &str,
        _: &serde_json::Value,
    ) -> Result<serde_json::Value, contracts::plugins::PluginError> {
        Err(contracts::plugins::PluginError::Unavailable {
            plugin: plugin.to_owned(),
            reason: "none".to_owned(),
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_in_no_trace() {
    let stage = Stage::start().await;
    let rule = stage.rule("name: t\non: [{type: communication.*}]\nwhen: [\"event.data.from.address == '+431'\", \"event.data.from.address != ''\"]\ndo: [{intention: {title: x}}]\n").await;
    let event = call(&stage, ANNA, "+431", &[]);
    stage.happens(&event).await;
    assert!(stage.newest(rule).await.to_string().contains("+431"));
    let mut tx = stage.test.spine.begin(spine::Cause::system()).await.unwrap();
    spine::Spine::erase(&mut tx, &event.subject()).await.unwrap();
    tx.commit().await.unwrap();
    stage.running.settle().await;
    assert!(!stage.newest(rule).await.to_string().contains("+431"));
}
