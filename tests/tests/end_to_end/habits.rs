//! Habits of clients that a server has to know: slashes at the end, one name for JSON, links to
//! pages.

use reqwest::Method;
use serde_json::json;
use tests::{Answer, Client, Node};

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_at_the_end_of_an_api_address_changes_nothing() {
    let node = Node::start().await;
    let (ada, bob) = (node.person("ada").await, node.person("bob").await);
    for (path, own) in [("/api/v1/instance/", "uri"), ("/api/v2/instance/", "domain")] {
        let answer = ada.get(path).await.unwrap();
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(answer.ok()[own], node.domain());
    }
    let account = bob.me().await["id"].clone();
    let report = ada.post("/api/v1/reports/", &json!({ "account_id": account })).await.unwrap();
    assert_eq!(report.ok()["target_account"]["id"], account);
    let answer = ada.get("/api/v1/timelines/public/?limit=1&max_id=1").await.unwrap();
    let prev = format!("{}/api/v1/timelines/public?limit=1&min_id=0", node.origin());
    assert_eq!(answer.link("prev").unwrap(), prev);
    let token = ada.request(Method::POST, "/oauth/token/").form(&[("grant_type", "x")]);
    assert_eq!(ada.send(token).await.unwrap().json["error"], "invalid_client");
    // What other servers sign is taken as they write it.
    assert_eq!(ada.document("/users/ada").await.unwrap().status, 200);
    assert_eq!(ada.document("/users/ada/").await.unwrap().status, 404);
}

/// A problem's own members, and the type that it came as.
fn assert_problem(answer: &Answer, status: u16, kind: &str, content_type: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.json["status"], status);
    assert_eq!(answer.json["type"], format!("urn:sovereign:problem:{kind}"));
    assert!(answer.json["title"].is_string() && answer.json["error"].is_string());
    let sent = answer.headers["content-type"].to_str().unwrap();
    assert_eq!(sent, format!("{content_type}; charset=utf-8"));
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_plain_json_to_apps_and_problem_documents_to_servers() {
    const PLAIN: &str = "application/json";
    let node = Node::start().await;
    let ada = node.person("ada").await;
    let stranger = Client::anonymous(&node.origin());

    let answer = ada.get("/api/v1/statuses/1").await.unwrap();
    assert_problem(&answer, 404, "not-found", PLAIN);
    assert_eq!(answer.json["error"], "Record not found");
    let answer = ada.get("/api/v1/nothing").await.unwrap();
    assert_problem(&answer, 404, "no-such-route", PLAIN);
    let answer = ada.post("/api/v1/statuses", &json!({})).await.unwrap();
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let answer = stranger.clone().with_token("invented").get("/api/v1/preferences").await.unwrap();
    assert_problem(&answer, 401, "bad-token", PLAIN);

    let wrong = json!({ "grant_type": "client_credentials", "client_id": "x" });
    let answer = stranger.post("/oauth/token", &wrong).await.unwrap();
    assert_problem(&answer, 401, "invalid-client", PLAIN);
    assert_eq!(answer.json["error"], "invalid_client");
    assert!(answer.json["error_description"].is_string());
    for path in ["/oauth/token", "/oauth/revoke"] {
        let request = stranger.request(Method::POST, path);
        let request = request.header("content-type", "application/json").body("{");
        let answer = stranger.send(request).await.unwrap();
        assert_problem(&answer, 400, "bad-json", PLAIN);
        assert_eq!(answer.json["error"], "invalid_request");
        assert_eq!(answer.json["error_description"], answer.json["title"]);
    }

    let inbox = stranger.request(Method::POST, "/inbox").body("not json");
    let answer = stranger.send(inbox).await.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.headers["content-type"], "application/problem+json; charset=utf-8");
    let answer = stranger.document("/users/nobody").await.unwrap();
    assert_problem(&answer, 404, "not-found", "application/problem+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_hashtag_leads_to_what_people_here_wrote_with_it() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    let post = ada.publish("About #Grüße").await;
    let hidden = json!({ "status": "Unlisted #Grüße", "visibility": "unlisted" });
    ada.post("/api/v1/statuses", &hidden).await.unwrap().ok();
    let address = post["tags"][0]["url"].as_str().unwrap();
    let browse = async |address: &str| {
        let browser = Client::anonymous(&node.origin());
        let request = browser.request(Method::GET, address).header("accept", "text/html");
        browser.send(request).await.unwrap()
    };
    let page = browse(address).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(page.text.contains("<h1>#grüße</h1>"), "{}", page.text);
    assert!(page.text.contains("<p>About ") && !page.text.contains("Unlisted"));
    let content = post["content"].as_str().unwrap();
    let link = format!("href=\"{}/tags/grüße\"", node.origin());
    assert!(content.contains(&link), "{content}");
    let empty = browse("/tags/nothing%3Cb%3E").await;
    assert!(empty.text.contains("<h1>#nothing&#60;b&#62;</h1>"), "{}", empty.text);
    assert_eq!(ada.document(address).await.unwrap().status, 404);
}
