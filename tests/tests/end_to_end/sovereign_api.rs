//! The Sovereign API as its description has it: fuzzed from it, explored in the browser's page, and closed to
//! whoever has no business there.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Bus, Client, Household, needed};
use tokio::process::Command;

const API: &str = "/api/sovereign/v1";
/// How many calls of each kind and operation.
const EXAMPLES: &str = "15";

/// Schemathesis makes calls from the description, good and bad ones; none may fail on our side, and no
/// answer may be one that the description does not know.
#[tokio::test(flavor = "multi_thread")]
async fn fuzzing_finds_no_failure_and_no_undocumented_answer() {
    if Bus::asked_for() == Bus::JetStream {
        println!("skipped: the API is the same on both buses");
        return;
    }
    let home = Household::start().await;
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new(needed("SOVEREIGN_TEST_PYTHON"))
        .current_dir(folder.path())
        .args(["-m", "schemathesis.cli", "run"])
        .arg(format!("{}{API}/openapi.json", home.node.origin()))
        .arg("--header")
        .arg(format!("Authorization: Bearer {}", home.owner.token().unwrap()))
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES])
        // One worker: Python up to 3.11.7 mixes up its threads where two of them parse (CPython gh-106905).
        .args(["--seed", "20261126", "--workers", "1", "--continue-on-failure", "--no-color"])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,\
             response_schema_conformance",
        ])
        .output();
    let output = tokio::time::timeout(Duration::from_secs(900), run).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        text,
        String::from_utf8_lossy(&output.stderr),
        home.node.log()
    );
    let summary: Vec<&str> = text.lines().rev().take(12).collect();
    println!("{}", summary.into_iter().rev().collect::<Vec<_>>().join("\n"));
    assert_eq!(home.ask("/spaces").await.status, 200, "the node is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_for_posts_sees_nothing_of_the_household_and_strangers_see_nothing_at_all() {
    let home = Household::start().await;
    let entity = home
        .post(
            "/entities",
            &json!({ "type": "Task", "space": home.space(), "data": { "name": "Buy a ring" } }),
        )
        .await;
    let path = format!("{API}/entities/{}", entity["id"].as_str().unwrap());
    assert_eq!(home.owner.get(&path).await.unwrap().status, 200);

    // Another person of the household, with every scope.
    let bob = home.node.member("bob").await;
    assert_eq!(bob.get(&path).await.unwrap().status, 404, "not even that it exists");
    let list = bob.get(&format!("{API}/entities?type=Task")).await.unwrap().ok();
    assert_eq!(list["items"], json!([]));
    // A Mastodon app of the owner.
    let app = Client::log_in(&home.node.origin(), "ada", "correct horse battery").await;
    let refused = app.get(&path).await.unwrap();
    assert_eq!(refused.status, 403);
    assert_eq!(refused.headers["content-type"], "application/problem+json; charset=utf-8");
    // Nobody in particular.
    let stranger = Client::anonymous(&home.node.origin());
    assert_eq!(stranger.get(&path).await.unwrap().status, 401);
    let nothing = format!("{API}/entities/018f4e5e-0000-7000-8000-000000000001");
    assert_eq!(stranger.get(&nothing).await.unwrap().status, 401, "nor what does not exist");
    assert_eq!(home.owner.get(&nothing).await.unwrap().status, 404);

    // The description is open to everybody, as a document and as a page.
    let document = stranger.get(&format!("{API}/openapi.json")).await.unwrap().ok();
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/api-docs", "/api-docs/", "/api-docs/swagger-ui-bundle.js"] {
        let http = reqwest_following();
        let page = http.get(format!("{}{path}", home.node.origin())).send().await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
    }

    // The owner reads who looked, and who was refused.
    let seen = home
        .wait_for("the audit log", "/audit?limit=200", |page| {
            let items = page["items"].as_array()?.clone();
            items.iter().any(|entry| entry["allowed"] == false).then_some(items)
        })
        .await;
    assert!(seen.iter().any(|entry| entry["action"] == "entity.read"), "{seen:?}");
    // And the machine proves that nothing of it was changed.
    let output = tokio::process::Command::from(home.node.command())
        .args(["audit", "verify", "--json"])
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["intact"], true, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_decides_what_mastodon_apps_do_and_the_audit_log_tells_of_it() {
    let home = Household::start().await;
    let app = Client::log_in(&home.node.origin(), "ada", "correct horse battery").await;
    let post = json!({ "status": "hello" });
    for _ in 0..3 {
        assert_eq!(app.get("/api/v1/timelines/home").await.unwrap().status, 200);
        assert_eq!(app.post("/api/v1/statuses", &post).await.unwrap().status, 200);
    }
    let quiet = r#"forbid (principal, action == Action::"social.write", resource)
                   when { resource.kind == "status" };"#;
    home.put("/policies/quiet", &json!({ "text": quiet })).await;
    let refused = app.post("/api/v1/statuses", &post).await.unwrap();
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.json["error"].is_string(), "{}", refused.text);
    assert_eq!(app.get("/api/v1/timelines/home").await.unwrap().status, 200);
    let log = home.get("/audit?own=true&limit=200").await;
    let count = |what: &str, allowed: bool| {
        let entries = log["items"].as_array().unwrap().iter();
        let told = entries.filter(|entry| entry["resource"] == what && entry["allowed"] == allowed);
        told.filter(|entry| entry["via"].is_string()).count()
    };
    assert_eq!(count("status.write", false), 1, "{log}");
    // Not one for each time; the change of the policies begins anew, and ten minutes may just be over.
    for what in ["timeline.home", "status.write"] {
        assert!((1..=3).contains(&count(what, true)), "{what}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thing_is_made_once_however_often_the_app_asks_and_never_overwritten_unseen() {
    let home = Household::start().await;
    let body =
        json!({ "type": "Task", "space": home.space(), "data": { "name": "Water the plants" } });
    let mut ids = Vec::new();
    for _ in 0..3 {
        let request = home
            .owner
            .request(reqwest::Method::POST, &format!("{API}/entities"))
            .header("idempotency-key", "plants-1")
            .json(&body);
        let answer = home.owner.send(request).await.unwrap();
        assert!((200..300).contains(&answer.status), "{}", answer.text);
        ids.push(answer.json["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0], ids[2]);
    let path = format!("{API}/entities/{}", ids[0].as_str().unwrap());
    let read = home.owner.get(&path).await.unwrap();
    let tag = read.headers["etag"].clone();
    let patch = |tag: &reqwest::header::HeaderValue| {
        home.owner
            .request(reqwest::Method::PATCH, &path)
            .header("if-match", tag)
            .json(&json!({ "data": { "name": "Water the plants twice" } }))
    };
    assert_eq!(home.owner.send(patch(&tag)).await.unwrap().status, 200);
    assert_eq!(home.owner.send(patch(&tag)).await.unwrap().status, 412);
    let request = home
        .owner
        .request(reqwest::Method::GET, &path)
        .header("if-none-match", home.owner.get(&path).await.unwrap().headers["etag"].clone());
    assert_eq!(home.owner.send(request).await.unwrap().status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_of_no_account_is_refused_and_the_node_goes_on() {
    let home = Household::start().await;
    home.install("rss").await;
    let account = home
        .post(
            "/connectors",
            &json!({
                "plugin": "rss", "name": "Feed", "config": { "url": "https://feed.example/" },
            }),
        )
        .await;
    let hook = format!("/hooks/{}/", account["id"].as_str().unwrap());
    // Two gigabytes are announced, and then sent as they come.
    let two_gigabytes = 2_u64 << 30;
    let announced = home
        .owner
        .request(reqwest::Method::POST, &hook)
        .header("content-length", two_gigabytes)
        .body(reqwest::Body::wrap_stream(endless()));
    if let Ok(answer) = announced.send().await {
        assert_eq!(answer.status(), 413);
    }
    let streamed = home
        .owner
        .request(reqwest::Method::POST, &hook)
        .body(reqwest::Body::wrap_stream(endless()));
    if let Ok(answer) = streamed.send().await {
        assert_eq!(answer.status(), 413);
    }
    let nobody = format!("/hooks/{}/", uuid::Uuid::new_v4());
    let answer = home.owner.post(&nobody, &json!({})).await.unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!(home.ask("/connectors").await.status, 200, "the node is as it was");
}

/// A body without an end.
fn endless() -> impl futures_util::Stream<Item = Result<bytes::Bytes, std::io::Error>> {
    let piece = bytes::Bytes::from_static(&[b'x'; 65_536]);
    futures_util::stream::repeat_with(move || Ok(piece.clone()))
}

/// A browser follows redirects; the tests' client does not.
fn reqwest_following() -> reqwest::Client {
    #[expect(clippy::disallowed_methods, reason = "a test's own client, not the node's")]
    reqwest::Client::builder().build().unwrap()
}
