//! What is away answers 503 with Retry-After, and recovers by itself.

use serde_json::json;
use tests::{Node, eventually};

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
