//! Habits of clients that a server has to know: slashes at the end, one name for JSON, links to
//! pages.

use reqwest::Method;
use serde_json::json;
use tests::Node;

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
