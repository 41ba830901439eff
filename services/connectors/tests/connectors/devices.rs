//! Devices and what they report.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use chrono::{DateTime, TimeDelta, Utc};
use connectors::{
    ConnectorsError, Device, DeviceBatch, DeviceKind, ItemOutcome, ItemStatus, NewDevice,
};
use contracts::access::{Action, Caller, Decision, Permitted, Policy, Refusal, Resource, actions};
use contracts::events::devices::{DeviceChanged, DeviceReported};
use contracts::testing::HouseholdPolicy;
use http::Request;
use serde_json::{Value, json};
use spine::{Cause, Problem};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::{OWNER, Stage};

async fn register(stage: &Stage) -> (Device, String) {
    let new = NewDevice {
        id: Uuid::now_v7(),
        person: OWNER,
        name: "Ana's phone".to_owned(),
        kind: DeviceKind::Phone,
    };
    let (device, token) = stage.connectors.register_device(new, Cause::system()).await.unwrap();
    (device, token.unwrap())
}

fn battery(report: &str, at: DateTime<Utc>) -> Value {
    json!({ "report": report, "facet": "battery", "at": at, "data": { "level": 50 } })
}

async fn send(stage: &Stage, device: &Device, events: Vec<Value>) -> Vec<ItemOutcome> {
    let batch = DeviceBatch { sent_at: None, events };
    stage.connectors.receive_device_events(device, batch).await.unwrap()
}

fn statuses(outcomes: &[ItemOutcome]) -> Vec<ItemStatus> {
    outcomes.iter().map(|outcome| outcome.status).collect()
}

#[tokio::test]
async fn a_token_opens_until_its_device_is_removed_in_every_process() {
    let stage = Stage::new().await;
    let (device, token) = register(&stage).await;
    let authenticate = async |token: &str| {
        stage.connectors.authenticate_device(token).await.unwrap().map(|device| device.id)
    };
    assert_eq!(authenticate(&token).await, Some(device.id));
    assert_eq!(authenticate(&format!("{token}x")).await, None);
    assert_eq!(authenticate("").await, None);
    let stored: Vec<u8> = sqlx::query_scalar("SELECT token_hash FROM connectors.device")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert_ne!(stored, token.as_bytes(), "it is not kept in clear");

    let elsewhere = connectors::Connectors::open(
        stage.test.another().await.unwrap(),
        crate::support::Source::new(),
    )
    .await
    .unwrap();
    assert!(elsewhere.authenticate_device(&token).await.unwrap().is_some());
    stage.connectors.remove_device(&device, false, Cause::system()).await.unwrap();
    assert_eq!(authenticate(&token).await, None);
    stage.until(async || elsewhere.authenticate_device(&token).await.unwrap().is_none()).await;
    let late = DeviceBatch { sent_at: None, events: vec![battery("r", stage.test.clock.now())] };
    let refused = stage.connectors.receive_device_events(&device, late).await;
    assert!(matches!(refused, Err(ConnectorsError::NotFound)), "{refused:?}");
    stage.settle().await;
    let changes: Vec<_> =
        stage.heard::<DeviceChanged>().into_iter().map(|event| event.change).collect();
    assert_eq!(changes, ["registered", "removed"]);
    stage.running.stop().await;
}

#[tokio::test]
async fn what_was_seen_offline_keeps_its_time_and_no_report_is_taken_twice() {
    let stage = Stage::new().await;
    let (device, _) = register(&stage).await;
    let now = stage.test.clock.now();
    let events = vec![
        battery("r1", now - TimeDelta::days(20)),
        battery("r2", now - TimeDelta::hours(2)),
        battery("r2", now - TimeDelta::hours(1)),
        battery("r3", now - TimeDelta::days(40)),
        battery("r4", now + TimeDelta::hours(1)),
        json!({ "report": "r5", "facet": "location", "at": now, "data": { "latitude": 200, "longitude": 0 } }),
        json!("nonsense"),
    ];
    let outcomes = send(&stage, &device, events.clone()).await;
    use ItemStatus::{Accepted, Refused, Repeated};
    assert_eq!(
        statuses(&outcomes),
        [Accepted, Accepted, Repeated, Refused, Accepted, Refused, Refused]
    );
    assert_eq!(outcomes[5].report.as_deref(), Some("r5"));
    assert!(outcomes[5].reason.as_ref().unwrap().contains("latitude"));
    let again = send(&stage, &device, events).await;
    assert_eq!(
        statuses(&again),
        [Repeated, Repeated, Repeated, Refused, Repeated, Refused, Refused]
    );
    stage.settle().await;
    let reported = stage.heard::<DeviceReported>();
    let times: Vec<_> = reported.iter().map(|event| (event.report.as_str(), event.at)).collect();
    assert_eq!(
        times,
        [("r1", now - TimeDelta::days(20)), ("r2", now - TimeDelta::hours(2)), ("r4", now)]
    );
    assert!(reported.iter().all(|event| event.person == OWNER && event.facet == "battery"));
    // Another device may use the same ids.
    let (other, _) = register(&stage).await;
    assert_eq!(statuses(&send(&stage, &other, vec![battery("r1", now)]).await), [Accepted]);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_batch_has_an_end_and_a_large_one_is_taken_whole() {
    let stage = Stage::new().await;
    let (device, _) = register(&stage).await;
    let now = stage.test.clock.now();
    let events: Vec<Value> = (0..501).map(|n| battery(&n.to_string(), now)).collect();
    let batch = DeviceBatch { sent_at: None, events: events.clone() };
    let refused = stage.connectors.receive_device_events(&device, batch).await;
    assert!(matches!(refused, Err(ConnectorsError::Invalid(_))), "{refused:?}");
    let outcomes = send(&stage, &device, events[..500].to_vec()).await;
    assert!(outcomes.iter().all(|outcome| outcome.status == ItemStatus::Accepted));
    stage.settle().await;
    assert_eq!(stage.heard::<DeviceReported>().len(), 500);
    // What may not come any more need not be remembered.
    stage.later(32 * 86_400).await;
    let remembered: i64 = sqlx::query_scalar("SELECT count(*) FROM connectors.device_report")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(remembered, 0);
    stage.running.stop().await;
}

fn door(stage: &Stage, policy: Arc<dyn Policy>) -> Router {
    let (router, _) = connectors::device_routes(policy).split_for_parts();
    router.with_state(stage.connectors.clone())
}

async fn post(door: &Router, token: &str, body: String) -> (u16, Value) {
    let request = Request::post("/device-events")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    let response = door.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn the_door_takes_batches_and_owntracks_of_known_devices_only() {
    let stage = Stage::new().await;
    let (_, token) = register(&stage).await;
    let door = door(&stage, HouseholdPolicy::port());
    let now = stage.test.clock.now();
    let batch = json!({ "events": [battery("r1", now), battery("r1", now), 5] }).to_string();
    let (status, taken) = post(&door, &token, batch.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&taken["accepted"], &taken["repeated"], &taken["refused"]),
        (&json!(1), &json!(1), &json!(1))
    );

    let location = json!({ "_type": "location", "lat": 48.2, "lon": 16.4, "tst": now.timestamp(), "acc": 8, "tid": "an" });
    for _ in 0..2 {
        assert_eq!(post(&door, &token, location.to_string()).await, (200, json!([])));
    }
    stage.settle().await;
    let reported = stage.heard::<DeviceReported>();
    assert_eq!(reported.len(), 2);
    assert_eq!(reported[1].data["latitude"], 48.2);

    let sealed = json!({ "_type": "encrypted", "data": "c2VjcmV0" }).to_string();
    assert_eq!(post(&door, &token, sealed).await.0, 422, "not taken as if it could be read");

    assert_eq!(post(&door, "sov_device_nobody", batch.clone()).await.0, 401);
    assert_eq!(post(&door, &token, "{".to_owned()).await.0, 400);
    assert_eq!(post(&door, &token, "[]".to_owned()).await.0, 422);
    assert_eq!(post(&door, &token, "{}".to_owned()).await.0, 422);
    let large = json!({ "events": [], "padding": "x".repeat(1 << 20) }).to_string();
    assert_eq!(post(&door, &token, large).await.0, 413);
    stage.running.stop().await;
}

/// Lets devices report nothing.
struct NoReports;

#[async_trait::async_trait]
impl Policy for NoReports {
    fn decide(&self, caller: &Caller, action: Action, resource: &Resource) -> Decision {
        let refused = action == actions::DEVICE_REPORT;
        let decision = HouseholdPolicy.decide(caller, action, resource);
        Decision {
            allowed: decision.allowed && !refused,
            refusal: refused.then_some(Refusal::Policy).or(decision.refusal),
            ..decision
        }
    }

    fn permitted(&self, caller: &Caller, action: Action) -> Permitted {
        HouseholdPolicy.permitted(caller, action)
    }

    async fn settled(&self) -> Result<(), Problem> {
        Ok(())
    }
}

#[tokio::test]
async fn a_device_reports_only_where_the_policy_lets_it() {
    let stage = Stage::new().await;
    let (_, token) = register(&stage).await;
    let batch = json!({ "events": [battery("r1", stage.test.clock.now())] }).to_string();
    let (status, problem) = post(&door(&stage, Arc::new(NoReports)), &token, batch).await;
    assert_eq!((status, &problem["type"]), (403, &json!("urn:sovereign:problem:not-permitted")));
    stage.settle().await;
    assert!(stage.heard::<DeviceReported>().is_empty());
    stage.running.stop().await;
}
