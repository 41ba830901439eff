//! The routes, as apps and services call them.

use contracts::access::{Caller, SpaceId};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use serde_json::{Value, json};

use crate::stage::{ANNA, BEN, Stage, entity};

fn transport(stage: &Stage) -> RouterTransport {
    let routes = axum::Router::from(search::routes().with_state(stage.search.clone()));
    RouterTransport::new(routes, HouseholdPolicy::port())
}

async fn get(api: &RouterTransport, caller: &Caller, path: &str) -> (u16, Value) {
    api.json(caller.clone(), "GET", path, None).await
}

#[tokio::test]
async fn an_app_searches_page_by_page_with_facets_and_marks() {
    let stage = Stage::postgres().await;
    for number in 0..5 {
        let mut one = entity(
            number,
            "Event",
            json!({"name": format!("Dentist {number}"), "url": "https://x.example/1"}),
        );
        one.space = if number == 4 { SpaceId::of_person(BEN) } else { SpaceId::of_person(ANNA) };
        stage.create(&one).await;
    }
    stage.running.settle().await;
    let (api, anna) = (transport(&stage), Caller::person(ANNA));
    let (status, first) = get(
        &api,
        &anna,
        "/search?q=dentst&facets=type,space&highlight=true&limit=3&type=Event,Task",
    )
    .await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["estimated_total"], 4);
    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    assert_eq!(first["facets"]["type"], json!([{"value": "Event", "count": 4}]));
    assert_eq!(
        first["items"][0]["highlights"][0]["parts"][0],
        json!({"text": "Dentist", "marked": true})
    );
    assert_eq!(first["items"][0]["entity"]["url"], "https://x.example/1");
    let cursor = first["next"].as_str().unwrap();
    let (_, second) =
        get(&api, &anna, &format!("/search?q=dentst&limit=3&type=Event,Task&cursor={cursor}"))
            .await;
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["next"], Value::Null);
    stage.running.stop().await;
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused_and_nobody_is_told_to_sign_in() {
    let stage = Stage::postgres().await;
    let (api, anna) = (transport(&stage), Caller::person(ANNA));
    for (path, problem) in [
        (format!("/search?q={}", "x".repeat(201)), "invalid-query"),
        ("/search?limit=0".to_owned(), "invalid-limit"),
        ("/search?limit=x".to_owned(), "invalid-query"),
        ("/search?space=planet".to_owned(), "invalid-space"),
        ("/search?facets=price".to_owned(), "invalid-facets"),
        ("/search?type=%00".to_owned(), "invalid-filter"),
        ("/search?label=a,,b".to_owned(), "invalid-filter"),
        ("/search?cursor=%25%25".to_owned(), "invalid-cursor"),
        ("/search?cursor=eyJvZmZzZXQiOjN9".to_owned(), "invalid-cursor"),
        ("/search?from=-100000-01-01T00:00:00Z".to_owned(), "invalid-time"),
    ] {
        let (status, body) = get(&api, &anna, &path).await;
        assert_eq!(status, 422, "{path}: {body}");
        assert_eq!(body["type"], format!("urn:sovereign:problem:{problem}"), "{path}");
    }
    assert_eq!(get(&api, &Caller::anonymous(), "/search?q=x").await.0, 401);
    let mut narrow = anna.clone();
    narrow.scopes = Some(vec!["sovereign:read:rules".to_owned()]);
    assert_eq!(get(&api, &narrow, "/search?q=x").await.0, 403);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_rebuild_is_asked_for_once_and_watched() {
    let stage = Stage::postgres().await;
    let (api, anna) = (transport(&stage), Caller::person(ANNA));
    stage.create(&entity(1, "Event", json!({"name": "Opera"}))).await;
    stage.running.settle().await;
    let (status, begun) = api.json(anna.clone(), "POST", "/search/rebuild", None).await;
    assert_eq!(status, 202, "{begun}");
    stage.settle_in_time().await;
    let (status, after) = get(&api, &anna, "/search/status").await;
    assert_eq!((status, &after["documents"], &after["rebuild"]), (200, &json!(1), &Value::Null));
    assert_eq!(after["adapter"], "postgres");
    assert_eq!(api.json(Caller::anonymous(), "POST", "/search/rebuild", None).await.0, 401);
    // How many documents there are is nothing for everybody.
    let mut reader = anna.clone();
    reader.scopes = Some(vec!["sovereign:read".to_owned()]);
    assert_eq!(get(&api, &reader, "/search/status").await.0, 403);
    stage.running.stop().await;
}

#[tokio::test]
async fn things_are_found_by_the_pictures_and_in_the_scripts_they_are_named_in() {
    let stage = Stage::postgres().await;
    for (minutes, name) in [
        (1, "🎂 Anna 👍🏽"),
        (2, "京都の紅葉を見る"),
        (3, "موعد طبيب الأسنان"),
        (4, "Приём у врача"),
        (5, "치과 예약"),
    ] {
        stage.create(&entity(minutes, "Event", json!({"name": name}))).await;
    }
    stage.running.settle().await;
    for (asked, expected) in [
        ("🎂", "🎂 Anna 👍🏽"),
        ("anna 👍", "🎂 Anna 👍🏽"),
        ("紅葉", "京都の紅葉を見る"),
        ("طبيب", "موعد طبيب الأسنان"),
        ("الاسنان", "موعد طبيب الأسنان"),
        ("врача", "Приём у врача"),
        ("приемм", "Приём у врача"),
        ("치과", "치과 예약"),
    ] {
        assert_eq!(stage.titles(asked).await, [expected], "{asked}");
    }
    for asked in ["🎉", "葉紅", "🎂 -anna"] {
        assert_eq!(stage.titles(asked).await, Vec::<String>::new(), "{asked}");
    }
    let longest = "🎂".repeat(200);
    assert_eq!(stage.titles(&longest).await, Vec::<String>::new());
    stage.running.stop().await;
}
