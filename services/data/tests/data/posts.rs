//! Posts of the fediverse land in the graph.

use std::sync::{Arc, Mutex};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use contracts::access::Access;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spine::{Cause, EventData};

use crate::support::{Stage, stage_with};

/// An event of the social service, as far as the data service reads it.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Stored {
    post: String,
    uri: String,
    boost_of: Option<String>,
    author: String,
    local: bool,
    visibility: String,
}

impl EventData for Stored {
    const TYPE: &'static str = "social.PostStored.v1";
    const SOURCE: &'static str = "social";
    fn subject(&self) -> String {
        self.uri.clone()
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Deleted {
    uri: String,
}

impl EventData for Deleted {
    const TYPE: &'static str = "social.PostDeleted.v1";
    const SOURCE: &'static str = "social";
    fn subject(&self) -> String {
        self.uri.clone()
    }
    fn sealed_under(&self) -> Option<String> {
        Some("account:9".to_owned())
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct AccountChanged {
    account: String,
    uri: String,
    local: bool,
    change: String,
}

impl EventData for AccountChanged {
    const TYPE: &'static str = "social.AccountChanged.v1";
    const SOURCE: &'static str = "social";
    fn subject(&self) -> String {
        self.uri.clone()
    }
}

fn stored_by(author: &str, local: bool, visibility: &str) -> Stored {
    Stored {
        post: "77".to_owned(),
        uri: URI.to_owned(),
        boost_of: None,
        author: author.to_owned(),
        local,
        visibility: visibility.to_owned(),
    }
}

fn body(text: &str, space: &str) -> Value {
    json!({
        "id": "77", "uri": URI, "url": null,
        "author": { "id": "9", "uri": "https://remote.example/users/ada", "acct": "Ada@remote.example",
            "display_name": "Ada", "url": "https://remote.example/@ada", "bot": false },
        "content_html": format!("<p>{text}</p>"), "content_text": text, "summary": null,
        "published": "2026-05-01T10:00:00Z", "edited": null, "visibility": "public",
        "tags": ["rust"], "in_reply_to_uri": "https://remote.example/posts/0",
        "attachments": [{ "url": "https://remote.example/a.png", "media_type": "image/png", "description": null }],
        "language": "en", "space": space,
    })
}

const URI: &str = "https://remote.example/posts/1";

async fn publish(stage: &Stage, event: &impl EventData) {
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    tx.record(event).unwrap();
    tx.commit().await.unwrap();
    stage.running.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_and_its_author_land_and_a_deleted_post_is_forgotten() {
    let post: Arc<Mutex<Option<Value>>> = Arc::default();
    let served = Arc::clone(&post);
    let route = get(move |Path(id): Path<String>| {
        let found = served.lock().unwrap().clone().filter(|_| id == "77");
        async move { found.map(Json).ok_or(StatusCode::NOT_FOUND) }
    });
    let stage = stage_with(Router::new().route("/social/posts/{id}", route)).await;
    *post.lock().unwrap() = Some(body("Hello", "public"));
    let stored = |boost_of: Option<&str>| Stored {
        post: "77".to_owned(),
        uri: URI.to_owned(),
        boost_of: boost_of.map(str::to_owned),
        ..stored_by("9", false, "public")
    };
    publish(&stage, &stored(None)).await;
    let posting = stage.one("type=SocialMediaPosting").await;
    assert_eq!(posting["data"]["articleBody"], "Hello");
    assert_eq!(posting["data"]["keywords"], json!(["rust"]));
    assert_eq!(stage.one("alias=acct:ada@remote.example").await["data"]["name"], "Ada");
    let id = posting["id"].as_str().unwrap();
    let around = stage.get(&format!("/entities/{id}/neighbours?rel=author")).await;
    assert_eq!(around["entities"][0]["entity"]["data"]["name"], "Ada");

    *post.lock().unwrap() = Some(body("Hello again", "public"));
    publish(&stage, &stored(None)).await;
    assert_eq!(stage.one("type=SocialMediaPosting").await["version"], 2);
    publish(&stage, &stored(Some("5"))).await;

    *post.lock().unwrap() = None;
    publish(&stage, &Deleted { uri: URI.to_owned() }).await;
    assert!(stage.list("type=SocialMediaPosting").await.is_empty());
    let texts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM data.entity WHERE data::text LIKE '%Hello%'")
            .fetch_one(stage.test.spine.pool())
            .await
            .unwrap();
    assert_eq!(texts, 0, "history too");
    // A late event about it finds nothing and brings nothing back.
    publish(&stage, &stored(None)).await;
    assert!(stage.list("type=SocialMediaPosting").await.is_empty());
}

/// A stage on which the post is read by whoever may.
async fn stage_with_post(space: &'static str, reader: Option<i64>) -> Stage {
    let route = get(move |access: Access, Path(_): Path<String>| async move {
        let asks = access.caller().responsible().map(|person| person.0);
        (asks == reader).then(|| Json(body("Hello", space))).ok_or(StatusCode::NOT_FOUND)
    });
    stage_with(Router::new().route("/social/posts/{id}", route)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_was_deleted_before_it_landed_does_not_land() {
    // The service that holds it answers, as it did to a job that asked a moment before the deletion.
    let stage = stage_with_post("public", None).await;
    publish(&stage, &Deleted { uri: URI.to_owned() }).await;
    publish(&stage, &stored_by("9", false, "public")).await;
    assert!(stage.list("type=SocialMediaPosting").await.is_empty());
    assert!(!stage.rows().await.contains("Hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_of_ones_own_for_some_people_lands_in_ones_own_space_and_such_posts_of_others_nowhere()
 {
    let stage = stage_with_post("person:1", Some(1)).await;
    publish(&stage, &stored_by("1", false, "private")).await;
    assert!(stage.list("type=SocialMediaPosting").await.is_empty());
    publish(&stage, &stored_by("1", true, "private")).await;
    assert_eq!(stage.one("type=SocialMediaPosting").await["space"], "person:1");
    let bob = contracts::access::Caller::person(crate::support::BOB);
    let (_, seen) = stage.call_as(bob, "GET", "/entities?type=SocialMediaPosting", None).await;
    assert!(seen["items"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_account_goes_the_person_that_it_was() {
    let stage = stage_with_post("public", None).await;
    publish(&stage, &stored_by("9", false, "public")).await;
    assert_eq!(stage.one("type=Person").await["data"]["name"], "Ada");
    let changed = |change: &str| AccountChanged {
        account: "9".to_owned(),
        uri: "https://remote.example/users/ada".to_owned(),
        local: false,
        change: change.to_owned(),
    };
    publish(&stage, &changed("updated")).await;
    assert_eq!(stage.list("type=Person").await.len(), 1);
    publish(&stage, &changed("deleted")).await;
    assert!(stage.list("type=Person").await.is_empty());
    assert!(!stage.rows().await.contains("users/ada"));
}
