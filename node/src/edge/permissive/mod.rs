//! The one extractor of parameters: query, form, multipart and JSON, alone or together.
//!
//! Clients send the same call in every one of these ways (facts: `id[]` as query or JSON, an app
//! registered by query string, explicit nulls), so no handler knows which it was. A body wins over
//! the query. Syntax that cannot be read is 400; a value of the wrong kind is 422 and named.

mod multipart;
mod tree;
mod typed;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use spine::Problem;

use tree::{Tree, TreeError};

/// Bodies that are no upload.
const DEFAULT_LIMIT: usize = 1024 * 1024;

/// How much a request may carry.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of everything that is not a file.
    pub text: usize,
    /// Bytes of all files together.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text: DEFAULT_LIMIT, files: 0 }
    }
}

/// A file that came with a multipart body.
#[derive(Debug)]
pub struct UploadedFile {
    /// The parameter's name.
    pub name: String,
    /// What the client calls the file.
    pub file_name: String,
    /// What the client says it is.
    pub content_type: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// All parameters of one request.
#[derive(Debug, Default)]
pub struct Parameters {
    tree: Tree,
    files: Vec<UploadedFile>,
}

impl Parameters {
    /// Reads the query and the body of a request.
    ///
    /// # Errors
    /// 400 for what cannot be read, 413 for too much, 415 for a body of an unknown type.
    pub async fn read(request: Request, limits: Limits) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let mut parameters = Self::default();
        if let Some(query) = parts.uri.query() {
            insert_pairs(&mut parameters.tree, query)?;
        }
        let most = limits.text.saturating_add(limits.files);
        if content_length(&parts.headers).is_some_and(|length| length > most) {
            return Err(too_large(most));
        }
        match Kind::of(&parts.headers) {
            Kind::Multipart(boundary) => {
                let (tree, files) = multipart::read(body, &boundary, limits).await?;
                parameters.tree.override_with(tree);
                parameters.files = files;
            }
            kind => {
                let bytes = collect(body, limits.text).await?;
                if !bytes.is_empty() {
                    parameters.tree.override_with(kind.parse(&bytes)?);
                }
            }
        }
        Ok(parameters)
    }

    /// The query alone, of a request whose body is not for reading.
    ///
    /// # Errors
    /// 400 for what cannot be read.
    pub fn of_query(query: Option<&str>) -> Result<Self, Problem> {
        let mut parameters = Self::default();
        if let Some(query) = query {
            insert_pairs(&mut parameters.tree, query)?;
        }
        Ok(parameters)
    }

    /// Takes a file by its parameter's name.
    pub fn take_file(&mut self, name: &str) -> Option<UploadedFile> {
        let index = self.files.iter().position(|file| file.name == name)?;
        Some(self.files.swap_remove(index))
    }

    /// Whether a parameter was sent as an explicit null. Nearly everywhere that means the same as
    /// leaving it out, and [`Parameters::typed`] knows no difference.
    pub fn is_null(&self, name: &str) -> bool {
        self.tree.is_null(name)
    }

    /// The parameters in the shape that a call wants; unknown ones are ignored.
    ///
    /// # Errors
    /// 422 names the parameter of the wrong kind.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        typed::read(self.tree.root.clone()).map_err(|error| {
            Problem::unprocessable("invalid-parameter", format!("Validation failed: {error}"))
        })
    }
}

/// The typed parameters of a call, however they came.
#[derive(Debug)]
pub struct Permissive<T>(pub T);

impl<T, S> FromRequest<S> for Permissive<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        Parameters::read(request, Limits::default()).await?.typed().map(Self)
    }
}

/// For `#[serde(deserialize_with)]`: an empty text counts as absent, for ids and numbers.
///
/// # Errors
/// The value is neither empty nor a `T`.
pub fn absent_if_empty<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    match text.trim() {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|error| D::Error::custom(format!("is not valid: {error}"))),
    }
}

/// How a body is written.
enum Kind {
    Json,
    Form,
    Multipart(String),
    /// Nothing was said: its first byte tells.
    Unsaid,
    Unknown,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(CONTENT_TYPE) else { return Self::Unsaid };
        let Ok(value) = value.to_str() else { return Self::Unknown };
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => {
                multer::parse_boundary(value).map_or(Self::Unknown, Self::Multipart)
            }
            "" | "text/plain" | "application/octet-stream" => Self::Unsaid,
            json if json == "application/json" || json.ends_with("+json") => Self::Json,
            _ => Self::Unknown,
        }
    }

    fn parse(self, bytes: &[u8]) -> Result<Tree, Problem> {
        let mut tree = Tree::default();
        match self {
            Self::Json => merge_json(&mut tree, bytes)?,
            Self::Unsaid if bytes.trim_ascii_start().starts_with(b"{") => {
                merge_json(&mut tree, bytes)?;
            }
            Self::Form | Self::Unsaid => {
                let text = std::str::from_utf8(bytes).map_err(|_| not_utf8())?;
                insert_pairs(&mut tree, text)?;
            }
            Self::Multipart(_) | Self::Unknown => {
                return Err(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "unsupported-body",
                    "The body must be JSON, a form, or multipart form data",
                ));
            }
        }
        Ok(tree)
    }
}

fn merge_json(tree: &mut Tree, bytes: &[u8]) -> Result<(), Problem> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::bad_request("bad-json", "The body is not valid JSON")
            .with_detail(error.to_string())
    })?;
    match value {
        serde_json::Value::Object(object) => tree.merge_json(object).map_err(bad_tree),
        // What some clients send where they have nothing to say: as absent as any other null.
        serde_json::Value::Null => Ok(()),
        _ => Err(Problem::bad_request("bad-json", "The JSON body must be an object")),
    }
}

fn insert_pairs(tree: &mut Tree, text: &str) -> Result<(), Problem> {
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        tree.insert(&decode(name)?, decode(value)?).map_err(bad_tree)?;
    }
    Ok(())
}

/// Decodes a part of a form (WHATWG URL, `application/x-www-form-urlencoded`), strict about UTF-8.
fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes())
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| not_utf8())
}

fn bad_tree(error: TreeError) -> Problem {
    Problem::bad_request("bad-parameters", format!("The parameters cannot be read: {error}"))
}

fn not_utf8() -> Problem {
    Problem::bad_request("not-utf8", "The parameters are not valid UTF-8")
}

fn too_large(most: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large")
        .with_detail(format!("at most {most} bytes are accepted here"))
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The whole body, if it is no larger than `most`: counted, whatever its header says.
///
/// # Errors
/// 413 for a larger one, 400 for one that breaks off.
pub async fn collect(mut body: Body, most: usize) -> Result<Bytes, Problem> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(broken_off)?;
        let Ok(data) = frame.into_data() else { continue };
        let so_far = first.as_ref().map_or(0, Bytes::len).max(rest.len());
        if so_far + data.len() > most {
            return Err(too_large(most));
        }
        match &first {
            // Nearly every body is one frame: no copy.
            None => first = Some(data),
            Some(start) => {
                if rest.is_empty() {
                    rest.extend_from_slice(start);
                }
                rest.extend_from_slice(&data);
            }
        }
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
}

fn broken_off(error: impl std::fmt::Display) -> Problem {
    Problem::bad_request("broken-off", "The body broke off").with_detail(error.to_string())
}

#[cfg(test)]
mod tests;
