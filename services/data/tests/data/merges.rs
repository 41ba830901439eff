//! Merges and their undoing, by people and by the rule for clear cases.

use contracts::model::{EntityDraft, Target};
use serde_json::{Value, json};

use crate::support::{Stage, alias, contact, draft, edge, key, stage};

fn person(source: &str, name: &str, at: i64, data: Value) -> EntityDraft {
    let mut data = data;
    data["name"] = json!(name);
    let mut one = draft(source, "contact", "1", "Person", data);
    one.provenance.source_time = chrono::DateTime::from_timestamp(at, 0);
    one
}

async fn named(stage: &Stage, name: &str) -> Value {
    let all = stage.list("type=Person").await;
    all.into_iter().find(|one| one["data"]["name"] == name).unwrap()
}

fn id(entity: &Value) -> &str {
    entity["id"].as_str().unwrap()
}

/// What an entity says, without its version and times.
fn content(entity: &Value) -> Value {
    let mut content = entity.clone();
    for name in ["version", "recorded_at"] {
        content[name] = Value::Null;
    }
    content
}

async fn edges(stage: &Stage, entity: &Value) -> Value {
    let around = stage.get(&format!("/entities/{}/neighbours", id(entity))).await;
    around["edges"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_takes_all_words_together_and_undoing_restores_both_exactly() {
    let stage = stage().await;
    let mut work = person("connector:work", "A. Lovelace", 200, json!({ "jobTitle": "Countess" }));
    work.labels = vec!["work".to_owned()];
    work.aliases = vec![alias("url", "https://work.example/ada")];
    work.edges = vec![edge("worksFor", Target::Key(key("connector:work", "org", "1")))];
    let mut home =
        person("connector:home", "Ada", 100, json!({ "telephone": "+431", "jobTitle": "?" }));
    home.labels = vec!["home".to_owned()];
    home.edges = vec![edge("knows", Target::Key(key("connector:work", "contact", "1")))];
    stage
        .write(vec![
            work,
            draft("connector:work", "org", "1", "Organization", json!({ "name": "Engine" })),
        ])
        .await;
    stage.write(vec![home.clone()]).await;
    let (work, home_before) = (named(&stage, "A. Lovelace").await, named(&stage, "Ada").await);
    let (work_edges, home_edges) = (edges(&stage, &work).await, edges(&stage, &home_before).await);

    let body = json!({ "kept": id(&home_before), "absorbed": id(&work), "reason": "same woman" });
    let (status, merge) = stage.call("POST", "/merges", Some(body.clone())).await;
    assert_eq!(status, 201, "{merge}");
    assert_eq!(stage.call("POST", "/merges", Some(body)).await.0, 422, "they are one already");
    let both = stage.one("type=Person").await;
    assert_eq!(both["id"], home_before["id"]);
    assert_eq!(
        both["data"],
        json!({ "name": "A. Lovelace", "telephone": "+431", "jobTitle": "Countess" })
    );
    assert_eq!(both["labels"], json!(["home", "work"]));
    assert_eq!(both["keys"].as_array().unwrap().len(), 2);
    assert_eq!(stage.get(&format!("/entities/{}", id(&work))).await["id"], both["id"]);
    let merged = edges(&stage, &both).await;
    assert_eq!(merged.as_array().unwrap().len(), 1, "the edge between the two leads nowhere now");
    assert_eq!(merged[0]["from"], both["id"]);
    let found = stage.one("alias=url:https://work.example/ada").await;
    assert_eq!(found["id"], both["id"]);

    // Its sources go on speaking, and each is heard.
    home.data.insert("nickname".to_owned(), json!("Enchantress"));
    home.provenance.source_time = chrono::DateTime::from_timestamp(150, 0);
    stage.write(vec![home]).await;
    let both = stage.one("type=Person").await;
    assert_eq!(both["data"]["nickname"], "Enchantress");
    assert_eq!(both["data"]["name"], "A. Lovelace");

    let undo = format!("/merges/{}/undo", merge["id"].as_str().unwrap());
    let (status, undone) = stage.call("POST", &undo, None).await;
    assert_eq!(status, 200, "{undone}");
    assert_eq!(stage.call("POST", &undo, None).await.0, 409);
    let work_after = stage.get(&format!("/entities/{}", id(&work))).await;
    assert_eq!(content(&work_after), content(&work));
    let mut expected = content(&home_before);
    expected["data"]["nickname"] = json!("Enchantress");
    let home_after = stage.get(&format!("/entities/{}", id(&home_before))).await;
    assert_eq!(content(&home_after), expected);
    assert_eq!(edges(&stage, &work_after).await, work_edges);
    // The edge that leads from one to the other is drawn anew where its source spoke meanwhile.
    let ends =
        |edges: &Value| (edges[0]["from"].clone(), edges[0]["to"].clone(), edges[0]["rel"].clone());
    assert_eq!(ends(&edges(&stage, &home_after).await), ends(&home_edges));
    let kinds = stage.events().await;
    assert!(
        kinds.contains(&"EntitiesMerged".to_owned()) && kinds.contains(&"MergeUndone".to_owned())
    );
    assert_eq!(stage.get("/merges").await["items"][0]["undone_by"], "person:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_merged_in_a_chain_comes_apart_in_any_order() {
    let stage = stage().await;
    for (source, name) in [("connector:a", "One"), ("connector:b", "Two"), ("connector:c", "Three")]
    {
        stage.write(vec![person(source, name, 100, json!({}))]).await;
    }
    let (one, two, three) =
        (named(&stage, "One").await, named(&stage, "Two").await, named(&stage, "Three").await);
    let merge = |kept: &Value, absorbed: &Value| {
        let body = json!({ "kept": id(kept), "absorbed": id(absorbed) });
        let stage = &stage;
        async move {
            stage.call("POST", "/merges", Some(body)).await.1["id"].as_str().unwrap().to_owned()
        }
    };
    let inner = merge(&two, &three).await;
    let outer = merge(&one, &two).await;
    assert_eq!(stage.one("type=Person").await["keys"].as_array().unwrap().len(), 3);
    stage.call("POST", &format!("/merges/{inner}/undo"), None).await;
    assert_eq!(named(&stage, "Three").await["id"], three["id"]);
    assert_eq!(stage.list("type=Person").await.len(), 2);
    stage.call("POST", &format!("/merges/{outer}/undo"), None).await;
    for before in [&one, &two, &three] {
        let after = stage.get(&format!("/entities/{}", id(before))).await;
        assert_eq!(content(&after), content(before));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_who_share_a_number_and_a_name_are_one_and_others_are_asked_about() {
    let stage = stage().await;
    let with = |source: &str, name: &str, number: &str| {
        let mut one = person(source, name, 100, json!({}));
        one.aliases = vec![alias("tel", number)];
        one
    };
    stage.write(vec![with("connector:a", "Ada Lovelace", "+431")]).await;
    stage.write(vec![with("connector:b", "Lovelace, Ada", "+431")]).await;
    let ada = stage.one("type=Person").await;
    assert_eq!(ada["keys"].as_array().unwrap().len(), 2);
    let merge = stage.get("/merges").await["items"][0].clone();
    assert_eq!(merge["by"], "service:data");

    // A child on the same line, and a namesake with nothing else in common.
    stage.write(vec![with("connector:c", "Byron King-Noel", "+431")]).await;
    stage.write(vec![with("connector:d", "Byron King-Noel", "+439")]).await;
    let open = stage.get("/matches").await["items"].as_array().unwrap().clone();
    assert_eq!(open.len(), 2, "{open:?}");
    let by = |evidence: &str| {
        open.iter().find(|one| one["evidence"][0] == evidence).unwrap()["id"].as_str().unwrap()
    };
    assert!(stage.events().await.contains(&"MatchProposed".to_owned()));
    let (status, _) = stage.call("POST", &format!("/matches/{}/refuse", by("tel")), None).await;
    assert_eq!(status, 200);
    assert_eq!(stage.call("POST", &format!("/matches/{}/accept", by("tel")), None).await.0, 409);
    let (status, _) = stage.call("POST", &format!("/matches/{}/accept", by("name")), None).await;
    assert_eq!(status, 200);
    assert_eq!(stage.list("type=Person").await.len(), 2);
    assert!(stage.get("/matches").await["items"].as_array().unwrap().is_empty());

    // Taken apart, they are left apart, whatever is written.
    let undo = format!("/merges/{}/undo", merge["id"].as_str().unwrap());
    assert_eq!(stage.call("POST", &undo, None).await.0, 200);
    let mut again = with("connector:b", "Lovelace, Ada", "+431");
    again.aliases.push(alias("email", "ada@example.org"));
    stage.write(vec![again]).await;
    assert_eq!(stage.list("type=Person").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_in_different_spaces_are_not_merged() {
    let stage = stage().await;
    let mut own = person("connector:b", "Ada", 100, json!({}));
    own.space = "person:1".parse().unwrap();
    own.aliases = vec![alias("tel", "+431")];
    let mut shared = contact("1", "Ada");
    shared.aliases = vec![alias("tel", "+431")];
    stage.write(vec![own]).await;
    stage.write(vec![shared]).await;
    let all = stage.list("type=Person").await;
    assert_eq!(all.len(), 2, "a clear case, yet in two places");
    let body = json!({ "kept": all[0]["id"], "absorbed": all[1]["id"] });
    assert_eq!(stage.call("POST", "/merges", Some(body)).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_of_what_is_private_by_now_is_shown_to_nobody_else() {
    let stage = stage().await;
    stage.write(vec![person("connector:a", "Ada", 100, json!({}))]).await;
    stage.write(vec![person("connector:b", "Countess", 200, json!({}))]).await;
    stage.write(vec![person("connector:c", "Countess", 200, json!({}))]).await;
    let open = stage.get("/matches").await["items"].as_array().unwrap().clone();
    assert_eq!(open.len(), 1);
    let ada = named(&stage, "Ada").await;
    let body = json!({ "kept": ada["id"], "absorbed": open[0]["left"], "reason": "gossip" });
    assert_eq!(stage.call("POST", "/merges", Some(body)).await.0, 201);
    let bob = || contracts::access::Caller::person(crate::support::BOB);
    let count = async |path: &str| {
        let (_, page) = stage.call_as(bob(), "GET", path, None).await;
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((count("/merges").await, count("/matches").await), (1, 1));
    let private = json!({ "space": "person:1" });
    let path = format!("/entities/{}", id(&ada));
    assert_eq!(stage.call("PATCH", &path, Some(private)).await.0, 200);
    assert_eq!((count("/merges").await, count("/matches").await), (0, 0));
    assert_eq!(stage.get("/merges").await["items"].as_array().unwrap().len(), 1);
}
