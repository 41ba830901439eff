//! What people and apps do through the API.

use async_trait::async_trait;
use contracts::access::{
    Action, Caller, Decision, Permitted, Policy, Purpose, Refusal, Resource, SpaceId,
};
use serde_json::json;
use spine::Problem;

use crate::support::{ADA, BOB, alias, contact, draft, stage, under};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_writes_changes_and_removes_an_entity() {
    let stage = stage().await;
    let new = json!({ "type": "Task", "space": "person:1", "data": { "name": "Bread", "n": 2.0 }, "labels": ["todo"] });
    let (status, made) = stage.call("POST", "/entities", Some(new)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["keys"][0]["source"], "person:1");
    assert_eq!(made["data"]["n"], 2);
    let path = format!("/entities/{}", made["id"].as_str().unwrap());
    let change =
        json!({ "data": { "name": "Brown bread", "n": null }, "labels": ["todo", "shop"] });
    let (status, changed) = stage.call("PATCH", &path, Some(change)).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["data"], json!({ "name": "Brown bread" }));
    assert_eq!(changed["labels"], json!(["shop", "todo"]));

    let bob = Caller::person(BOB);
    assert_eq!(stage.call_as(bob.clone(), "GET", &path, None).await.0, 404);
    assert_eq!(stage.call_as(bob.clone(), "PATCH", &path, Some(json!({}))).await.0, 404);
    assert_eq!(stage.call_as(bob.clone(), "DELETE", &path, None).await.0, 404);
    assert_eq!(stage.call_as(Caller::anonymous(), "GET", &path, None).await.0, 401);
    let (_, all) = stage.call_as(bob.clone(), "GET", "/entities", None).await;
    assert!(all["items"].as_array().unwrap().is_empty());

    let moved = json!({ "space": "person:2" });
    assert_eq!(stage.call("PATCH", &path, Some(moved)).await.0, 403, "not into somebody else's");
    let moved = json!({ "space": "household" });
    assert_eq!(stage.call("PATCH", &path, Some(moved)).await.0, 200);
    assert_eq!(stage.call_as(bob, "GET", &path, None).await.0, 200);
    assert_eq!(stage.call("DELETE", &path, None).await.0, 204);
    assert_eq!(stage.call("GET", &path, None).await.0, 404);
    assert_eq!(
        stage.events().await,
        ["EntityCreated", "EntityChanged", "EntityChanged", "EntityDeleted"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_word_counts_until_the_source_says_something_newer() {
    let stage = stage().await;
    let mut ada =
        draft("connector:a", "contact", "1", "Person", json!({ "name": "Ada", "email": "a@b" }));
    stage.write(vec![ada.clone()]).await;
    let id = stage.one("type=Person").await["id"].as_str().unwrap().to_owned();
    let path = format!("/entities/{id}");
    stage.later(60);
    let change = json!({ "data": { "name": "Mum", "email": null } });
    let (_, changed) = stage.call("PATCH", &path, Some(change)).await;
    assert_eq!(changed["data"], json!({ "name": "Mum" }));
    // The source says the same again, then something else about another property.
    stage.write(vec![ada.clone()]).await;
    assert_eq!(stage.get(&path).await["data"], json!({ "name": "Mum" }));
    ada.data.insert("telephone".to_owned(), json!("+431"));
    ada.provenance.source_time = Some(stage.now() - chrono::Duration::seconds(30));
    stage.write(vec![ada.clone()]).await;
    assert_eq!(stage.get(&path).await["data"], json!({ "name": "Mum", "telephone": "+431" }));
    stage.later(60);
    ada.data.insert("name".to_owned(), json!("Ada L."));
    ada.provenance.source_time = Some(stage.now());
    stage.write(vec![ada.clone()]).await;
    assert_eq!(stage.get(&path).await["data"]["name"], "Ada L.");

    // Removed by hand, the same words do not bring it back; new ones do.
    assert_eq!(stage.call("DELETE", &path, None).await.0, 204);
    stage.write(vec![ada.clone()]).await;
    assert_eq!(stage.call("GET", &path, None).await.0, 404);
    ada.data.insert("name".to_owned(), json!("Ada again"));
    stage.write(vec![ada]).await;
    assert_eq!(stage.get(&path).await["data"]["name"], "Ada again");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_paged() {
    let stage = stage().await;
    let mut drafts: Vec<_> = (0..25).map(|n| contact(&n.to_string(), &format!("P{n}"))).collect();
    drafts[3].labels = vec!["vip".to_owned()];
    drafts[4].aliases = vec![alias("tel", "+431234")];
    drafts[5].space = "person:2".parse().unwrap();
    stage.write(drafts).await;
    stage.later(60);
    let since = stage.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    stage.write(vec![draft("connector:a", "event", "1", "Event", json!({ "name": "E" }))]).await;
    let mut seen = Vec::new();
    let mut query = "type=Person&limit=10".to_owned();
    loop {
        let page = stage.get(&format!("/entities?{query}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|one| one["id"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("type=Person&limit=10&cursor={next}");
    }
    assert_eq!(seen.len(), 24, "Bob's own is not Ada's");
    seen.dedup();
    assert_eq!(seen.len(), 24);
    assert_eq!(stage.one("label=vip").await["data"]["name"], "P3");
    assert_eq!(stage.one("alias=tel:%2B431234").await["data"]["name"], "P4");
    assert_eq!(stage.one(&format!("updated_since={since}")).await["data"]["name"], "E");
    assert_eq!(stage.get("/entities/count?space=household&type=Person").await["count"], 24);
    for bad in [
        "limit=0",
        "cursor=x",
        "space=mars",
        "updated_since=yesterday",
        "alias=nothing",
        "type=a%00",
    ] {
        let (status, body) = stage.call("GET", &format!("/entities?{bad}"), None).await;
        assert_eq!(status, 422, "{bad}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_tells_what_came_of_each() {
    let stage = stage().await;
    let new = |name: &str, space: &str| json!({ "operation": "create", "entity": { "type": "Task", "space": space, "data": { "name": name } } });
    let body = json!({ "items": [
        new("a", "household"), new("b", "person:2"),
        { "operation": "create", "entity": { "type": "Robot", "space": "household", "data": {} } },
        new("c", "person:1"),
        { "operation": "delete", "id": uuid::Uuid::nil() },
    ] });
    let (status, done) = stage.call("POST", "/entities/batch", Some(body)).await;
    assert_eq!(status, 200, "{done}");
    let statuses = |done: &serde_json::Value| -> Vec<u64> {
        done["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["status"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(statuses(&done), [201, 403, 422, 201, 404]);
    let (first, second) = (done["items"][0]["id"].clone(), done["items"][3]["id"].clone());
    let body = json!({ "items": [
        { "operation": "change", "id": first, "version": 1, "change": { "data": { "name": "A" } } },
        { "operation": "change", "id": second, "version": 7, "change": {} },
        { "operation": "delete", "id": second },
    ] });
    let (_, done) = stage.call("POST", "/entities/batch", Some(body)).await;
    assert_eq!(statuses(&done), [200, 409, 204], "{done}");
    assert_eq!(done["items"][0]["version"], 2);
    assert_eq!(stage.call("POST", "/entities/batch", Some(json!({ "items": [] }))).await.0, 422);
    let many = vec![new("x", "household"); 201];
    assert_eq!(stage.call("POST", "/entities/batch", Some(json!({ "items": many }))).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_feed_tells_each_reader_what_concerns_them_in_order() {
    let stage = stage().await;
    stage.write(vec![contact("1", "Ada"), contact("2", "Bob")]).await;
    stage.readable().await;
    let feed = stage.get("/changes?limit=1").await;
    assert_eq!(feed["items"].as_array().unwrap().len(), 1);
    let rest = stage.get(&format!("/changes?after={}", feed["next"].as_str().unwrap())).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    let after = rest["next"].as_str().unwrap().to_owned();
    assert!(
        stage.get(&format!("/changes?after={after}")).await["items"].as_array().unwrap().is_empty()
    );

    let ada = rest["items"][0]["entity"].as_str().unwrap();
    let moved = json!({ "space": "person:1" });
    assert_eq!(stage.call("PATCH", &format!("/entities/{ada}"), Some(moved)).await.0, 200);
    stage.readable().await;
    let kinds = |feed: &serde_json::Value| -> Vec<String> {
        feed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["change"].as_str().unwrap().to_owned())
            .collect()
    };
    let path = format!("/changes?after={after}");
    assert_eq!(kinds(&stage.get(&path).await), ["deleted", "changed"]);
    let (_, bob) = stage.call_as(Caller::person(BOB), "GET", &path, None).await;
    assert_eq!(kinds(&bob), ["deleted"], "for Bob it is gone");
    assert_eq!(stage.call("GET", "/changes?after=zzz", None).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_reaches_no_further_than_its_scope() {
    let stage = stage().await;
    let mut caller = Caller::person(ADA);
    caller.scopes = Some(vec!["sovereign:read".to_owned()]);
    let new = json!({ "type": "Task", "space": "person:1", "data": {} });
    let (status, problem) = stage.call_as(caller.clone(), "POST", "/entities", Some(new)).await;
    assert_eq!(status, 403);
    assert_eq!(problem["type"], "urn:sovereign:problem:insufficient-scope");
    assert_eq!(stage.call_as(caller, "GET", "/entities", None).await.0, 200);
    // A plugin acts for its person and no further.
    let plugin = Caller::new(contracts::access::Principal::Plugin("p".to_owned()), Purpose::SYNC);
    let other = json!({ "type": "Task", "space": "person:2", "data": {} });
    let (status, _) =
        stage.call_as(plugin.on_behalf_of(ADA), "POST", "/entities", Some(other)).await;
    assert_eq!(status, 403);
}

#[test]
fn the_description_of_the_routes_is_whole() {
    fn references(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(object) => {
                found.extend(object.get("$ref").and_then(|to| to.as_str()).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| references(item, found))
            }
            _ => {}
        }
    }
    let (_, api) = data::routes().split_for_parts();
    let api = serde_json::to_value(&api).unwrap();
    let mut found = Vec::new();
    references(&api, &mut found);
    assert!(!found.is_empty());
    // The node adds the document that all problems have.
    found.retain(|reference| reference != "#/components/schemas/ProblemDocument");
    for reference in found {
        assert!(api.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
    for (path, operations) in api["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap();
            for status in ["400", "401", "403", "422", "503"] {
                assert!(answers.contains_key(status), "{method} {path} does not say {status}");
            }
            assert!(operation["operationId"].is_string() && operation["tags"][0] == "data");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_makes_nothing_twice_and_nobody_overwrites_what_he_has_not_seen() {
    use contracts::api::Transport as _;

    let stage = stage().await;
    let send = |method: &'static str,
                path: String,
                header: (&'static str, String),
                body: serde_json::Value| {
        let transport = stage.transport.clone();
        async move {
            let request = http::Request::builder()
                .method(method)
                .uri(format!("{}{path}", contracts::api::PREFIX))
                .header("content-type", "application/json")
                .header(header.0, header.1)
                .body(body.to_string().into())
                .unwrap();
            let response = transport.call(Caller::person(ADA), request).await.unwrap();
            let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
            let body = serde_json::from_slice(response.body()).unwrap_or_default();
            (response.status().as_u16(), tag, body)
        }
    };
    let new = json!({ "type": "Task", "space": "person:1", "data": { "name": "Once" } });
    let key = || ("idempotency-key", "k1".to_owned());
    let (status, tag, one): (u16, _, serde_json::Value) =
        send("POST", "/entities".to_owned(), key(), new.clone()).await;
    assert_eq!((status, tag.as_deref()), (201, Some("\"1\"")));
    let (_, _, two) = send("POST", "/entities".to_owned(), key(), new.clone()).await;
    assert_eq!(one["id"], two["id"]);
    let batch = json!({ "items": [{ "operation": "create", "entity": new }] });
    let (_, _, first) = send("POST", "/entities/batch".to_owned(), key(), batch.clone()).await;
    let (_, _, again) = send("POST", "/entities/batch".to_owned(), key(), batch).await;
    assert_eq!(first, again);
    assert_eq!(stage.list("type=Task").await.len(), 2);

    let path = format!("/entities/{}", one["id"].as_str().unwrap());
    let change = json!({ "data": { "name": "Twice" } });
    let seen = |version: u32| ("if-match", format!("\"{version}\""));
    assert_eq!(send("PATCH", path.clone(), seen(7), change.clone()).await.0, 412);
    let (status, tag, _) = send("PATCH", path.clone(), seen(1), change.clone()).await;
    assert_eq!((status, tag.as_deref()), (200, Some("\"2\"")));
    assert_eq!(send("DELETE", path.clone(), seen(1), json!({})).await.0, 412);
    let have = ("if-none-match", "\"2\"".to_owned());
    assert_eq!(send("GET", path.clone(), have, json!({})).await.0, 304);
    assert_eq!(send("DELETE", path, seen(2), json!({})).await.0, 204);
}

/// Permits what is in the household and has no label `health`: in queries too, or only where it is asked about
/// each thing.
struct Narrow {
    queries: bool,
}

impl Narrow {
    fn permits() -> Permitted {
        Permitted {
            whole: Vec::new(),
            partial: vec![SpaceId::household()],
            hidden_labels: vec!["health".to_owned()],
        }
    }
}

#[async_trait]
impl Policy for Narrow {
    fn decide(&self, _: &Caller, _: Action, resource: &Resource) -> Decision {
        let allowed = Self::permits().admits(&resource.space, &resource.labels);
        let refusal = (!allowed).then_some(Refusal::Policy);
        Decision { allowed, because: Vec::new(), refusal }
    }

    fn permitted(&self, _: &Caller, _: Action) -> Permitted {
        if self.queries { Self::permits() } else { Permitted::default() }
    }

    async fn settled(&self) -> Result<(), Problem> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_label_hides_in_lists_counts_changes_neighbours_and_history() {
    let stage = stage().await;
    let mut sick = contact("1", "Sick");
    sick.labels = vec!["health".to_owned()];
    let to = contracts::model::Target::Key(sick.key.clone());
    let mut well = contact("2", "Well");
    well.edges = vec![crate::support::edge("knows", to)];
    let mut once = contact("3", "Once sick");
    once.labels = vec!["health".to_owned()];
    stage.write(vec![sick, well, once]).await;
    stage.later(60);
    stage.write(vec![contact("3", "Once sick")]).await;
    stage.readable().await;
    for queries in [true, false] {
        let narrow = under(&stage, Narrow { queries });
        let get = async |path: String| narrow.json(Caller::person(ADA), "GET", &path, None).await;
        let (_, all) = get("/entities?type=Person".to_owned()).await;
        let names: Vec<&str> = all["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["data"]["name"].as_str().unwrap())
            .collect();
        if queries {
            assert_eq!(names.len(), 2);
            assert!(names.contains(&"Well") && names.contains(&"Once sick"), "{names:?}");
            assert_eq!(get("/entities/count".to_owned()).await.1["count"], 2);
            let (_, changes) = get("/changes".to_owned()).await;
            assert_eq!(changes["items"].as_array().unwrap().len(), 2, "{changes}");
        } else {
            assert!(names.is_empty());
        }
        let all = stage.list("type=Person").await;
        let id = |name: &str| {
            let one = all.iter().find(|one| one["data"]["name"] == name).unwrap();
            one["id"].as_str().unwrap().to_owned()
        };
        assert_eq!(get(format!("/entities/{}", id("Sick"))).await.0, 404);
        let (_, around) = get(format!("/entities/{}/neighbours", id("Well"))).await;
        assert!(around["entities"].as_array().unwrap().is_empty());
        let (status, history) = get(format!("/entities/{}/history", id("Once sick"))).await;
        assert_eq!(status, 200);
        let versions: Vec<u64> = history["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|version| version["version"].as_u64().unwrap())
            .collect();
        assert_eq!(versions, [2], "what it was before is hidden");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_part_of_another_is_no_version_that_the_caller_has_seen() {
    use contracts::api::Transport as _;

    let stage = stage().await;
    stage.write(vec![contact("1", "Ada"), contact("2", "Countess")]).await;
    let all = stage.list("type=Person").await;
    // Both have version 1; the merged one gets version 2, which the absorbed one is brought to before.
    let change = json!({ "data": { "jobTitle": "Countess" } });
    let absorbed = format!("/entities/{}", all[1]["id"].as_str().unwrap());
    assert_eq!(stage.call("PATCH", &absorbed, Some(change)).await.0, 200);
    let body = json!({ "kept": all[0]["id"], "absorbed": all[1]["id"] });
    assert_eq!(stage.call("POST", "/merges", Some(body)).await.0, 201);
    assert_eq!(stage.get(&absorbed).await["version"], 2);
    let send = async |method: &str, name: &str, tag: String| {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{absorbed}", contracts::api::PREFIX))
            .header("content-type", "application/json")
            .header(name, tag)
            .body(json!({ "data": { "name": "Overwritten" } }).to_string().into())
            .unwrap();
        let response = stage.transport.call(Caller::person(ADA), request).await.unwrap();
        let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        (response.status().as_u16(), tag)
    };
    let (status, tag) = send("GET", "if-none-match", "\"2\"".to_owned()).await;
    assert_eq!(status, 200, "it is another content than version 2 of the absorbed one");
    assert_eq!(send("GET", "if-none-match", tag.clone().unwrap()).await.0, 304);
    assert_eq!(send("PATCH", "if-match", "\"2\"".to_owned()).await.0, 412);
    assert_eq!(send("PATCH", "if-match", tag.unwrap()).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_clock_is_ahead_does_not_have_the_last_word_for_ever() {
    let stage = stage().await;
    let mut ahead = contact("1", "From the future");
    ahead.provenance.source_time = Some(stage.now() + chrono::Duration::days(3_650));
    stage.write(vec![ahead]).await;
    let mut other = draft("connector:b", "contact", "1", "Person", json!({ "name": "Now" }));
    stage.write(vec![other.clone()]).await;
    let all = stage.list("type=Person").await;
    let body = json!({ "kept": all[0]["id"], "absorbed": all[1]["id"] });
    assert_eq!(stage.call("POST", "/merges", Some(body)).await.0, 201);
    stage.later(60);
    other.data.insert("name".to_owned(), json!("Today"));
    stage.write(vec![other]).await;
    assert_eq!(stage.one("type=Person").await["data"]["name"], "Today");
}
