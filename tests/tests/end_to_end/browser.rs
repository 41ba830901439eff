//! The web pages in a headless Chromium, without JavaScript.

use tests::{Client, Node, eventually, run_script};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_visitor_with_the_printed_code_becomes_the_owner() {
    let node = Node::start().await;
    // It is printed once the node listens.
    let code = eventually("a setup code is printed", || async {
        let log = node.log();
        let mut words = log.split_whitespace();
        words.find(|word| word.len() == 19 && word.matches('-').count() == 3).map(str::to_owned)
    })
    .await;
    let seen = run_script("setup.mjs", &[&node.origin(), &code]).await;
    assert_eq!(seen["heading"], "Welcome home");
    assert!(seen["refusal"].as_str().unwrap().contains("setup code"));
    assert_eq!(seen["kept"], "ada");
    assert!(seen["welcome"].as_str().unwrap().contains(&format!("@ada@{}", node.domain())));
    assert!(seen["wrong"].as_str().unwrap().contains("wrong"));
    assert!(seen["profile"].as_str().unwrap().contains("Ada"));
    let ada = Client::log_in(&node.origin(), "ada", "correct horse battery").await;
    assert_eq!(ada.me().await["display_name"], "Ada");
}
