//! Where a component comes from.

use std::time::Duration;

use http::StatusCode;
use http::header::LOCATION;
use spine::http::OutgoingRequest;
use url::Url;

use crate::engine::{Digest, digest};
use crate::error::PluginsError;
use crate::manifest::{MAX_COMPONENT, ManifestError};
use crate::service::Plugins;
use crate::signature::Signed;

/// So many redirects are followed.
const REDIRECTS: u32 = 5;
/// How long fetching may take.
const FETCH: Duration = Duration::from_secs(60);

/// A component on its way in.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its bytes, or where they are.
    pub from: From,
    /// The SHA-256 that it must have, in hex.
    pub sha256: Option<String>,
    /// Who made it.
    pub signed: Signed,
}

/// Bytes, or where they are.
#[derive(Clone, Debug)]
pub enum From {
    /// These.
    Bytes(Vec<u8>),
    /// At this address.
    Url(Url),
}

impl Source {
    /// These bytes, without a digest or a signature.
    pub fn bytes(wasm: Vec<u8>) -> Self {
        Self { from: From::Bytes(wasm), sha256: None, signed: Signed::default() }
    }
}

impl Plugins {
    /// The bytes of a component, with their digest, which is what was expected.
    pub(super) async fn bring(
        &self,
        from: From,
        expected: Option<&str>,
    ) -> Result<(Vec<u8>, Digest), PluginsError> {
        let wasm = match from {
            From::Bytes(wasm) => wasm,
            From::Url(url) => self.fetch(url).await?,
        };
        if wasm.len() > MAX_COMPONENT {
            return Err(ManifestError::TooLarge { bytes: wasm.len() }.into());
        }
        let found = digest(&wasm);
        if let Some(expected) = expected {
            let expected = expected.trim().to_ascii_lowercase();
            let found = hex::encode(found);
            if expected != found {
                let expected = expected.chars().take(64).collect();
                return Err(PluginsError::OtherDigest { expected, found });
            }
        }
        Ok((wasm, found))
    }

    async fn fetch(&self, mut url: Url) -> Result<Vec<u8>, PluginsError> {
        let failed = |text: String| PluginsError::Fetch(text);
        let client = self
            .client(&self.0.settings.allow_networks)
            .map_err(|error| failed(error.to_string()))?;
        for _ in 0..=REDIRECTS {
            let mut request = OutgoingRequest::get(url.clone());
            request.max_body = Some(MAX_COMPONENT);
            request.timeout = Some(FETCH);
            let response = client.send(request).await.map_err(|error| failed(error.to_string()))?;
            if response.status == StatusCode::OK {
                return Ok(response.body.to_vec());
            }
            let leads = response.headers.get(LOCATION).filter(|_| response.status.is_redirection());
            let next = leads.and_then(|location| url.join(location.to_str().ok()?).ok());
            url = next.ok_or_else(|| failed(format!("the server answered {}", response.status)))?;
        }
        Err(failed("more than 5 redirects".to_owned()))
    }
}
