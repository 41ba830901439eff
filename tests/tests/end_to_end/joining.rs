//! Joining a node where people are approved first.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Client, Node, NodeOptions};

const PASSWORD: &str = "correct horse battery";

async fn node_that_approves() -> Node {
    let environment = vec![("SOVEREIGN_REGISTRATION__MODE".to_owned(), "approval".to_owned())];
    Node::start_with(NodeOptions { environment, ..NodeOptions::default() }).await
}

/// A client that acts for its app alone.
async fn app(node: &Node) -> Client {
    let stranger = Client::anonymous(&node.origin());
    let body = json!({
        "client_name": "Joining", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob",
        "scopes": "read write follow push",
    });
    let app = stranger.post("/api/v1/apps", &body).await.unwrap().ok();
    let ask = json!({
        "grant_type": "client_credentials", "client_id": app["client_id"],
        "client_secret": app["client_secret"], "scope": "read write follow push",
    });
    let token = stranger.post("/oauth/token", &ask).await.unwrap().ok();
    stranger.with_token(token["access_token"].as_str().unwrap())
}

fn application(username: &str) -> Value {
    json!({
        "username": username, "email": format!("{username}@mail.example"), "password": PASSWORD,
        "agreement": true, "locale": "en", "reason": "I know Ada",
    })
}

/// Runs the program beside the node; what it says where it fails.
async fn run(node: &Node, arguments: &[&str]) -> Result<(), String> {
    let output = tokio::process::Command::from(node.command()).args(arguments).output().await;
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// Everything by which somebody could find an account of this name.
async fn traces(node: &Node, name: &str) -> Vec<(String, bool)> {
    let (stranger, domain) = (Client::anonymous(&node.origin()), node.domain());
    let ada = node.person("ada").await;
    let mut traces = Vec::new();
    for path in [
        format!("/api/v1/accounts/lookup?acct={name}"),
        format!("/.well-known/webfinger?resource=acct:{name}@{domain}"),
        format!("/@{name}"),
    ] {
        let status = stranger.get(&path).await.unwrap().status;
        assert!([200, 404].contains(&status), "{path}: {status}");
        traces.push((path, status == 200));
    }
    let document = stranger.document(&format!("/users/{name}")).await.unwrap();
    traces.push(("document".to_owned(), document.status == 200));
    let request = stranger.request(Method::POST, &format!("/users/{name}/inbox")).body("{}");
    let inbox = stranger.send(request).await.unwrap();
    traces.push(("inbox".to_owned(), inbox.status != 404));
    let found = ada.search(&format!("@{name}@{domain}")).await;
    traces.push(("search".to_owned(), found["accounts"] != json!([])));
    let found = ada.get(&format!("/api/v1/accounts/search?q={name}")).await.unwrap().ok();
    traces.push(("account search".to_owned(), found != json!([])));
    traces
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_approval_is_told_so_and_found_by_nobody_until_they_are_let_in() {
    let node = node_that_approves().await;
    let app = app(&node).await;
    let token = app.post("/api/v1/accounts", &application("bob")).await.unwrap().ok();
    let bob = app.clone().with_token(token["access_token"].as_str().unwrap());

    for path in ["/api/v1/accounts/verify_credentials", "/api/v1/timelines/home"] {
        let told = bob.get(path).await.unwrap();
        assert_eq!(told.status, 403, "{path}: {}", told.text);
        assert_eq!(told.json["error"], "Your login is currently pending approval");
    }
    let post = bob.post("/api/v1/statuses", &json!({ "status": "x" })).await.unwrap();
    assert_eq!(post.status, 403, "{}", post.text);
    assert_eq!(bob.get("/api/v2/instance").await.unwrap().status, 200, "as for any visitor");
    bob.get("/api/v1/apps/verify_credentials").await.unwrap().ok();
    for (what, found) in traces(&node, "bob").await {
        assert!(!found, "{what}");
    }
    // The name is kept for who asked first, in whatever case.
    let taken = app.post("/api/v1/accounts", &application("BOB")).await.unwrap();
    assert_eq!(taken.status, 422, "{}", taken.text);

    run(&node, &["user", "approve", "bob"]).await.unwrap();
    run(&node, &["user", "approve", "bob"]).await.unwrap();
    assert_eq!(bob.me().await["username"], "bob");
    bob.publish("Here I am").await;
    let ada = Client::log_in(&node.origin(), "ada", PASSWORD).await;
    let found = ada.find(&format!("@bob@{}", node.domain())).await;
    let follow = format!("/api/v1/accounts/{}/follow", found["id"].as_str().unwrap());
    assert_eq!(ada.post(&follow, &json!({})).await.unwrap().ok()["following"], true);
    Client::log_in(&node.origin(), "bob", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_turned_down_is_forgotten_and_bad_applications_are_refused_at_once() {
    let node = node_that_approves().await;
    let app = app(&node).await;
    let ada = node.person("ada").await;
    for name in ["ada", "ADA", "admin", "a-b", ""] {
        let refused = app.post("/api/v1/accounts", &application(name)).await.unwrap();
        assert_eq!(refused.status, 422, "{name}: {}", refused.text);
    }
    assert_eq!(ada.me().await["username"], "ada");

    let token = app.post("/api/v1/accounts", &application("eve")).await.unwrap().ok();
    let eve = app.clone().with_token(token["access_token"].as_str().unwrap());
    assert_eq!(eve.get("/api/v1/accounts/verify_credentials").await.unwrap().status, 403);
    run(&node, &["user", "delete", "eve", "--yes"]).await.unwrap();
    assert_eq!(eve.get("/api/v1/accounts/verify_credentials").await.unwrap().status, 401);
    assert!(run(&node, &["user", "approve", "eve"]).await.is_err());
    app.post("/api/v1/accounts", &application("eve")).await.unwrap().ok();
}
