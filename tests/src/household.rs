//! A node with an owner who uses the data platform, as an app and a command line would.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Answer, Client, Node, NodeOptions, eventually_within, needed};

/// Where the Sovereign API begins.
const API: &str = "/api/sovereign/v1";

/// A node and its owner.
pub struct Household {
    /// The node.
    pub node: Node,
    /// The owner, with a token for everything.
    pub owner: Client,
    /// The owner's account.
    pub account: String,
}

impl Household {
    /// Starts a node whose plugins may reach this machine's loopback, and makes its owner.
    ///
    /// # Panics
    /// It does not come up.
    pub async fn start() -> Self {
        let mut options = NodeOptions::default();
        let mut set =
            |name: &str, value: String| options.environment.push((name.to_owned(), value));
        set("SOVEREIGN_PLUGINS__ALLOW_NETWORKS", "127.0.0.0/8".to_owned());
        set("SOVEREIGN_PLATFORM__DEFAULT_REGION", "AT".to_owned());
        if options.bus == crate::Bus::JetStream {
            set("SOVEREIGN_PRESENT__REDIS__URL", needed("SOVEREIGN_TEST_REDIS_URL"));
        }
        if let Ok(url) = std::env::var("SOVEREIGN_TEST_MEILISEARCH_URL") {
            set("SOVEREIGN_SEARCH__MEILISEARCH__URL", url);
        }
        let node = Node::start_with(options).await;
        let owner = node.owner("ada").await;
        let account = owner.me().await["id"].as_str().expect("an id").to_owned();
        Self { node, owner, account }
    }

    /// The owner's own space.
    pub fn space(&self) -> String {
        format!("person:{}", self.account)
    }

    /// GET of the Sovereign API.
    ///
    /// # Panics
    /// The node does not answer, or not with 200.
    pub async fn get(&self, path: &str) -> Value {
        self.ask(path).await.ok()
    }

    /// GET of the Sovereign API, whatever the answer.
    ///
    /// # Panics
    /// The node does not answer.
    pub async fn ask(&self, path: &str) -> Answer {
        self.owner.get(&format!("{API}{path}")).await.expect("the node answers")
    }

    /// POST to the Sovereign API.
    ///
    /// # Panics
    /// The node does not answer, or with an error.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.owner.post(&format!("{API}{path}"), body).await;
        succeeded(path, answer.expect("the node answers"))
    }

    /// PUT to the Sovereign API.
    ///
    /// # Panics
    /// The node does not answer, or with an error.
    pub async fn put(&self, path: &str, body: &Value) -> Value {
        let answer = self.owner.put(&format!("{API}{path}"), body).await;
        succeeded(path, answer.expect("the node answers"))
    }

    /// Installs a plugin that `cargo xtask plugins` built, grants what it asks for and loopback, and
    /// enables it.
    ///
    /// # Panics
    /// The node refuses.
    pub async fn install(&self, plugin: &str) {
        let file = format!("{}/{plugin}.wasm", needed("SOVEREIGN_TEST_PLUGINS"));
        let component = std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let request = self
            .owner
            .request(reqwest::Method::POST, &format!("{API}/plugins"))
            .header("content-type", "application/wasm")
            .body(component);
        let answer = self.owner.send(request).await.expect("the node answers");
        let installed = succeeded("/plugins", answer);
        assert_eq!(installed["id"], plugin, "{installed}");
        let grant = json!({ "capabilities": installed["asks"], "networks": ["127.0.0.0/8"] });
        self.post(&format!("/plugins/{plugin}/grant"), &grant).await;
        self.post(&format!("/plugins/{plugin}/enable"), &json!({})).await;
    }

    /// Waits until a path of the API answers something that passes.
    ///
    /// # Panics
    /// It does not within a minute; the last answer is in the message.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        path: &str,
        passes: impl Fn(&Value) -> Option<T>,
    ) -> T {
        let last = std::cell::RefCell::new(Value::Null);
        let path = format!("{API}{path}");
        let started = std::time::Instant::now();
        eventually_within(Duration::from_secs(90), what, || async {
            let answer = self.owner.get(&path).await.ok()?;
            let passed = passes(&answer.json);
            last.replace(answer.json);
            assert!(
                passed.is_some() || started.elapsed() < Duration::from_secs(80),
                "still waiting for {what}: {path} answers {}\n{}",
                last.borrow(),
                self.node.log()
            );
            passed
        })
        .await
    }
}

fn succeeded(path: &str, answer: Answer) -> Value {
    assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
    answer.json
}
