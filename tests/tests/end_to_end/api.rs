//! The client API: what every app asks at its start, paging, and what bad input gets.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Client, Node, NodeOptions};

#[tokio::test(flavor = "multi_thread")]
async fn everything_an_app_asks_at_its_start_has_the_right_shape() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    for path in [
        "/api/v1/instance",
        "/api/v2/instance",
        "/api/v1/instance/peers",
        "/api/v1/instance/rules",
        "/api/v1/instance/activity",
        "/api/v1/instance/languages",
        "/api/v1/accounts/verify_credentials",
        "/api/v1/preferences",
        "/api/v1/lists",
        "/api/v1/followed_tags",
        "/api/v1/markers?timeline[]=home&timeline[]=notifications",
        "/api/v1/filters",
        "/api/v2/filters",
        "/api/v1/custom_emojis",
        "/api/v1/announcements",
        "/api/v1/trends/tags",
        "/api/v1/trends/statuses",
        "/api/v1/trends/links",
        "/api/v2/suggestions",
        "/api/v1/conversations",
        "/api/v1/bookmarks",
        "/api/v1/favourites",
        "/api/v1/blocks",
        "/api/v1/mutes",
        "/api/v1/domain_blocks",
        "/api/v1/follow_requests",
        "/api/v1/scheduled_statuses",
        "/api/v1/featured_tags",
        "/api/v1/notifications",
        "/api/v2/notifications/policy",
        "/api/v1/timelines/home",
        "/api/v1/timelines/public",
        "/api/v1/timelines/public?local=true",
        "/api/v1/timelines/tag/nothing",
        "/api/v1/endorsements",
    ] {
        let answer = ada.get(path).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert!(answer.json.is_array() || answer.json.is_object(), "{path}: {}", answer.text);
    }
    let instance = Client::anonymous(&node.origin()).get("/api/v2/instance").await.unwrap().ok();
    assert!(instance["version"].as_str().unwrap().starts_with("4."));
    assert!(instance["configuration"]["urls"]["streaming"].as_str().unwrap().starts_with("ws"));
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_posts_are_paged_without_repeat_or_gap_in_both_directions() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    let mut written = Vec::new();
    for index in 0..500 {
        written.push(ada.publish(&format!("Post {index}")).await["id"].clone());
    }
    let mut seen = Vec::new();
    let mut next = Some("/api/v1/timelines/home?limit=40".to_owned());
    let mut newest_page = None;
    while let Some(path) = next {
        let answer = ada.get(&path).await.unwrap();
        next = answer.link("next");
        newest_page = newest_page.or(answer.link("prev"));
        seen.extend(answer.ok().as_array().unwrap().iter().map(|status| status["id"].clone()));
        assert!(seen.len() <= 500, "a page repeats");
    }
    written.reverse();
    assert_eq!(seen, written);
    assert!(ada.get(&newest_page.unwrap()).await.unwrap().ok().as_array().unwrap().is_empty());
    let mut forward: Vec<Value> = Vec::new();
    let mut after = "0".to_owned();
    loop {
        let path = format!("/api/v1/timelines/home?limit=33&min_id={after}");
        let page = ada.get(&path).await.unwrap().ok();
        let Some(first) = page[0]["id"].as_str() else { break };
        after = first.to_owned();
        forward.extend(page.as_array().unwrap().iter().rev().map(|status| status["id"].clone()));
    }
    forward.reverse();
    assert_eq!(forward, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_is_understood_in_every_form() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    let path = "/api/v1/statuses";
    let requests = [
        ada.request(Method::POST, path)
            .query(&[("status", "by query"), ("visibility", "unlisted")]),
        ada.request(Method::POST, path).form(&[("status", "by form"), ("visibility", "unlisted")]),
        ada.request(Method::POST, path).multipart(
            reqwest::multipart::Form::new()
                .text("status", "by multipart")
                .text("visibility", "unlisted"),
        ),
        ada.request(Method::POST, path)
            .json(&json!({ "status": "by JSON", "visibility": "unlisted", "poll": null })),
    ];
    for request in requests {
        let status = ada.send(request).await.unwrap().ok();
        assert_eq!(status["visibility"], "unlisted");
        assert!(status["content"].as_str().unwrap().starts_with("<p>by "));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_with_the_same_idempotency_key_is_one_post() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    let send = || {
        let request = ada
            .request(Method::POST, "/api/v1/statuses")
            .header("Idempotency-Key", "once")
            .json(&json!({ "status": "Only once" }));
        ada.send(request)
    };
    let (first, second, third) = tokio::join!(send(), send(), send());
    let ids: Vec<_> = [first, second, third]
        .into_iter()
        .map(|answer| answer.unwrap().ok()["id"].clone())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_with_an_upload_is_sent_again_under_its_key_and_its_description_is_edited() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    let media = ada.upload(&tests::film(64), "a cta").await.ok()["id"].clone();
    let send = || {
        let request = ada
            .request(Method::POST, "/api/v1/statuses")
            .header("Idempotency-Key", "once")
            .json(&json!({ "status": "Look", "media_ids": [media] }));
        ada.send(request)
    };
    let (first, second) = tokio::join!(send(), send());
    let (first, second) = (first.unwrap().ok(), second.unwrap().ok());
    let again = send().await.unwrap().ok();
    assert_eq!((&first["id"], &first["id"]), (&second["id"], &again["id"]));

    let posted = format!("/api/v1/media/{}", media.as_str().unwrap());
    let late = ada.put(&posted, &json!({ "description": "late" })).await.unwrap();
    assert_eq!(late.status, 404, "as on Mastodon: {}", late.text);
    let path = format!("/api/v1/statuses/{}", first["id"].as_str().unwrap());
    let edit = json!({
        "status": "Look", "media_ids": [media],
        "media_attributes": [{ "id": media, "description": "a cat", "focus": "0.5,-0.5" }],
    });
    let edited = ada.put(&path, &edit).await.unwrap().ok();
    let attachment = &edited["media_attachments"][0];
    assert_eq!(attachment["description"], "a cat");
    assert_eq!(attachment["meta"]["focus"], json!({ "x": 0.5, "y": -0.5 }));
    let history = ada.get(&format!("{path}/history")).await.unwrap().ok();
    assert_eq!(history[0]["media_attachments"][0]["description"], "a cta");
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_learns_where_the_source_is() {
    let node = Node::start().await;
    let stranger = Client::anonymous(&node.origin());
    let told = stranger.get("/api/v2/instance").await.unwrap().ok()["source_url"].clone();
    let about = stranger.get(told.as_str().unwrap()).await.unwrap();
    assert_eq!(about.status, 200);
    assert!(about.text.contains("From the people who run this node"), "{}", about.text);
    let nodeinfo = stranger.get("/nodeinfo/2.1").await.unwrap().ok();
    assert!(nodeinfo["software"].get("repository").is_none());

    let source = "https://code.example/ours";
    let environment = vec![("SOVEREIGN_PROFILE__SOURCE_URL".to_owned(), source.to_owned())];
    let node = Node::start_with(NodeOptions { environment, ..NodeOptions::default() }).await;
    let stranger = Client::anonymous(&node.origin());
    let told = stranger.get("/api/v2/instance").await.unwrap().ok();
    assert_eq!(told["source_url"], source);
    let nodeinfo = stranger.get("/nodeinfo/2.1").await.unwrap().ok();
    assert_eq!(nodeinfo["software"]["repository"], source);
    let about = stranger.get("/about").await.unwrap().text;
    let version = nodeinfo["software"]["version"].as_str().unwrap();
    assert!(about.contains(source) && about.contains(version) && about.contains("AGPL"), "{about}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_a_clear_problem_and_never_a_500() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    let stranger = Client::anonymous(&node.origin());
    let too_long = "x".repeat(100_000);
    let cases = [
        (stranger.request(Method::GET, "/api/v1/timelines/home"), 401),
        (stranger.clone().with_token("wrong").request(Method::GET, "/api/v1/timelines/home"), 401),
        (ada.request(Method::GET, "/api/v1/statuses/not-a-number"), 404),
        (ada.request(Method::GET, "/api/v1/statuses/99999999999999999999999"), 404),
        (ada.request(Method::GET, "/api/v1/accounts/1"), 404),
        (ada.request(Method::GET, "/api/v1/nothing/here"), 404),
        (ada.request(Method::POST, "/api/v1/statuses").json(&json!({})), 422),
        (ada.request(Method::POST, "/api/v1/statuses").json(&json!({ "status": too_long })), 422),
        (
            ada.request(Method::POST, "/api/v1/statuses")
                .json(&json!({ "status": "x", "visibility": "galactic" })),
            422,
        ),
        (
            ada.request(Method::POST, "/api/v1/statuses")
                .json(&json!({ "status": "x", "in_reply_to_id": "1" })),
            404,
        ),
        (
            ada.request(Method::POST, "/api/v1/statuses")
                .header("content-type", "application/json")
                .body("{"),
            400,
        ),
        (
            ada.request(Method::POST, "/api/v1/statuses")
                .header("content-type", "application/json")
                .body("[1]"),
            400,
        ),
        (ada.request(Method::POST, "/api/v1/statuses?status=%FF"), 400),
        (ada.request(Method::POST, "/api/v2/media").body("nothing"), 422),
        (ada.request(Method::POST, "/inbox").body("not json"), 400),
        (ada.request(Method::POST, "/inbox").body("{}"), 400),
        (ada.request(Method::POST, "/users/nobody/inbox").body("{}"), 404),
        (stranger.request(Method::GET, "/.well-known/webfinger?resource=acct:nobody@nowhere"), 404),
        (stranger.request(Method::GET, "/.well-known/webfinger"), 400),
        (stranger.request(Method::POST, "/oauth/token").form(&[("grant_type", "password")]), 401),
    ];
    for (request, expected) in cases {
        let shown = request.try_clone().and_then(|request| request.build().ok());
        let what = shown.map(|request| format!("{} {}", request.method(), request.url().path()));
        let answer = ada.send(request).await.unwrap();
        assert_eq!(answer.status, expected, "{what:?}: {}", answer.text);
        let problem = answer.json;
        assert_eq!(problem["status"], expected, "{what:?}: {}", answer.text);
        assert!(problem["error"].as_str().is_some_and(|error| !error.is_empty()), "{what:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_at_once() {
    let node = Node::start().await;
    let stranger = Client::anonymous(&node.origin());
    let body = json!({
        "client_name": "Short-lived", "redirect_uris": ["urn:ietf:wg:oauth:2.0:oob"],
        "scopes": "read",
    });
    let app = stranger.post("/api/v1/apps", &body).await.unwrap().ok();
    let ask = json!({
        "grant_type": "client_credentials", "client_id": app["client_id"],
        "client_secret": app["client_secret"], "scope": "read",
    });
    let token = stranger.post("/oauth/token", &ask).await.unwrap().ok();
    let client = stranger.clone().with_token(token["access_token"].as_str().unwrap());
    client.get("/api/v1/apps/verify_credentials").await.unwrap().ok();
    let end = json!({
        "client_id": app["client_id"], "client_secret": app["client_secret"],
        "token": token["access_token"],
    });
    stranger.post("/oauth/revoke", &end).await.unwrap().ok();
    assert_eq!(client.get("/api/v1/apps/verify_credentials").await.unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_from_another_origin_may_read_the_answers() {
    let node = Node::start().await;
    let request = Client::anonymous(&node.origin())
        .request(Method::OPTIONS, "/api/v1/statuses")
        .header("origin", "https://elk.zone")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,idempotency-key");
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success());
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let request = Client::anonymous(&node.origin())
        .request(Method::GET, "/api/v2/instance")
        .header("origin", "https://elk.zone");
    let answer = request.send().await.unwrap();
    let exposed =
        answer.headers()["access-control-expose-headers"].to_str().unwrap().to_lowercase();
    assert!(exposed.contains("link"), "{exposed}");
}
