//! Files: served whole and in parts, deleted, and those that come with a profile.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use tests::{Client, Node};

/// What a browser gets of a file, with or without a range.
async fn fetch(client: &Client, address: &str, range: Option<&str>) -> reqwest::Response {
    let mut request = client.request(Method::GET, address);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    request.send().await.unwrap()
}

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_served_whole_and_in_the_parts_that_are_asked_for() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    let stranger = Client::anonymous(&node.origin());
    let film = tests::film(9 << 20);
    let size = film.len();
    let made = ada.upload(&film, "").await.ok();
    let url = made["url"].as_str().unwrap();

    let whole = fetch(&stranger, url, None).await;
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.content_length(), Some(size as u64));
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    assert!(header(&whole, "cache-control").contains("immutable"));
    assert!(whole.bytes().await.unwrap() == film, "to the last byte");
    let head = stranger.request(Method::HEAD, url).send().await.unwrap();
    assert_eq!(header(&head, "content-length"), size.to_string());

    for (range, part) in [
        ("bytes=0-1", 0..2),
        ("bytes=1000000-", 1_000_000..size),
        ("bytes=-4", size - 4..size),
        ("bytes=8388600-99999999", 8_388_600..size),
    ] {
        let answer = fetch(&stranger, url, Some(range)).await;
        assert_eq!(answer.status(), 206, "{range}");
        let told = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!(header(&answer, "content-range"), told);
        assert_eq!(answer.content_length(), Some(part.len() as u64));
        assert!(answer.bytes().await.unwrap() == film[part], "{range}");
    }
    let past = fetch(&stranger, url, Some(&format!("bytes={size}-"))).await;
    assert_eq!(past.status(), 416);
    assert_eq!(header(&past, "content-range"), format!("bytes */{size}"));
    assert!(!header(&past, "cache-control").contains("immutable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_deleted_until_a_post_has_it() {
    let node = Node::start().await;
    let (ada, bob) = (node.person("ada").await, node.person("bob").await);
    let made = ada.upload(&tests::film(64), "").await.ok();
    let path = format!("/api/v1/media/{}", made["id"].as_str().unwrap());
    assert_eq!(bob.delete(&path).await.unwrap().status, 404);
    assert_eq!(ada.delete(&path).await.unwrap().ok(), serde_json::json!({}));
    assert_eq!(ada.get(&path).await.unwrap().status, 404);
    assert_eq!(fetch(&ada, made["url"].as_str().unwrap(), None).await.status(), 404);
    assert_eq!(ada.delete(&path).await.unwrap().status, 404);

    let made = ada.upload(&tests::film(64), "").await.ok();
    let post = serde_json::json!({ "status": "Look", "media_ids": [made["id"]] });
    ada.post("/api/v1/statuses", &post).await.unwrap().ok();
    let path = format!("/api/v1/media/{}", made["id"].as_str().unwrap());
    let refused = ada.delete(&path).await.unwrap();
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(fetch(&ada, made["url"].as_str().unwrap(), None).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_as_tusky_sends_it() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    // Every text is a part of this type, and none has a file name.
    let text = |text: &'static str| {
        Part::text(text).mime_str("multipart/form-data; charset=utf-8").unwrap()
    };
    let form = Form::new()
        .part("display_name", text("Ada Lovelace"))
        .part("note", text("First of all"))
        .part("locked", text("true"))
        .part("fields_attributes[0][name]", text("Engine"))
        .part("fields_attributes[0][value]", text("Analytical"));
    let path = "/api/v1/accounts/update_credentials";
    let changed = ada.send(ada.request(Method::PATCH, path).multipart(form)).await.unwrap().ok();
    assert_eq!(changed["display_name"], "Ada Lovelace");
    assert_eq!(changed["source"]["note"], "First of all");
    assert_eq!(changed["locked"], true);
    assert_eq!(changed["source"]["fields"][0]["value"], "Analytical");

    let form = Form::new().part("avatar", Part::bytes(&b"no picture"[..]).file_name("me.png"));
    let refused = ada.send(ada.request(Method::PATCH, path).multipart(form)).await.unwrap();
    assert_eq!(refused.status, 422, "{}", refused.text);
}
