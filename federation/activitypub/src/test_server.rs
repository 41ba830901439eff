//! A small HTTP server on loopback that answers as a test says and remembers what it was asked.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use spine::http::{GuardedClient, HttpPolicy, PlainHttp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn has(&self, header: &str) -> bool {
        self.headers.contains_key(header)
    }
}

/// An answer.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn activity(value: &serde_json::Value) -> Self {
        Self::status(200).with("content-type", "application/activity+json").text(value.to_string())
    }

    pub(crate) fn jrd(value: &serde_json::Value) -> Self {
        Self::status(200).with("content-type", "application/jrd+json").text(value.to_string())
    }

    pub(crate) fn redirect(to: impl ToString) -> Self {
        Self::status(302).with("location", to.to_string())
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn text(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head =
            format!("HTTP/1.1 {} Test\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        format!("{head}\r\n{}", self.body).into_bytes()
    }
}

type Answer = dyn Fn(&Url, &Seen) -> Reply + Send + Sync;

pub(crate) struct TestServer {
    pub(crate) base: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl TestServer {
    /// Starts a server; `answer` is told the server's own base URL.
    pub(crate) async fn start(
        answer: impl Fn(&Url, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let base = Url::parse(&base).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer: Arc<Answer> = Arc::new(answer);
        let (server_base, server_seen) = (base.clone(), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (base, seen, answer) =
                    (server_base.clone(), server_seen.clone(), answer.clone());
                tokio::spawn(serve(stream, base, seen, answer));
            }
        });
        Self { base, seen }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, base: Url, seen: Arc<Mutex<Vec<Seen>>>, answer: Arc<Answer>) {
    while let Some(request) = read_request(&mut stream).await {
        let reply = answer(&base, &request);
        seen.lock().unwrap().push(request);
        if stream.write_all(&reply.bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        // A TLS greeting: hang up, as real servers do.
        if head.is_empty() && !byte[0].is_ascii_uppercase() {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let method = first.next()?.parse().ok()?;
    let target = first.next()?.to_owned();
    let mut headers = HeaderMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        headers.append(name.parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?);
    }
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { method, target, headers, body })
}

/// A guarded client whose operator allows loopback.
pub(crate) fn client() -> GuardedClient {
    let mut policy = HttpPolicy::new("test/1.0");
    policy.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
    policy.allow_plain_http = PlainHttp::AllowedNetworksOnly;
    GuardedClient::new(policy).unwrap()
}
