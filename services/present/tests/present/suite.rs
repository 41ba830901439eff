//! What every adapter must do.

use chrono::TimeDelta;
use contracts::access::{Caller, SpaceId};
use contracts::events::communication::{CallStarted, Party};
use contracts::events::data::EntityDeleted;
use serde_json::{Value, json};
use spine::Cause;
use uuid::Uuid;

use crate::stage::{ANNA, BEN, CHANNEL, PHONE, Stage, north};

macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::stage::Stage::embedded().await).await;
            })*
        }
        mod redis {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::stage::Stage::redis().await).await;
            })*
        }
    };
}

suite!(
    coming_and_going_is_announced_once_each,
    late_reports_change_nothing_but_count,
    states_expire_and_that_is_announced,
    calls_are_seen_while_they_last,
    windows_sum_readings_up,
    sensors_and_batteries_belong_to_their_device,
    what_is_erased_is_forgotten,
    readings_go_with_their_device_also_when_their_state_has_expired,
    an_erased_place_or_person_is_named_no_more,
    a_clock_that_was_ahead_silences_nobody,
    what_cannot_be_kept_holds_up_nothing,
    everybody_sees_what_they_may,
    reports_that_make_no_sense_are_left_out,
    batches_are_taken_in_order,
);

async fn coming_and_going_is_announced_once_each(stage: Stage) {
    let work = stage.place("Work", 0.0, None).await;
    stage.place("Home", 3_000.0, Some(100.0)).await;
    for metres in [3_010.0, 3_020.0, 1_000.0, 140.0, 20.0, 190.0, 160.0, 260.0, 100.0] {
        stage.report("location", north(metres)).await;
        stage.pass(TimeDelta::minutes(2)).await;
    }
    let moves = stage.moves().await;
    let expected: [(Value, Value); 5] = [
        (Value::Null, "Home".into()),
        ("Home".into(), Value::Null),
        (Value::Null, "Work".into()),
        ("Work".into(), Value::Null),
        (Value::Null, "Work".into()),
    ];
    assert_eq!(moves, expected, "190 metres is no leaving yet");
    let now = stage.location().await;
    assert_eq!(now["value"]["place"], "Work");
    assert_eq!(now["value"]["place_entity"], work.entity.to_string());
    assert_eq!(now["value"]["accuracy"], 10.0);
    // A name is as good as coordinates.
    stage.report("location", json!({"place": "home"})).await;
    assert_eq!(stage.location().await["value"]["place"], "Home");
    // A place that is gone names nothing any more.
    stage
        .record(&EntityDeleted {
            entity: work.entity,
            version: 1,
            r#type: "Place".to_owned(),
            space: work.space.clone(),
        })
        .await;
    stage.pass(TimeDelta::minutes(1)).await;
    stage.report("location", north(0.0)).await;
    assert_eq!(stage.location().await["value"]["place"], Value::Null);
    assert_eq!(stage.location().await["value"]["latitude"], 48.2);
    stage.running.stop().await;
}

async fn late_reports_change_nothing_but_count(stage: Stage) {
    stage.place("Work", 0.0, None).await;
    let begin = stage.now();
    stage.pass(TimeDelta::minutes(30)).await;
    stage.report("location", north(0.0)).await;
    let since = stage.location().await["since"].clone();
    stage.report_at("location", north(9_000.0), begin).await;
    stage.report_at("location", north(9_000.0), begin + TimeDelta::minutes(29)).await;
    assert_eq!(stage.location().await["value"]["place"], "Work");
    assert_eq!(stage.location().await["since"], since);
    assert_eq!(stage.moves().await.len(), 1);
    let window = stage.get(&format!("/present/person:{ANNA}/location/window?span=1h")).await.1;
    assert_eq!(window["measures"][0]["measure"], "reports");
    assert_eq!(window["measures"][0]["count"], 3);
    // A clock that is ahead does not silence the others.
    stage.report_at("location", north(9_000.0), begin + TimeDelta::days(400)).await;
    assert_eq!(stage.location().await["value"]["place"], Value::Null);
    stage.pass(TimeDelta::minutes(1)).await;
    stage.report("location", north(0.0)).await;
    assert_eq!(stage.location().await["value"]["place"], "Work");
    stage.running.stop().await;
}

async fn states_expire_and_that_is_announced(stage: Stage) {
    stage.place("Work", 0.0, None).await;
    stage.report("location", north(0.0)).await;
    stage.report("presence", json!({"state": "home"})).await;
    stage.pass(TimeDelta::minutes(14)).await;
    assert_eq!(stage.get(&format!("/present/person:{ANNA}/presence")).await.0, 200);
    stage.report("presence", json!({"state": "home"})).await;
    stage.pass(TimeDelta::minutes(14)).await;
    let (status, presence) = stage.get(&format!("/present/person:{ANNA}/presence")).await;
    assert_eq!((status, &presence["value"]["state"]), (200, &"home".into()));
    assert_eq!(stage.announced().await.len(), 2, "arrived, and is there");
    stage.pass(TimeDelta::minutes(2)).await;
    assert_eq!(stage.get(&format!("/present/person:{ANNA}/presence")).await.0, 404);
    stage.pass(TimeDelta::hours(23)).await;
    assert_eq!(stage.get(&format!("/present/person:{ANNA}/location")).await.0, 200);
    stage.pass(TimeDelta::hours(1)).await;
    assert_eq!(stage.get(&format!("/present/person:{ANNA}")).await.0, 404);
    let ended: Vec<_> = stage.announced().await.into_iter().skip(2).collect();
    assert_eq!(ended.len(), 2);
    assert!(
        ended.iter().all(|change| change.now.is_none() && change.before.is_some()),
        "{ended:?}"
    );
    assert_eq!((ended[0].facet.as_str(), ended[1].facet.as_str()), ("presence", "location"));
    // What an offline device tells of long ago is no news.
    let long_ago = stage.now() - TimeDelta::hours(30);
    stage.report_at("location", north(0.0), long_ago).await;
    assert_eq!(stage.announced().await.len(), 4);
    assert_eq!(stage.get(&format!("/present/person:{ANNA}")).await.0, 404);
    stage.running.stop().await;
}

async fn calls_are_seen_while_they_last(stage: Stage) {
    let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let of = |subject: String| format!("/present/{subject}/call");
    let (person, channel) = (of(format!("person:{ANNA}")), of(format!("channel:{CHANNEL}")));
    stage.call_starts(first).await;
    let begun = stage.get(&person).await.1;
    assert_eq!(begun["value"]["status"], "ringing");
    assert_eq!(begun["value"]["from"]["roles"], json!(["Partner"]));
    assert_eq!(stage.get(&channel).await.1["value"]["call"], first.to_string());
    stage.pass(TimeDelta::seconds(5)).await;
    stage.call_changes(first, "answered").await;
    let answered = stage.get(&person).await.1;
    assert_eq!(
        (&answered["value"]["status"], &answered["since"]),
        (&"answered".into(), &begun["since"])
    );
    stage.pass(TimeDelta::seconds(5)).await;
    stage.call_starts(second).await;
    assert_eq!(stage.get(&person).await.1["value"]["call"], second.to_string());
    stage.pass(TimeDelta::seconds(5)).await;
    stage.call_changes(second, "no_answer").await;
    assert_eq!(stage.get(&person).await.1["value"]["call"], first.to_string());
    stage.pass(TimeDelta::seconds(5)).await;
    stage.call_changes(first, "completed").await;
    stage.call_changes(first, "completed").await;
    assert_eq!((stage.get(&person).await.0, stage.get(&channel).await.0), (404, 404));
    let person: Vec<_> = stage
        .announced()
        .await
        .into_iter()
        .filter(|change| change.subject.starts_with("person:"))
        .collect();
    let call = |value: &Option<Value>| value.as_ref().map(|value| value["call"].clone());
    let steps: Vec<_> =
        person.iter().map(|change| (call(&change.before), call(&change.now))).collect();
    let (first, second) =
        (Some(Value::from(first.to_string())), Some(Value::from(second.to_string())));
    assert_eq!(
        steps,
        [
            (None, first.clone()),
            (first.clone(), second.clone()),
            (second, first.clone()),
            (first, None)
        ]
    );
    stage.running.stop().await;
}

async fn windows_sum_readings_up(stage: Stage) {
    let device = format!("device:{PHONE}");
    for (minutes, value) in [(0_i64, 18.0), (30, 20.0), (30, 25.0), (2, 22.0)] {
        stage.pass(TimeDelta::minutes(minutes)).await;
        stage.report("sensor", json!({"name": "Temperature", "value": value, "unit": "C"})).await;
    }
    let late = stage.now() - TimeDelta::minutes(4);
    stage.report_at("sensor", json!({"name": "Temperature", "value": 10.0}), late).await;
    let window = |span: &str| {
        let path = format!("/present/{device}/sensor.temperature/window?span={span}");
        let stage = &stage;
        async move {
            let measures = stage.get(&path).await.1["measures"].clone();
            let one = &measures[0];
            assert_eq!(one["measure"], "value", "{measures}");
            let number = |name: &str| one[name].as_f64().unwrap();
            (number("count"), number("min"), number("max"), number("mean"), number("last"))
        }
    };
    assert_eq!(window("5m").await, (3.0, 10.0, 25.0, 19.0, 22.0));
    assert_eq!(window("1h").await, (4.0, 10.0, 25.0, 19.25, 22.0));
    assert_eq!(window("24h").await, (5.0, 10.0, 25.0, 19.0, 22.0));
    let state = stage.get(&format!("/present/{device}/sensor.temperature")).await.1;
    assert_eq!(state["value"]["value"], 22.0, "a late reading is not the state");
    assert_eq!(
        stage.get(&format!("/present/{device}/sensor.temperature/window?span=7d")).await.0,
        422
    );
    stage.running.stop().await;
}

async fn sensors_and_batteries_belong_to_their_device(stage: Stage) {
    stage.report("battery", json!({"level": 80})).await;
    stage.report("activity", json!({"state": "walking"})).await;
    let device = stage.get(&format!("/present/device:{PHONE}")).await.1;
    assert_eq!(device["facets"]["battery"]["value"]["level"], 80);
    let person = stage.get(&format!("/present/person:{ANNA}")).await.1;
    assert_eq!(person["facets"]["activity"]["value"]["state"], "walking");
    assert_eq!(stage.announced().await.len(), 0, "readings are no events");
    stage.running.stop().await;
}

async fn what_is_erased_is_forgotten(stage: Stage) {
    stage.place("Work", 0.0, None).await;
    stage.report("location", north(0.0)).await;
    stage.report("battery", json!({"level": 80})).await;
    stage.call_starts(Uuid::from_u128(1)).await;
    assert_eq!(stage.readable().await, (3, 0), "at work, and a call of person and channel");
    stage.erase(&format!("device:{PHONE}")).await;
    assert_eq!(stage.get(&format!("/present/device:{PHONE}")).await.0, 404);
    let person = stage.get(&format!("/present/person:{ANNA}")).await.1;
    assert_eq!(person["facets"].as_object().unwrap().keys().collect::<Vec<_>>(), ["call"]);
    let window = stage.get(&format!("/present/person:{ANNA}/location/window")).await.1;
    assert_eq!(window["measures"], json!([]));
    assert_eq!(stage.readable().await, (2, 1), "where they were is in no log either");
    stage.erase(&format!("account:{ANNA}")).await;
    assert_eq!(stage.get(&format!("/present/person:{ANNA}")).await.0, 404);
    // What is told of their call now says nothing of it any more.
    stage.call_changes(Uuid::from_u128(1), "answered").await;
    assert_eq!(stage.get(&format!("/present/person:{ANNA}")).await.0, 404);
    stage.erase("call:00000000-0000-0000-0000-000000000001").await;
    assert_eq!(stage.readable().await, (0, 3));
    assert_eq!(stage.get(&format!("/present/channel:{CHANNEL}")).await.0, 404);
    stage.running.stop().await;
}

async fn readings_go_with_their_device_also_when_their_state_has_expired(stage: Stage) {
    stage.report("presence", json!({"state": "home", "pulse": 70})).await;
    stage.pass(TimeDelta::minutes(20)).await;
    let window = format!("/present/person:{ANNA}/presence/window");
    assert_eq!(stage.get(&window).await.1["measures"][0]["last"], 70.0);
    stage.erase(&format!("device:{PHONE}")).await;
    assert_eq!(stage.get(&window).await.1["measures"], json!([]));
    stage.running.stop().await;
}

async fn an_erased_place_or_person_is_named_no_more(stage: Stage) {
    let work = stage.place("Work", 0.0, None).await;
    stage.report("location", north(0.0)).await;
    let partner = Uuid::from_u128(77);
    stage
        .record(&CallStarted {
            call: Uuid::from_u128(1),
            channel: CHANNEL,
            owner: ANNA,
            space: SpaceId::of_person(ANNA),
            external_id: "CA1".to_owned(),
            from: Party {
                address: "+43155501".to_owned(),
                entity: Some(partner),
                name: Some("Ben".to_owned()),
                ..Party::default()
            },
            to: Party::default(),
            at: stage.now(),
        })
        .await;
    stage.running.settle().await;
    let announced = stage.announced().await.len();
    stage.erase(&format!("entity:{}", work.entity)).await;
    stage.erase(&format!("entity:{partner}")).await;
    let here = stage.location().await["value"].clone();
    assert_eq!((&here["place"], &here["place_entity"]), (&Value::Null, &Value::Null));
    assert_eq!(here["latitude"], 48.2);
    let answers = stage.get("/present").await.1.to_string();
    for gone in ["Work", "Ben", "+43155501", &partner.to_string(), &work.entity.to_string()] {
        assert!(!answers.contains(gone), "{gone} is in {answers}");
    }
    stage.call_changes(Uuid::from_u128(1), "answered").await;
    let call = stage.get(&format!("/present/person:{ANNA}/call")).await.1;
    assert_eq!(
        (&call["value"]["status"], &call["value"]["from"]["name"]),
        (&json!("answered"), &Value::Null)
    );
    stage.report("location", north(10.0)).await;
    assert_eq!(stage.announced().await.len(), announced, "nobody went anywhere");
    stage.running.stop().await;
}

async fn a_clock_that_was_ahead_silences_nobody(stage: Stage) {
    stage.place("Work", 0.0, None).await;
    stage.place("Home", 3_000.0, None).await;
    stage.test.clock.advance(TimeDelta::days(30));
    stage.report("location", north(0.0)).await;
    stage.report("battery", json!({"level": 10})).await;
    stage.test.clock.advance(TimeDelta::days(-30));
    let location = format!("/present/person:{ANNA}/location");
    assert_eq!(stage.get(&location).await.0, 404, "nobody knows what will be");
    stage.report("location", north(3_000.0)).await;
    stage.report("battery", json!({"level": 90})).await;
    assert_eq!(stage.location().await["value"]["place"], "Home");
    let battery = stage.get(&format!("/present/device:{PHONE}/battery")).await.1;
    assert_eq!(battery["value"]["level"], 90);
    assert_eq!(stage.moves().await.last().unwrap().1, "Home");
    stage.running.stop().await;
}

async fn what_cannot_be_kept_holds_up_nothing(stage: Stage) {
    let nul = "a\u{0}b".to_owned();
    stage
        .record(&CallStarted {
            call: Uuid::from_u128(1),
            channel: CHANNEL,
            owner: ANNA,
            space: SpaceId::of_person(ANNA),
            external_id: "CA1".to_owned(),
            from: Party {
                address: nul.clone(),
                name: Some(nul.clone()),
                roles: vec![nul],
                ..Party::default()
            },
            to: Party::default(),
            at: stage.now(),
        })
        .await;
    stage.call_changes(Uuid::from_u128(1), "ring\u{0}ing").await;
    stage.report("presence", json!({"state": "home"})).await;
    let person = stage.get(&format!("/present/person:{ANNA}")).await.1;
    assert_eq!(person["facets"]["presence"]["value"]["state"], "home");
    assert_eq!(person["facets"]["call"]["value"]["from"]["name"], "a\u{fffd}b");
    stage.running.stop().await;
}

async fn everybody_sees_what_they_may(stage: Stage) {
    stage.report("presence", json!({"state": "home"})).await;
    stage.report("location", north(0.0)).await;
    stage.report("battery", json!({"level": 80})).await;
    let (status, list) = stage.get("/present").await;
    let subjects = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["subject"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(status, 200);
    assert_eq!(subjects(&list), [format!("device:{PHONE}"), format!("person:{ANNA}")]);
    assert_eq!(list["items"][1]["facets"].as_object().unwrap().len(), 2);
    let (_, first) = stage.get("/present?limit=1").await;
    let (_, second) =
        stage.get(&format!("/present?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(
        (subjects(&second), &second["next"]),
        (vec![format!("person:{ANNA}")], &Value::Null)
    );
    // Ben is not told that there is anything.
    let ben = Caller::person(BEN);
    assert_eq!(subjects(&stage.get_as(ben.clone(), "/present").await.1), Vec::<String>::new());
    for path in [
        format!("/present/person:{ANNA}"),
        format!("/present/person:{ANNA}/location"),
        format!("/present/person:{ANNA}/location/window"),
        format!("/present/device:{PHONE}"),
        format!("/present/device:{PHONE}/battery"),
        format!("/present/device:{PHONE}/battery/window"),
    ] {
        assert_eq!(stage.get(&path).await.0, 200, "{path}");
        assert_eq!(stage.get_as(ben.clone(), &path).await.0, 404, "{path}");
        assert_eq!(stage.get_as(Caller::anonymous(), &path).await.0, 401, "{path}");
    }
    stage.running.stop().await;
}

async fn reports_that_make_no_sense_are_left_out(stage: Stage) {
    for data in [
        json!({"latitude": 91.0, "longitude": 0.0}),
        json!({"latitude": "x", "longitude": 0.0}),
        json!({}),
        json!({"place": "\u{0}"}),
    ] {
        stage.report("location", data).await;
    }
    stage.report("no facet!", json!({"a": 1})).await;
    stage.report("sensor", json!({"name": "a", "text": "\u{0}"})).await;
    stage.report_at("battery", json!({"level": 1}), chrono::DateTime::UNIX_EPOCH).await;
    stage.report("battery", json!({"level": 2})).await;
    let (_, list) = stage.get("/present").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["items"][0]["facets"]["battery"]["value"]["level"], 2);
    stage.running.stop().await;
}

async fn batches_are_taken_in_order(stage: Stage) {
    stage.place("Work", 0.0, None).await;
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    for number in 0..300_u32 {
        let metres = if number % 10 < 5 { 0.0 } else { 1_000.0 };
        tx.record(&contracts::events::devices::DeviceReported {
            device: PHONE,
            person: ANNA,
            report: number.to_string(),
            facet: "location".to_owned(),
            at: stage.now() - TimeDelta::seconds(600) + TimeDelta::seconds(i64::from(number)),
            data: north(metres).as_object().cloned().unwrap(),
        })
        .unwrap();
    }
    tx.commit().await.unwrap();
    stage.running.settle().await;
    assert_eq!(stage.moves().await.len(), 60, "thirty times to work and away");
    let window = stage.get(&format!("/present/person:{ANNA}/location/window")).await.1;
    assert_eq!(window["measures"][0]["count"], 300);
    stage.running.stop().await;
}
