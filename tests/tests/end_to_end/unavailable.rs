//! What is away answers 503 with Retry-After, and recovers by itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use servers::launch::Launcher;
use servers::{NatsConfig, NatsServer};
use tests::{Bus, Client, Node, NodeOptions, eventually, eventually_within, film};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_gives_503_and_then_everything_goes_on() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    ada.publish("Before").await;
    let server =
        sqlx::PgPool::connect(&tests::needed("SOVEREIGN_TEST_DATABASE_URL")).await.unwrap();
    let name =
        url::Url::parse(&node.database_url()).unwrap().path().trim_start_matches('/').to_owned();
    let run = async |sql: String| {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&server).await.unwrap();
    };
    run(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    run(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
        .await;
    let refused = eventually("a refusal", || async {
        let answer = ada.post("/api/v1/statuses", &json!({ "status": "Lost?" })).await.ok()?;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    run(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    eventually("the node to recover", || async {
        let answer = ada.post("/api/v1/statuses", &json!({ "status": "After" })).await.ok()?;
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_away_posts_are_taken_and_all_of_them_are_carried_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = NatsConfig::new(folder.path());
    config.launcher = Launcher::at(tests::needed("SOVEREIGN_PROGRAM"));
    let nats = NatsServer::start(&config).unwrap();
    let url = nats.url();
    config.port = Some(url::Url::parse(&url).unwrap().port().unwrap());
    let environment = vec![("SOVEREIGN_NATS__URL".to_owned(), url.clone())];
    let node = Node::start_with(NodeOptions { bus: Bus::JetStream, environment }).await;
    let ada = node.person("ada").await;
    let mut acknowledged = BTreeSet::new();
    publish(&ada, "Before", 5, &mut acknowledged).await;
    until_carried(&node, &url).await;

    nats.stop().unwrap();
    let client = Client::anonymous(&node.origin());
    eventually("its absence to be noticed", || async {
        let health = client.get("/health").await.ok()?;
        (health.status == 503).then(|| assert!(health.headers.contains_key("retry-after")))
    })
    .await;
    publish(&ada, "Meanwhile", 20, &mut acknowledged).await;
    assert!(acknowledged.len() >= 5);
    let nats = NatsServer::start(&config).unwrap();
    eventually_within(Duration::from_secs(60), "the node to be well again", || async {
        (client.get("/health").await.ok()?.status == 200).then_some(())
    })
    .await;
    until_carried(&node, &url).await;

    // The server dies without a word, by its id, in the middle of posts, and is started again on
    // the same port and store.
    let pid = nats.pid().unwrap().to_string();
    let (_, killed) = tokio::join!(publish(&ada, "During", 20, &mut acknowledged), async {
        Command::new("kill").args(["-KILL", &pid]).status()
    });
    assert!(killed.unwrap().success());
    publish(&ada, "After", 5, &mut acknowledged).await;
    until_carried(&node, &url).await;

    let database = node.database().await;
    let stored: Vec<String> =
        sqlx::query_scalar("SELECT id::text FROM social.post").fetch_all(&database).await.unwrap();
    let stored: BTreeSet<String> = stored.into_iter().collect();
    assert!(acknowledged.is_subset(&stored), "an acknowledged post is lost");
    assert!(acknowledged.len() >= 10);
    drop(node);
}

/// Posts, and keeps the ids of those that were acknowledged; the others must say 503.
async fn publish(ada: &Client, text: &str, posts: usize, acknowledged: &mut BTreeSet<String>) {
    for number in 0..posts {
        let body = json!({ "status": format!("{text} {number}") });
        let answer = ada.post("/api/v1/statuses", &body).await.unwrap();
        match answer.status {
            200 => drop(acknowledged.insert(answer.json["id"].as_str().unwrap().to_owned())),
            status => {
                assert_eq!(status, 503, "{}", answer.text);
                assert!(answer.headers.contains_key("retry-after"));
            }
        }
    }
}

/// Waits until the stream holds every event of the ledger, each once.
async fn until_carried(node: &Node, url: &str) {
    let database = node.database().await;
    let name = url::Url::parse(&node.database_url()).unwrap().path().replacen('/', "", 1);
    eventually_within(Duration::from_secs(60), "every event to be in the stream", || async {
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM spine.event")
            .fetch_one(&database)
            .await
            .ok()?;
        let client = async_nats::connect(url).await.ok()?;
        let context = async_nats::jetstream::new(client);
        let mut stream = context.get_stream(format!("{name}_LEDGER")).await.ok()?;
        let messages = stream.info().await.ok()?.state.messages;
        (i64::try_from(messages).ok()? == events).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_file_fits_any_more_uploads_get_503_and_go_on_when_there_is_room() {
    let node = Node::start().await;
    let ada = node.person("ada").await;
    // A limit on the size of files fails writes as a full disk does, and needs no disk to be filled.
    limit_files(&node, "1048576:");
    for _ in 0..3 {
        let refused = ada.upload(&film(2 << 20), "").await;
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert!(refused.headers.contains_key("retry-after"));
        assert!(refused.json["error"].is_string());
    }
    assert_eq!(files(&node.folder().join("media")), 0, "nothing is left of what failed");
    ada.upload(&film(1_000), "what still fits is taken").await.ok();
    ada.publish("so are words").await;
    limit_files(&node, "unlimited:");
    let media = ada.upload(&film(2 << 20), "").await.ok();
    let stored = ada.get(media["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(stored.status, 200);
}

/// Limits how large the files get that the running node writes.
fn limit_files(node: &Node, limit: &str) {
    let pid = node.process_id().unwrap().to_string();
    let done = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--fsize={limit}")])
        .status()
        .expect("prlimit runs (Debian: util-linux)");
    assert!(done.success());
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 })
        .sum()
}
