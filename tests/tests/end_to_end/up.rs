//! The stack that `cargo xtask up` starts: its own node. The other stories run on its servers.

use tests::Client;

#[tokio::test(flavor = "multi_thread")]
async fn the_node_of_the_stack_answers_apps_and_servers() {
    let Ok(origin) = std::env::var("SOVEREIGN_TEST_UP") else {
        println!("skipped: these tests do not run on `cargo xtask up`");
        return;
    };
    let client = Client::anonymous(&origin);
    let instance = client.get("/api/v2/instance").await.unwrap().ok();
    let host = origin.trim_start_matches("http://");
    assert_eq!(instance["domain"], host);
    let nodeinfo = client.get("/nodeinfo/2.1").await.unwrap().ok();
    assert_eq!(nodeinfo["usage"]["users"]["total"], 0, "a node of its own, that nobody uses");
    let page = client.get("/").await.unwrap();
    assert_eq!(page.status, 200);
    assert!(page.text.contains("one-time-code"), "nobody owns it yet: {}", page.text);
}
