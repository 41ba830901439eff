//! A web server with files, such as feeds and calendars.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};

use super::server::Server;

type Files = Arc<Mutex<BTreeMap<String, (String, Vec<u8>)>>>;

/// A web server with files; it answers `304` to those who have the newest.
pub struct Pages {
    server: Server,
    files: Files,
}

impl Pages {
    /// Starts it, empty.
    pub async fn start() -> Self {
        let files = Files::default();
        let routes = Router::new().route("/{*name}", get(file)).with_state(Arc::clone(&files));
        Self { server: Server::start(routes).await, files }
    }

    /// Puts a file there. Answers its address.
    pub fn put(&self, name: &str, media_type: &str, content: impl Into<Vec<u8>>) -> String {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(name.to_owned(), (media_type.to_owned(), content.into()));
        format!("{}/{name}", self.server.origin())
    }
}

async fn file(
    State(files): State<Files>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = files.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
    let Some((media_type, content)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let tag = format!("\"{}\"", &hex(&Sha256::digest(&content))[..16]);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|have| have.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::CONTENT_TYPE, media_type), (header::ETAG, tag)], content).into_response()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
