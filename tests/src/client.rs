//! A client of the node's API: plain HTTP, each answer checked against the published schema.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::schema;

/// A client with or without a token. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    origin: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null where it is none.
    pub json: Value,
}

impl Answer {
    /// The JSON of a 200.
    ///
    /// # Panics
    /// It is another status.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json
    }

    /// The address behind `rel` of the Link header.
    pub fn link(&self, rel: &str) -> Option<String> {
        let header = self.headers.get("link")?.to_str().ok()?;
        header.split(", <").find_map(|part| {
            let (address, parameters) = part.split_once('>')?;
            let wanted = format!("rel=\"{rel}\"");
            parameters.contains(&wanted).then(|| address.trim_start_matches('<').to_owned())
        })
    }
}

impl Client {
    /// A client without a token.
    pub fn anonymous(origin: &str) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test's own client, not the node's")]
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self { origin: origin.to_owned(), token: None, http }
    }

    /// Registers an app and logs a person in by the password grant.
    ///
    /// # Panics
    /// The node refuses.
    pub async fn log_in(origin: &str, username: &str, password: &str) -> Self {
        Self::log_in_for(origin, username, password, "read write follow push").await
    }

    /// Registers an app for these scopes and logs a person in by the password grant.
    ///
    /// # Panics
    /// The node refuses.
    pub async fn log_in_for(origin: &str, username: &str, password: &str, scopes: &str) -> Self {
        let mut client = Self::anonymous(origin);
        // Not checked against Mastodon's schema, which does not know all scopes of a node.
        let app: Value = client
            .request(Method::POST, "/api/v1/apps")
            .json(&json!({
                "client_name": "End-to-end tests",
                "redirect_uris": "urn:ietf:wg:oauth:2.0:oob",
                "scopes": scopes,
            }))
            .send()
            .await
            .expect("the node answers")
            .json()
            .await
            .expect("an app");
        let token = client
            .post(
                "/oauth/token",
                &json!({
                    "grant_type": "password",
                    "client_id": app["client_id"],
                    "client_secret": app["client_secret"],
                    "username": username,
                    "password": password,
                    "scope": scopes,
                }),
            )
            .await
            .expect("the node answers")
            .ok();
        client.token = token["access_token"].as_str().map(str::to_owned);
        assert!(client.token.is_some(), "no token in {token}");
        client
    }

    /// The same node with this token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The node.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A request to be filled; a path is one of the node's own, a whole address is taken as it is.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.origin)
        };
        let request = self.http.request(method, address);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and checks the answer's shape.
    ///
    /// # Errors
    /// The node does not answer.
    ///
    /// # Panics
    /// The answer does not have the shape that the API's schema gives.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let request = request.build().context("a request")?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let answer = self.http.execute(request).await.context("the node answers")?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.context("the answer's body")?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        schema::check(method.as_str(), &path, status, &json);
        Ok(Answer { status, headers, text, json })
    }

    /// GET.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// PUT with a JSON body.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// DELETE.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// An ActivityPub document.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn document(&self, address: &str) -> Result<Answer> {
        let request = self
            .request(Method::GET, address)
            .header("accept", "application/activity+json, application/ld+json");
        self.send(request).await
    }

    /// Writes a public post.
    ///
    /// # Panics
    /// The node refuses.
    pub async fn publish(&self, text: &str) -> Value {
        let body = json!({ "status": text });
        self.post("/api/v1/statuses", &body).await.expect("the node answers").ok()
    }

    /// Uploads a file.
    ///
    /// # Panics
    /// The node does not answer.
    pub async fn upload(&self, file: &[u8], description: &str) -> Answer {
        let part = reqwest::multipart::Part::bytes(file.to_vec()).file_name("film.mp4");
        let form = reqwest::multipart::Form::new()
            .part("file", part)
            .text("description", description.to_owned());
        let request = self.request(Method::POST, "/api/v2/media").multipart(form);
        self.send(request).await.expect("the node answers")
    }

    /// The account behind the token.
    ///
    /// # Panics
    /// The node refuses.
    pub async fn me(&self) -> Value {
        self.get("/api/v1/accounts/verify_credentials").await.expect("the node answers").ok()
    }

    /// Finds an account by its handle or a post by its address, fetching it from afar.
    ///
    /// # Panics
    /// The node refuses.
    pub async fn search(&self, query: &str) -> Value {
        let request =
            self.request(Method::GET, "/api/v2/search").query(&[("q", query), ("resolve", "true")]);
        self.send(request).await.expect("the node answers").ok()
    }

    /// The account with this handle, here or elsewhere.
    ///
    /// # Panics
    /// There is none.
    pub async fn find(&self, handle: &str) -> Value {
        let found = self.search(handle).await["accounts"][0].clone();
        assert!(found.is_object(), "{handle} was not found");
        found
    }

    /// Opens a stream by WebSocket.
    ///
    /// # Panics
    /// The node refuses.
    pub async fn stream(&self, name: &str) -> Stream {
        let token = self.token.as_deref().unwrap_or_default();
        let address = format!(
            "{}/api/v1/streaming?stream={name}&access_token={token}",
            self.origin.replacen("http", "ws", 1)
        );
        let (socket, _) = tokio_tungstenite::connect_async(address).await.expect("a stream");
        Stream { socket }
    }
}

/// An open stream.
pub struct Stream {
    socket: tokio_tungstenite::WebSocketStream<
        tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>,
    >,
}

impl Stream {
    /// The next event of this name whose payload passes: JSON where it is JSON, else text.
    ///
    /// # Panics
    /// It does not come within 30 seconds, or the stream ends.
    pub async fn expect(&mut self, event: &str, passes: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                let message = self.socket.next().await.expect("the stream goes on");
                let Message::Text(text) = message.expect("the stream goes on") else { continue };
                let Ok(message) = serde_json::from_str::<Value>(&text) else { continue };
                if message["event"] != event {
                    continue;
                }
                let payload = message["payload"].as_str().unwrap_or_default();
                // An id is a text of digits, and stays one.
                let payload = match serde_json::from_str(payload) {
                    Ok(object @ Value::Object(_)) => object,
                    _ => payload.into(),
                };
                if passes(&payload) {
                    return payload;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait)
            .await
            .unwrap_or_else(|_| panic!("no {event} came through the stream"))
    }
}
