//! Who asks too often is told to wait.

use reqwest::Method;
use serde_json::json;
use tests::{Answer, Client, Node, NodeOptions};

/// A node that exempts nobody and lets everyone do little.
async fn strict_node() -> Node {
    let environment = [
        ("SOVEREIGN_LIMITS__EXEMPT", ""),
        ("SOVEREIGN_LIMITS__API__REQUESTS", "5"),
        ("SOVEREIGN_LIMITS__UPLOADS__REQUESTS", "2"),
        ("SOVEREIGN_LIMITS__LOG_IN__REQUESTS", "4"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Node::start_with(NodeOptions { environment: environment.into(), ..NodeOptions::default() })
        .await
}

fn number(answer: &Answer, header: &str) -> u32 {
    answer.headers[header].to_str().unwrap().parse().unwrap()
}

fn assert_too_many(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.text);
    assert_eq!(answer.json["error"], "Too many requests");
    assert_eq!(answer.json["status"], 429);
    assert!((1..=1_800).contains(&number(answer, "retry-after")));
    assert_eq!(number(answer, "x-ratelimit-remaining"), 0);
    let reset = answer.headers["x-ratelimit-reset"].to_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(reset).is_ok(), "{reset}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_or_address_that_calls_too_often_waits_and_others_do_not() {
    let node = strict_node().await;
    let (ada, bob) = (node.person("ada").await, node.person("bob").await);
    let stranger = Client::anonymous(&node.origin());
    for client in [&ada, &stranger] {
        for left in (0..5).rev() {
            let answer = client.get("/api/v2/instance").await.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(number(&answer, "x-ratelimit-limit"), 5);
            assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
        }
        let refused = client.get("/api/v2/instance").await.unwrap();
        assert_too_many(&refused);
        assert_eq!(refused.headers["access-control-allow-origin"], "*");
    }
    assert_eq!(bob.get("/api/v2/instance").await.unwrap().status, 200);
    let invented = stranger.clone().with_token("invented");
    assert_too_many(&invented.get("/api/v2/instance").await.unwrap());
    let elsewhere =
        stranger.request(Method::GET, "/api/v2/instance").header("x-forwarded-for", "203.0.113.9");
    assert_eq!(stranger.send(elsewhere).await.unwrap().status, 200);

    // Other servers and readers of pages are not held back.
    for _ in 0..10 {
        let inbox = stranger.request(Method::POST, "/inbox").body("not json");
        assert_eq!(stranger.send(inbox).await.unwrap().status, 400);
        assert_eq!(stranger.document("/users/ada").await.unwrap().status, 200);
        assert_eq!(stranger.get("/about").await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_and_tries_to_log_in_have_limits_of_their_own() {
    let node = strict_node().await;
    let ada = node.person("ada").await;
    for left in [1, 0] {
        let answer = ada.upload(&tests::film(64), "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
    }
    assert_too_many(&ada.upload(&tests::film(64), "").await);
    // A profile that may bring pictures is an upload as well.
    let path = "/api/v1/accounts/update_credentials";
    let form = reqwest::multipart::Form::new().text("display_name", "Ada");
    let with_files = ada.request(Method::PATCH, path).multipart(form);
    assert_too_many(&ada.send(with_files).await.unwrap());
    assert_eq!(ada.get("/api/v2/instance").await.unwrap().status, 200);

    let stranger = Client::anonymous(&node.origin());
    let guess = json!({ "grant_type": "password", "username": "ada", "password": "guess" });
    // The first of four was Ada's own.
    for _ in 0..3 {
        assert_eq!(stranger.post("/oauth/token", &guess).await.unwrap().status, 401);
    }
    assert_too_many(&stranger.post("/oauth/token", &guess).await.unwrap());
    let form = stranger
        .request(Method::POST, "/sign-in")
        .header("accept", "text/html")
        .form(&[("login", "ada"), ("password", "guess")]);
    let page = stranger.send(form).await.unwrap();
    assert_eq!(page.status, 429);
    assert!(page.text.contains("Too many requests") && page.text.contains("<html"));
    assert!(page.headers.contains_key("retry-after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_this_machine_is_exempt_and_what_its_proxy_passes_on_is_not() {
    let node = Node::start().await;
    let client = Client::anonymous(&node.origin());
    let own = client.get("/api/v2/instance").await.unwrap();
    assert!(!own.headers.contains_key("x-ratelimit-limit"));
    let passed =
        client.request(Method::GET, "/api/v2/instance").header("x-forwarded-for", "203.0.113.9");
    assert_eq!(number(&client.send(passed).await.unwrap(), "x-ratelimit-limit"), 300);
}
