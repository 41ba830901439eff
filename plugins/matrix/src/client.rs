//! The Client-Server API (v1.11).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sovereign_plugin::{Host, PluginError, Request, Response};

const SECRET: &str = "access_token";
/// What stays as it is in a path's segment (RFC 3986: unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A homeserver, as the account.
pub struct Client<'a, H> {
    pub host: &'a H,
    base: String,
}

impl<'a, H: Host> Client<'a, H> {
    pub fn new(host: &'a H, base: String) -> Self {
        Self { host, base }
    }

    /// GETs something; none where it does not exist.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, PluginError> {
        let answer = Request::get(self.url(path)).bearer(SECRET).send(self.host)?;
        if answer.status == 404 {
            return Ok(None);
        }
        self.accepted(answer)?.json().map(Some)
    }

    /// Sends JSON.
    pub fn send<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<T, PluginError> {
        let request = Request::new(method, self.url(path)).json(body)?.bearer(SECRET);
        let answer = request.send(self.host)?;
        self.accepted(answer)?.json()
    }

    /// Stores a file at the homeserver; answers its `mxc` address.
    pub fn upload(&self, name: &str, media_type: &str, data: &[u8]) -> Result<String, PluginError> {
        #[derive(Deserialize)]
        struct Uploaded {
            content_uri: String,
        }
        let path = format!("/_matrix/media/v3/upload?filename={}", segment(name));
        let mut request = Request::new("POST", self.url(&path)).header("content-type", media_type);
        request.body = Some(data.to_vec());
        let answer = request.bearer(SECRET).send(self.host)?;
        let uploaded: Uploaded = self.accepted(answer)?.json()?;
        Ok(uploaded.content_uri)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn accepted(&self, answer: Response) -> Result<Response, PluginError> {
        #[derive(Deserialize)]
        struct Refusal {
            errcode: String,
            #[serde(default)]
            error: String,
            retry_after_ms: Option<u64>,
        }
        let Ok(refusal) = answer.json::<Refusal>() else { return answer.success(self.host) };
        let text = format!("the homeserver says {}: {}", refusal.errcode, refusal.error);
        Err(match (answer.status, refusal.errcode.as_str()) {
            (_, "M_LIMIT_EXCEEDED") | (429, _) => {
                let told = refusal.retry_after_ms.map(|wait| wait.div_ceil(1000));
                let told = told.and_then(|seconds| u32::try_from(seconds).ok());
                PluginError::retry(answer.retry_after(self.host).or(told), text)
            }
            (_, "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" | "M_USER_DEACTIVATED") | (401, _) => {
                PluginError::unauthorized(text)
            }
            (500..=599, _) => PluginError::retry(answer.retry_after(self.host), text),
            _ => PluginError::rejected(text),
        })
    }
}

/// Text as one segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}
