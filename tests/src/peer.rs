//! An independent ActivityPub server (tests/peers/peer.py) in a process of its own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Address, Client, eventually, eventually_within, needed};

/// The server. Killed when dropped.
pub struct Peer {
    address: Address,
    client: Client,
    child: Child,
}

impl Peer {
    /// Starts it and waits until it answers.
    ///
    /// # Panics
    /// It does not come up.
    pub async fn start() -> Self {
        let address = Address::new();
        let (host, port) = (address.socket().ip().to_string(), address.socket().port().to_string());
        let child = Command::new(needed("SOVEREIGN_TEST_PYTHON"))
            .arg("peers/peer.py")
            .args(["--host", &host, "--port", &port])
            .stdin(Stdio::null())
            .spawn()
            .expect("Python starts");
        let client = Client::anonymous(&address.origin());
        let peer = Self { address, client, child };
        eventually("the peer to answer", || async {
            peer.client.get("/users/peer").await.ok().filter(|answer| answer.status == 200)
        })
        .await;
        peer
    }

    /// Its origin.
    pub fn origin(&self) -> String {
        self.address.origin()
    }

    /// Its host with its port, as it stands in handles.
    pub fn domain(&self) -> String {
        self.address.domain()
    }

    /// Its actor's id.
    pub fn actor(&self) -> String {
        format!("{}/users/peer", self.origin())
    }

    /// Its actor's handle.
    pub fn handle(&self) -> String {
        format!("@peer@{}", self.domain())
    }

    /// Signs and posts an activity; `order` may ask for `form` (`draft`, `rfc9421`), `wrong_key`,
    /// `tamper` ([from, to]), `date`, `weak`. Answers the status and body it got.
    ///
    /// # Panics
    /// The peer fails.
    pub async fn deliver(&self, inbox: &str, activity: &Value, order: &Value) -> (u64, String) {
        let mut order = order.clone();
        order["inbox"] = inbox.into();
        order["activity"] = activity.clone();
        let answer = self.client.post("/control/deliver", &order).await.expect("the peer").ok();
        (
            answer["status"].as_u64().unwrap_or_default(),
            answer["body"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Signs and posts an activity to a node that may be down: the status, if it answered.
    pub async fn try_deliver(&self, inbox: &str, activity: &Value) -> Option<u64> {
        let order = json!({ "inbox": inbox, "activity": activity });
        let answer = self.client.post("/control/deliver", &order).await.ok()?;
        answer.json["status"].as_u64()
    }

    /// Makes a post that can be fetched from the peer.
    ///
    /// # Panics
    /// The peer fails.
    pub async fn note(&self, order: &Value) -> Value {
        self.client.post("/control/note", order).await.expect("the peer").ok()
    }

    /// Everything it received and verified: `[{form, path, activity}]`.
    ///
    /// # Panics
    /// The peer fails.
    pub async fn received(&self) -> Vec<Value> {
        let answer = self.client.get("/control/received").await.expect("the peer").ok();
        answer["received"].as_array().cloned().unwrap_or_default()
    }

    /// Changes what it accepts (`accepts`: forms; `fail_next`: [{status, headers}]).
    ///
    /// # Panics
    /// The peer fails.
    pub async fn set(&self, order: &Value) {
        self.client.post("/control/settings", order).await.expect("the peer").ok();
    }

    /// Waits for an activity of this type that passes.
    ///
    /// # Panics
    /// It does not come.
    pub async fn expect(&self, kind: &str, passes: impl Fn(&Value) -> bool) -> Value {
        self.expect_within(Duration::from_secs(30), kind, passes).await
    }

    /// Waits at most this long for an activity of this type that passes.
    ///
    /// # Panics
    /// It does not come.
    pub async fn expect_within(
        &self,
        limit: Duration,
        kind: &str,
        passes: impl Fn(&Value) -> bool,
    ) -> Value {
        eventually_within(limit, &format!("{kind} at the peer"), || async {
            self.received()
                .await
                .into_iter()
                .find(|got| got["activity"]["type"] == kind && passes(&got["activity"]))
        })
        .await
    }

    /// An activity of the peer with a fresh id.
    pub fn activity(&self, kind: &str, object: &Value) -> Value {
        json!({
            "id": format!("{}/activities/{}", self.origin(), uuid::Uuid::new_v4()),
            "type": kind,
            "actor": self.actor(),
            "object": object,
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(|_| ())) {
            eprintln!("the peer could not be ended: {error}");
        }
    }
}
