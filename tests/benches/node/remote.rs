//! Another server, as far as the node can see: an actor with a key, and signed activities.

use std::net::SocketAddr;
use std::sync::Arc;

use activitypub::keys::{ActorKey, RsaSigningKey};
use activitypub::signature::{SignatureForm, sign};
use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

/// The remote actor.
pub struct Remote {
    origin: String,
    key: ActorKey,
}

impl Remote {
    /// Makes a key and serves the actor's documents until the program ends.
    pub async fn start(address: SocketAddr) -> Result<Self> {
        let origin = format!("http://{address}");
        let signing = RsaSigningKey::generate()?;
        let pem = signing.public_key_pem();
        let actor = format!("{origin}/users/remote");
        let key =
            ActorKey { key_id: Url::parse(&format!("{actor}#main-key"))?, key: Arc::new(signing) };
        let document = json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": actor, "type": "Person", "preferredUsername": "remote",
            "inbox": format!("{actor}/inbox"), "outbox": format!("{actor}/outbox"),
            "followers": format!("{actor}/followers"),
            "publicKey": { "id": key.key_id, "owner": actor, "publicKeyPem": pem },
        })
        .to_string();
        let finger = json!({
            "subject": format!("acct:remote@{address}"),
            "links": [{ "rel": "self", "type": "application/activity+json", "href": actor }],
        })
        .to_string();
        let listener = TcpListener::bind(address).await.context("the remote's address")?;
        tokio::spawn(serve(listener, document, finger));
        Ok(Self { origin, key })
    }

    /// The actor's id.
    pub fn actor(&self) -> String {
        format!("{}/users/remote", self.origin)
    }

    /// Whole signed requests, each a Create of a note of its own.
    pub fn creates(&self, inbox: &Url, count: usize) -> Result<Vec<Vec<u8>>> {
        (0..count).map(|number| self.activity(inbox, &self.create(number))).collect()
    }

    /// A whole signed request.
    pub fn activity(&self, inbox: &Url, activity: &serde_json::Value) -> Result<Vec<u8>> {
        let body = bytes::Bytes::from(activity.to_string());
        let now = std::time::SystemTime::now().into();
        let headers =
            sign(SignatureForm::Cavage, &self.key, &http::Method::POST, inbox, Some(&body), now)?;
        let mut request = format!("POST {} HTTP/1.1\r\n", inbox.path()).into_bytes();
        for (name, value) in &headers {
            request.extend_from_slice(name.as_str().as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        if !headers.contains_key("host") {
            let host = &inbox[url::Position::BeforeHost..url::Position::AfterPort];
            request.extend_from_slice(format!("host: {host}\r\n").as_bytes());
        }
        request.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        request.extend_from_slice(&body);
        Ok(request)
    }

    fn create(&self, number: usize) -> serde_json::Value {
        let (actor, run) = (self.actor(), uuid::Uuid::now_v7().simple());
        let id = format!("{}/notes/{run}-{number}", self.origin);
        let public = "https://www.w3.org/ns/activitystreams#Public";
        json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{id}/activity"), "type": "Create", "actor": actor,
            "to": [public], "cc": [format!("{actor}/followers")],
            "object": {
                "id": id, "type": "Note", "attributedTo": actor, "url": id,
                "content": format!("<p>A post of usual length, number {number}, that says what \
                                    posts say: it is sunny, the tea is ready, come over.</p>"),
                "published": chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
                    .to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                "to": [public], "cc": [format!("{actor}/followers")],
            },
        })
    }
}

/// Answers GETs with the actor or its WebFinger document and takes whatever is posted.
async fn serve(listener: TcpListener, document: String, finger: String) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { return };
        let (document, finger) = (document.clone(), finger.clone());
        tokio::spawn(async move {
            let mut buffer = vec![0; 64 * 1_024];
            while let Ok(read) = stream.read(&mut buffer).await {
                if read == 0 {
                    return;
                }
                let head = String::from_utf8_lossy(&buffer[..read]);
                let answer = if head.starts_with("POST") {
                    "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into()
                } else {
                    let (body, kind) = if head.starts_with("GET /.well-known/webfinger") {
                        (&finger, "application/jrd+json")
                    } else {
                        (&document, "application/activity+json")
                    };
                    format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
                         connection: close\r\n\r\n{body}",
                        body.len()
                    )
                };
                if stream.write_all(answer.as_bytes()).await.is_err()
                    || stream.shutdown().await.is_err()
                {
                    return;
                }
            }
        });
    }
}
