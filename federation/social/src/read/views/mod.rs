//! Rows turned into entities: what the cache holds and every answer is put together from.

mod account;
mod media;
mod post;

pub(crate) use account::{AccountParts, account_view, credential_fields};
pub(crate) use media::media_view;
pub(crate) use post::{PostParts, PostView, edit_media, edit_poll, post_view};

/// The addresses that entities are made of.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    origin: String,
}

impl Addresses {
    /// Of a node with this public origin.
    pub fn new(origin: &url::Url) -> Self {
        Self { origin: origin.as_str().trim_end_matches('/').to_owned() }
    }

    /// The page of a hashtag.
    pub fn tag(&self, name: &str) -> String {
        format!(
            "{}/tags/{}",
            self.origin,
            url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>()
        )
    }

    /// A file of the media store; an address of elsewhere stays.
    pub fn media(&self, path: &str) -> String {
        if path.starts_with("https://") || path.starts_with("http://") {
            path.to_owned()
        } else {
            format!("{}/media/{path}", self.origin)
        }
    }

    /// One of the node's own pages.
    pub fn page(&self, name: &str) -> String {
        format!("{}/{name}", self.origin)
    }

    /// A file of the program.
    pub fn fixed(&self, name: &str) -> String {
        format!("{}/static/{name}", self.origin)
    }

    /// Where streams are.
    pub fn streaming(&self) -> String {
        match self.origin.strip_prefix("http") {
            Some(rest) => format!("ws{rest}"),
            None => self.origin.clone(),
        }
    }
}

/// A part of a row that is JSON; what is not of its shape counts as empty, with a line in the log.
pub(crate) fn read_json<T: serde::de::DeserializeOwned + Default>(
    value: serde_json::Value,
    what: &'static str,
    id: i64,
) -> T {
    serde_json::from_value(value).unwrap_or_else(|error| {
        tracing::warn!(what, id, %error, "a stored JSON value is not of its shape");
        T::default()
    })
}
