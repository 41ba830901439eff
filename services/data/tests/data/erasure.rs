//! Erasing an entity.

use contracts::jobs::EraseEntities;
use contracts::model::{EntityDraft, Target};
use serde_json::{Value, json};
use spine::{Cause, JobOptions};

use crate::support::{Stage, alias, contact, draft, edge, key, stage};

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_entity_is_gone_from_all_versions_and_from_the_log_and_stays_away() {
    let stage = stage().await;
    let mut ada = contact("1", "Ada Secret");
    ada.labels = vec!["Secret circle".to_owned(), "health".to_owned()];
    ada.aliases = vec![alias("tel", "+43999")];
    ada.provenance.raw = Some("ab".repeat(32));
    ada.edges = vec![edge("knows", Target::Key(key("connector:a", "contact", "2")))];
    stage.write(vec![ada.clone(), contact("2", "Bob")]).await;
    ada.data.insert("note".to_owned(), json!("Very Secret"));
    stage.write(vec![ada.clone()]).await;
    let id = stage.one("alias=tel:%2B43999").await["id"].as_str().unwrap().to_owned();
    let (status, problem) = stage.call("DELETE", &format!("/entities/{id}?erase=true"), None).await;
    assert_eq!(status, 204, "{problem}");
    stage.running.settle().await;

    assert_eq!(stage.call("GET", &format!("/entities/{id}"), None).await.0, 404);
    assert_eq!(stage.call("GET", &format!("/entities/{id}/history"), None).await.0, 404);
    let whole = stage.rows().await;
    assert!(!whole.contains("Secret") && !whole.contains("+43999") && !whole.contains("knows"));
    stage.readable().await;
    let feed = stage.get("/changes").await;
    let mine = feed["items"].as_array().unwrap().iter().filter(|change| change["entity"] == id);
    assert_eq!(mine.map(|change| change["change"].clone()).collect::<Vec<_>>(), ["deleted"]);
    let events = stage.payloads().await;
    let unreadable = events.iter().filter(|(_, data)| *data == Value::Null).count();
    assert_eq!(unreadable, 3, "created, edge, changed: {events:?}");
    let erased = events.iter().find(|(kind, _)| kind == "EntityErased").unwrap();
    assert_eq!(erased.1["records"], json!(["ab".repeat(32)]));

    // Its source does not bring it back, and edges lead there no more.
    let mut other = contact("3", "Charles");
    other.edges = vec![edge("knows", Target::Key(key("connector:a", "contact", "1")))];
    stage.write(vec![ada, other]).await;
    assert_eq!(stage.list("type=Person").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_goes_when_somebody_else_destroys_its_keys() {
    let stage = stage().await;
    stage
        .write(vec![
            contact("1", "Ada"),
            draft("connector:b", "c", "1", "Person", json!({ "name": "Other" })),
        ])
        .await;
    let ada = stage.list("type=Person").await;
    let ada = ada.iter().find(|one| one["data"]["name"] == "Ada").unwrap()["id"].as_str().unwrap();
    stage.erase(&format!("entity:{ada}")).await;
    assert_eq!(stage.one("type=Person").await["data"]["name"], "Other");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_part_of_an_erased_entity_is_erased_with_it() {
    let stage = stage().await;
    stage.write(vec![contact("1", "Ada")]).await;
    stage
        .write(vec![draft("connector:b", "c", "1", "Person", json!({ "name": "Countess Secret" }))])
        .await;
    let all = stage.list("type=Person").await;
    let body = json!({ "kept": all[0]["id"], "absorbed": all[1]["id"], "reason": "Secret" });
    let (_, merge) = stage.call("POST", "/merges", Some(body)).await;
    let path = format!("/entities/{}?erase=true", all[1]["id"].as_str().unwrap());
    assert_eq!(stage.call("DELETE", &path, None).await.0, 204);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM data.entity")
        .fetch_one(stage.test.spine.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
    assert!(!stage.rows().await.contains("Secret"), "nor why the two were one");
    let undo = format!("/merges/{}/undo", merge["id"].as_str().unwrap());
    assert_eq!(stage.call("POST", &undo, None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_has_its_own_erased_by_their_keys_and_nothing_that_waits_brings_them_back() {
    let stage = stage().await;
    let message =
        |text: &str| draft("communication", "message", "1", "Message", json!({ "text": text }));
    stage.write(vec![message("Very Secret")]).await;
    stage.write(vec![message("Secret again"), contact("2", "Bob")]).await;
    let keys = vec![key("communication", "message", "1"), key("communication", "message", "2")];
    let order = EraseEntities { source: "communication".to_owned(), keys };
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    tx.order(&order, JobOptions::default()).unwrap();
    tx.commit().await.unwrap();
    stage.running.settle().await;
    // One that was never written and comes late, and one that comes again.
    let late = draft("communication", "message", "2", "Message", json!({ "text": "Secret too" }));
    stage.write(vec![message("Secret"), late]).await;
    let whole: String = sqlx::query_scalar(
        "SELECT concat((SELECT jsonb_agg(to_jsonb(e)) FROM data.entity e),
                       (SELECT jsonb_agg(to_jsonb(k)) FROM data.source_key k))",
    )
    .fetch_one(stage.test.spine.pool())
    .await
    .unwrap();
    assert!(!whole.contains("Secret") && whole.contains("Bob"), "{whole}");
    let events = serde_json::to_string(&stage.payloads().await).unwrap();
    assert!(!events.contains("Secret"), "{events}");
}

/// A person in an address book of Ada's own.
fn own(id: &str, name: &str) -> EntityDraft {
    let mut one = contact(id, name);
    one.key.source = "connector:own".to_owned();
    one.space = "person:1".parse().unwrap();
    one
}

fn id_of(all: &[Value], name: &str) -> String {
    let one = all.iter().find(|one| one["data"]["name"] == name).unwrap();
    one["id"].as_str().unwrap().to_owned()
}

/// The names that readable events of the service still tell.
async fn told(stage: &Stage) -> Vec<String> {
    let events = stage.payloads().await;
    let name = |data: &Value| data["data"]["name"].as_str().map(str::to_owned);
    let mut names: Vec<String> = events.iter().filter_map(|(_, data)| name(data)).collect();
    names.sort();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_person_goes_all_that_was_in_the_persons_own_space() {
    let stage = stage().await;
    let mut drafts: Vec<EntityDraft> = (0..450)
        .map(|n| {
            let mut one = own(&n.to_string(), &format!("Secret {n}"));
            one.labels = vec!["Secret label".to_owned()];
            one.aliases = vec![alias("email", &format!("secret{n}@example.org"))];
            one.provenance.raw = Some(format!("{n:064x}"));
            one.provenance.revision = Some("Secret revision".to_owned());
            let next = (n + 1).to_string();
            one.edges = vec![
                edge("knows", Target::Key(key("connector:own", "contact", &next))),
                edge("memberOf", Target::Key(key("connector:own", "Secret club", "1"))),
                edge("knows", Target::Alias(alias("email", &format!("Secret unknown {n}")))),
            ];
            one
        })
        .collect();
    stage.write(drafts.clone()).await;
    stage.later(60);
    for one in drafts.iter_mut().take(250) {
        one.data.insert("note".to_owned(), json!("Secret note"));
    }
    stage.write(drafts.clone()).await;
    let mut shared = contact("h", "Household");
    shared.edges = vec![edge("knows", Target::Key(key("connector:own", "contact", "3")))];
    stage.write(vec![shared]).await;
    let all = stage.list("type=Person&limit=200").await;
    let body = json!({ "kept": all[5]["id"], "absorbed": all[6]["id"], "reason": "Secret reason" });
    assert_eq!(stage.call("POST", "/merges", Some(body)).await.0, 201);
    let path = format!("/entities/{}", all[7]["id"].as_str().unwrap());
    let note = json!({ "data": { "note": "Secret thought" } });
    assert_eq!(stage.call("PATCH", &path, Some(note)).await.0, 200);

    // Something of it is on its way still, and comes when it is too late.
    stage.erase("account:1").await;
    drafts.push(own("late", "Secret latecomer"));
    stage.write(drafts).await;

    let rows = stage.rows().await;
    assert!(!rows.to_lowercase().contains("secret"), "{}", &rows[..rows.len().min(2_000)]);
    assert!(!rows.contains("person:1"));
    assert_eq!(told(&stage).await, ["Household"]);
    let events = stage.payloads().await;
    let records: usize = events
        .iter()
        .filter(|(kind, _)| kind == "EntityErased")
        .map(|(_, data)| data["records"].as_array().unwrap().len())
        .sum();
    assert_eq!(records, 450, "whoever keeps the raw records learns of each");
    assert!(!events.iter().any(|(kind, data)| kind == "EdgeChanged"
        && *data != Value::Null
        && data["rel"] == "memberOf"));
    assert_eq!(stage.one("type=Person").await["data"]["name"], "Household");
    let (status, _) = stage
        .call("POST", "/entities", Some(json!({ "type": "Task", "space": "person:1", "data": {} })))
        .await;
    assert_eq!(status, 404, "nothing is kept there any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_had_shared_stays_with_the_others_without_what_it_was_before() {
    let stage = stage().await;
    let mut one = own("1", "Plumber");
    one.data.insert("note".to_owned(), json!("Secret"));
    one.aliases = vec![alias("tel", "+431")];
    stage.write(vec![one]).await;
    let id = stage.one("type=Person").await["id"].as_str().unwrap().to_owned();
    let path = format!("/entities/{id}");
    stage.later(60);
    let shared = json!({ "space": "household", "data": { "note": null } });
    assert_eq!(stage.call("PATCH", &path, Some(shared)).await.0, 200);
    stage.erase("account:1").await;

    let left = stage.get(&path).await;
    assert_eq!(left["data"], json!({ "name": "Plumber" }));
    assert_eq!(left["space"], "household");
    assert_eq!(stage.one("alias=tel:%2B431").await["id"], id);
    let history = stage.get(&format!("{path}/history")).await;
    let spaces: Vec<&Value> =
        history["items"].as_array().unwrap().iter().map(|version| &version["space"]).collect();
    assert_eq!(spaces, ["household", "household"]);
    assert!(!stage.rows().await.contains("Secret"), "also in what its source had said");
    let there: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM data.entity WHERE space = 'person:1')
              + (SELECT count(*) FROM data.change WHERE space = 'person:1')
              + (SELECT count(*) FROM data.source_key WHERE space = 'person:1')
              + (SELECT count(*) FROM data.alias WHERE space = 'person:1')",
    )
    .fetch_one(stage.test.spine.pool())
    .await
    .unwrap();
    assert_eq!(there, 0);
    let readable: Vec<Value> = stage
        .payloads()
        .await
        .into_iter()
        .filter(|(kind, data)| kind.starts_with("EntityC") && *data != Value::Null)
        .map(|(_, data)| data)
        .collect();
    assert_eq!(readable.len(), 1, "told anew, and nothing of what was told before: {readable:?}");
    assert_eq!(readable[0]["version"], left["version"]);
    // It lives on.
    let change = json!({ "data": { "jobTitle": "Plumber" } });
    let bob = contracts::access::Caller::person(crate::support::BOB);
    assert_eq!(stage.call_as(bob, "PATCH", &path, Some(change)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_an_account_of_a_connector_brought_goes_with_it_and_the_words_of_others_stay() {
    const CONNECTOR: &str = "connector:0191d7a0-0000-7000-8000-000000000001";
    let stage = stage().await;
    let from = |id: &str, name: &str| {
        let mut one = contact(id, name);
        one.key.source = CONNECTOR.to_owned();
        one.data.insert("note".to_owned(), json!("Secret"));
        one.edges = vec![edge("knows", Target::Key(key(CONNECTOR, "contact", "Secret ghost")))];
        one
    };
    stage.write(vec![from("1", "Secret Ada"), from("2", "Secret Bob")]).await;
    let mut other = contact("1", "Ada");
    other.provenance.source_time = Some(stage.now() + chrono::Duration::days(1));
    stage.write(vec![other]).await;
    let all = stage.list("type=Person").await;
    let (ada, secret) = (id_of(&all, "Ada"), id_of(&all, "Secret Ada"));
    stage.later(60);
    let body = json!({ "kept": secret, "absorbed": ada });
    assert_eq!(stage.call("POST", "/merges", Some(body)).await.0, 201);
    assert_eq!(stage.list("type=Person").await.len(), 2);

    stage.erase(CONNECTOR).await;
    stage.write(vec![from("3", "Secret latecomer")]).await;
    let left = stage.one("type=Person").await;
    assert_eq!(left["id"].as_str().unwrap(), secret);
    assert_eq!(left["data"], json!({ "name": "Ada" }));
    assert!(!stage.rows().await.contains("Secret"));
    assert_eq!(told(&stage).await, ["Ada"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_part_of_another_for_a_while_is_erased_from_that_ones_past_too() {
    let stage = stage().await;
    stage.write(vec![contact("1", "Ada")]).await;
    stage
        .write(vec![draft("connector:b", "c", "1", "Person", json!({ "nickname": "Secret" }))])
        .await;
    let all = stage.list("type=Person").await;
    let ada = id_of(&all, "Ada");
    let other = all.iter().find(|one| one["id"] != ada.as_str()).unwrap()["id"].clone();
    stage.later(60);
    let body = json!({ "kept": ada, "absorbed": other });
    let (_, merge) = stage.call("POST", "/merges", Some(body)).await;
    stage.later(60);
    let undo = format!("/merges/{}/undo", merge["id"].as_str().unwrap());
    assert_eq!(stage.call("POST", &undo, None).await.0, 200);
    let path = format!("/entities/{}?erase=true", other.as_str().unwrap());
    assert_eq!(stage.call("DELETE", &path, None).await.0, 204);
    stage.running.settle().await;
    assert!(!stage.rows().await.contains("Secret"));
    assert!(!format!("{:?}", stage.payloads().await).contains("Secret"));
    let left = stage.get(&format!("/entities/{ada}")).await;
    assert_eq!(left["data"], json!({ "name": "Ada" }));
    assert_eq!(told(&stage).await, ["Ada"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_service_erases_goes_by_its_subject() {
    const MESSAGE: &str = "0191d7a0-0000-7000-8000-000000000002";
    let stage = stage().await;
    let message =
        draft("communication", "message", MESSAGE, "Message", json!({ "text": "Secret" }));
    stage.write(vec![message.clone()]).await;
    let mut gone = message.clone();
    gone.operation = contracts::model::Operation::Delete;
    stage.write(vec![gone]).await;
    assert!(stage.rows().await.contains("Secret"), "deleted, it keeps its history");
    stage.erase(&format!("message:{MESSAGE}")).await;
    stage.write(vec![message]).await;
    assert!(!stage.rows().await.contains("Secret"), "erased, it has none");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_was_cut_short_goes_on_where_it_stopped() {
    let stage = stage().await;
    let task = |n: u32| EntityDraft { r#type: "Task".to_owned(), ..own(&n.to_string(), "Secret") };
    let drafts: Vec<EntityDraft> = (0..2_000).map(task).collect();
    for part in drafts.chunks(200) {
        stage.order(part.to_vec()).await;
    }
    stage.running.settle().await;
    let Stage { test, running, .. } = stage;
    let count = async || -> i64 {
        let pool = test.spine.pool();
        sqlx::query_scalar("SELECT count(*) FROM data.entity").fetch_one(pool).await.unwrap()
    };
    assert_eq!(count().await, 2_000);
    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    spine::Spine::erase(&mut tx, "account:1").await.unwrap();
    tx.commit().await.unwrap();
    while count().await == 2_000 {
        tokio::task::yield_now().await;
    }
    running.stop().await;
    let left = count().await;
    assert!(left > 0 && left % 200 == 0, "some are gone, each batch whole: {left}");
    // Another process takes over.
    let spine = test.another().await.unwrap();
    let data = data::Data::open(spine.clone(), contracts::api::Api::new()).await.unwrap();
    let runtime = data::register(spine::Runtime::new(spine), &data);
    runtime.start(spine::Roles::ALL).await.unwrap().settle().await;
    assert_eq!(count().await, 0);
}
