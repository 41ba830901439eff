//! What routes refuse, and how.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::access::{Action, Caller, Decision, Permitted, Policy, Purpose, Refusal, Resource};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use serde_json::json;
use spine::Problem;

use crate::stage::{ANNA, PHONE, Stage, north};

/// Services may read nothing of a special category: its person has not consented.
struct WithoutConsent;

#[async_trait]
impl Policy for WithoutConsent {
    fn decide(&self, caller: &Caller, action: Action, resource: &Resource) -> Decision {
        if resource.labels.iter().any(|label| ["location", "health"].contains(&label.as_str())) {
            assert_eq!((resource.kind, resource.subject), ("present", Some(ANNA)));
            let purpose = caller.purpose.to_string();
            let refusal = Some(Refusal::Consent { purpose });
            return Decision { allowed: false, because: Vec::new(), refusal };
        }
        HouseholdPolicy.decide(caller, action, resource)
    }

    fn permitted(&self, caller: &Caller, action: Action) -> Permitted {
        let mut permitted = HouseholdPolicy.permitted(caller, action);
        permitted.partial = std::mem::take(&mut permitted.whole);
        permitted.hidden_labels = vec!["location".to_owned(), "health".to_owned()];
        permitted
    }

    async fn settled(&self) -> Result<(), Problem> {
        Ok(())
    }
}

#[tokio::test]
async fn a_service_without_consent_is_told_so_and_a_person_is_told_nothing() {
    for stage in [Stage::embedded().await, Stage::redis().await] {
        let routes = axum::Router::from(present::routes().with_state(stage.present.clone()));
        let api = RouterTransport::new(routes, Arc::new(WithoutConsent));
        let rules = Caller::service("rules", Purpose::AUTOMATION).on_behalf_of(ANNA);
        let anna = Caller::person(ANNA);
        let location = format!("/present/person:{ANNA}/location");
        for path in [location.clone(), format!("{location}/window")] {
            // Whether or not there is anything to see.
            let (status, body) = api.json(rules.clone(), "GET", &path, None).await;
            assert_eq!((status, &body["type"]), (403, &"urn:sovereign:problem:no-consent".into()));
            assert_eq!(api.json(anna.clone(), "GET", &path, None).await.0, 404);
        }
        stage.report("location", north(0.0)).await;
        let person = format!("/present/person:{ANNA}");
        assert_eq!(api.json(rules.clone(), "GET", &person, None).await.0, 403);
        assert_eq!(api.json(anna.clone(), "GET", &person, None).await.0, 404);
        stage.report("presence", json!({"state": "home"})).await;
        for caller in [rules, anna] {
            let (status, body) = api.json(caller.clone(), "GET", &person, None).await;
            assert_eq!(status, 200);
            let shown: Vec<_> = body["facets"].as_object().unwrap().keys().collect();
            assert_eq!(shown, ["presence"]);
            let (_, list) = api.json(caller, "GET", "/present", None).await;
            assert_eq!(list["items"][0]["facets"].as_object().unwrap().len(), 1);
        }
        stage.running.stop().await;
    }
}

/// Whatever a state is called, what it tells decides who may see it, one by one and in lists.
#[tokio::test]
async fn what_tells_a_place_or_of_health_is_guarded_under_every_name() {
    for stage in [Stage::embedded().await, Stage::redis().await] {
        let routes = axum::Router::from(present::routes().with_state(stage.present.clone()));
        let api = RouterTransport::new(routes, Arc::new(WithoutConsent));
        let rules = Caller::service("rules", Purpose::AUTOMATION).on_behalf_of(ANNA);
        let anna = Caller::person(ANNA);
        stage.report("activity", json!({"state": "walking", "lat": 48.2, "lon": 16.3})).await;
        stage.report("health", json!({"pulse": 70})).await;
        stage.report("battery", json!({"level": 80})).await;
        for path in [
            format!("/present/person:{ANNA}/activity"),
            format!("/present/device:{PHONE}/health"),
            format!("/present/device:{PHONE}/health/window"),
        ] {
            assert_eq!(stage.get(&path).await.0, 200, "{path}");
            assert_eq!(api.json(anna.clone(), "GET", &path, None).await.0, 404, "{path}");
            assert_eq!(api.json(rules.clone(), "GET", &path, None).await.0, 403, "{path}");
        }
        let (_, list) = api.json(rules, "GET", "/present", None).await;
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
        let facets = list["items"][0]["facets"].as_object().unwrap();
        assert_eq!(facets.keys().collect::<Vec<_>>(), ["battery"]);
        let window = format!("/present/person:{ANNA}/activity/window");
        let (_, window) = stage.get(&window).await;
        assert_eq!(window["measures"][0]["measure"], "reports", "coordinates are not summed up");
        stage.running.stop().await;
    }
}

#[tokio::test]
async fn paths_that_make_no_sense_are_refused() {
    let stage = Stage::embedded().await;
    for path in [
        "/present/planet:1",
        "/present/person:x/location",
        "/present/device:1/battery/window",
        &format!("/present/person:{ANNA}/No%20Facet"),
        &format!("/present/person:{ANNA}/%00"),
        &format!("/present/person:{ANNA}/location/window?span=1y"),
        "/present?cursor=InBsYW5ldDoxIg",
        "/present?limit=0",
    ] {
        let (status, body) = stage.get(path).await;
        assert_eq!(status, 422, "{path}: {body}");
    }
    for absent in [format!("/present/person:{ANNA}/location"), "/present/%ff".to_owned()] {
        let (status, body) = stage.get(&absent).await;
        assert_eq!((status, &body["status"]), (404, &json!(404)), "{absent}");
    }
    stage.running.stop().await;
}
