//! Answers of the client API.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, Uri, header};
use serde::Serialize;
use social::read::Links;
use spine::Problem;

use super::paging::link_header;

/// The type of every answer, problems too.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What a handler answers.
pub type Reply = Result<Response, Problem>;

/// A JSON answer.
///
/// # Errors
/// The value cannot be written as JSON, which is our fault.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Reply {
    Ok(written(serde_json::to_vec(value).map_err(Problem::internal)?))
}

/// JSON that is written already.
pub fn written(body: impl Into<Bytes>) -> Response {
    ([(header::CONTENT_TYPE, JSON)], body.into()).into_response()
}

/// The empty list: for lists that hold nothing yet.
pub fn empty_list() -> Response {
    written(Bytes::from_static(b"[]"))
}

/// The empty object: for what was done and has nothing to tell.
pub fn empty_object() -> Response {
    written(Bytes::from_static(b"{}"))
}

/// Adds the links to a page's neighbours.
pub fn with_links(mut response: Response, origin: &str, uri: &Uri, links: Links) -> Response {
    if let Some((name, value)) = link_header(origin, uri, links) {
        response.headers_mut().insert(name, value);
    }
    response
}
