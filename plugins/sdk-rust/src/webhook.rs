//! Requests that reach the node for a plugin.

use crate::http::header;

pub use crate::bindings::host::sovereign::plugin::webhooks::{WebhookRequest, WebhookResponse};

impl WebhookRequest {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The path below the hook's own address, without the query.
    pub fn path(&self) -> &str {
        let path =
            self.path_and_query.split_once('?').map_or(&*self.path_and_query, |(path, _)| path);
        path.trim_start_matches('/')
    }

    /// The query, without its question mark.
    pub fn query(&self) -> &str {
        self.path_and_query.split_once('?').map_or("", |(_, query)| query)
    }
}

impl WebhookResponse {
    /// A status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// 200 with a body.
    pub fn ok(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), media_type.to_owned())],
            body: body.into(),
        }
    }
}
