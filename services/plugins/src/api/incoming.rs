//! Components on their way in: as a body, as a file in a form, or by their address.

use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use spine::Problem;
use url::Url;
use utoipa::{IntoParams, ToSchema};

use contracts::api::Body;

use crate::lifecycle::{From, Source};
use crate::signature::Signed;

/// A component at an address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallFromUrl {
    /// Where it is.
    #[schema(format = Uri, max_length = 2000)]
    pub url: String,
    /// The SHA-256 that it must have, in hex.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-fA-F]{64}$")]
    pub sha256: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub signature: Option<ReleaseSignature>,
}

/// A publisher's signature over a release: Ed25519 over
/// `sovereign-plugin-release-v1`, id, version, SHA-256 of the component and SHA-256 of its plugin.toml (both
/// in hex), each followed by a line feed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseSignature {
    /// The signature, in base64.
    #[schema(max_length = 200)]
    pub signature: String,
    /// The publisher's key (32 bytes), in base64; absent: one of those that the node trusts.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub publisher_key: Option<String>,
}

/// What goes with a component that is the body itself.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InstallQuery {
    /// Of a component in the body: the SHA-256 that it must have, in hex.
    #[serde(default)]
    #[param(pattern = "^[0-9a-fA-F]{64}$")]
    pub sha256: Option<String>,
    /// Of a component in the body: the publisher's signature, in base64.
    #[serde(default)]
    #[param(max_length = 200)]
    pub signature: Option<String>,
    /// Of a component in the body: the publisher's key, in base64.
    #[serde(default)]
    #[param(max_length = 100)]
    pub publisher_key: Option<String>,
}

/// A component as a file in a form.
#[derive(Debug, ToSchema)]
pub struct InstallForm {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    pub component: Vec<u8>,
    /// The SHA-256 that it must have, in hex.
    pub sha256: Option<String>,
    /// The publisher's signature, in base64.
    pub signature: Option<String>,
    /// The publisher's key, in base64.
    pub publisher_key: Option<String>,
}

/// Reads a component in whichever way it comes.
pub(super) async fn read(request: Request, query: InstallQuery) -> Result<Source, Problem> {
    let source = match kind(request.headers()) {
        Kind::Json => from_url(request).await?,
        Kind::Wasm => {
            let body = Bytes::from_request(request, &()).await;
            let body = body.map_err(|error| unreadable(error.status(), &error.body_text()))?;
            let signed = Signed { signature: query.signature, publisher_key: query.publisher_key };
            Source { from: From::Bytes(body.to_vec()), sha256: query.sha256, signed }
        }
        Kind::Form => from_form(request).await?,
        Kind::Other => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-a-plugin",
                "Please send application/wasm, multipart/form-data with the file `component`, or JSON with a `url`",
            ));
        }
    };
    let is_digest =
        |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if source.sha256.as_ref().is_some_and(|text| !is_digest(text)) {
        return Err(Problem::unprocessable("invalid-digest", "`sha256` is 64 digits in hex"));
    }
    Ok(source)
}

enum Kind {
    Json,
    Wasm,
    Form,
    Other,
}

fn kind(headers: &HeaderMap) -> Kind {
    let text =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Kind::Json,
        "application/wasm" | "application/octet-stream" => Kind::Wasm,
        "multipart/form-data" => Kind::Form,
        _ => Kind::Other,
    }
}

async fn from_url(request: Request) -> Result<Source, Problem> {
    let Body(body) = Body::<InstallFromUrl>::from_request(request, &()).await?;
    let url = Url::parse(&body.url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let url =
        url.ok_or_else(|| Problem::unprocessable("invalid-url", "`url` is no address of the web"))?;
    let signed = match body.signature {
        Some(signature) => {
            Signed { signature: Some(signature.signature), publisher_key: signature.publisher_key }
        }
        None => Signed::default(),
    };
    Ok(Source { from: From::Url(url), sha256: body.sha256, signed })
}

async fn from_form(request: Request) -> Result<Source, Problem> {
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|error| unreadable(error.status(), &error.body_text()))?;
    let (mut component, mut sha256, mut signed) = (None, None, Signed::default());
    loop {
        let field = form
            .next_field()
            .await
            .map_err(|error| unreadable(error.status(), &error.body_text()))?;
        let Some(field) = field else { break };
        let name = field.name().unwrap_or_default().to_owned();
        let bytes =
            field.bytes().await.map_err(|error| unreadable(error.status(), &error.body_text()))?;
        let text = || String::from_utf8_lossy(&bytes).trim().to_owned();
        match name.as_str() {
            "component" => component = Some(bytes.to_vec()),
            "sha256" => sha256 = Some(text()),
            "signature" => signed.signature = Some(text()),
            "publisher_key" => signed.publisher_key = Some(text()),
            _ => {
                return Err(Problem::unprocessable(
                    "invalid-form",
                    "The form has a field that is unknown here",
                ));
            }
        }
    }
    let component = component.ok_or_else(|| {
        Problem::unprocessable("invalid-form", "The form has no file `component`")
    })?;
    // A form sends an empty text for what was not filled in.
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let signed =
        Signed { signature: filled(signed.signature), publisher_key: filled(signed.publisher_key) };
    Ok(Source { from: From::Bytes(component), sha256: filled(sha256), signed })
}

fn unreadable(status: StatusCode, text: &str) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(status, "too-large", "The component is larger than this takes");
    }
    Problem::bad_request("unreadable-body", "The body cannot be read").with_detail(text)
}
