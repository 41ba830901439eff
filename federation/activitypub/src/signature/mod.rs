//! HTTP signatures: draft-cavage-http-signatures-12 as Mastodon speaks it, and RFC 9421.
//!
//! Verification has two steps, because between them lies a key to look up. [`parse`] reads the
//! header, insists on what must be covered, checks the time window and computes the digests anew
//! from the body's bytes; [`ParsedSignature::verify`] then does the cryptography. A signature that
//! leaves the method, the target or the body open is refused, whoever made it.

mod cavage;
mod digest;
mod error;
mod rfc9421;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
mod window;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::{Position, Url};

use crate::keys::{ActorKey, PublicKey, VerificationAlgorithm};

pub use error::SignatureError;

/// Media type of every document that is delivered.
const ACTIVITY_JSON: HeaderValue = HeaderValue::from_static("application/activity+json");

/// No signature header in use comes near this; a longer one is not parsed.
const MAX_HEADER_LENGTH: usize = 8 * 1024;
/// More covered components than any server signs.
const MAX_COMPONENTS: usize = 64;
/// Longest key id that is looked up.
const MAX_KEY_ID_LENGTH: usize = 2048;

/// Which of the two kinds of HTTP signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SignatureForm {
    /// draft-cavage-http-signatures-12: understood everywhere.
    #[default]
    Cavage,
    /// RFC 9421: Mastodon 4.5 and newer, Fedify, Mitra.
    Rfc9421,
}

impl SignatureForm {
    /// The other one: what the second knock of a double knock uses.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Cavage => Self::Rfc9421,
            Self::Rfc9421 => Self::Cavage,
        }
    }
}

/// The headers that sign a request. With a body they hold its digest and content type too.
///
/// `Host` is among them where it is signed; a client that writes it from the URL writes the same.
pub fn sign(
    form: SignatureForm,
    key: &ActorKey,
    method: &Method,
    url: &Url,
    body: Option<&Bytes>,
    now: DateTime<Utc>,
) -> Result<HeaderMap, SignatureError> {
    let mut headers = HeaderMap::new();
    if body.is_some() {
        headers.insert(header::CONTENT_TYPE, ACTIVITY_JSON);
    }
    match form {
        SignatureForm::Cavage => cavage::sign(key, method, url, body, now, &mut headers)?,
        SignatureForm::Rfc9421 => rfc9421::sign(key, method, url, body, now, &mut headers)?,
    }
    Ok(headers)
}

/// A request as it came in.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The request's public URL under this node's own name, not what a proxy made of it. A
    /// signature made for another host does not verify against it.
    pub target_uri: &'a Url,
    /// The raw request target, before any URL parser normalised it.
    pub path_and_query: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The raw body; empty when there is none.
    pub body: &'a [u8],
}

impl SignedRequest<'_> {
    /// Host and, unless it is the scheme's default, port.
    fn authority(&self) -> &str {
        authority(self.target_uri)
    }

    /// Whether the body's digest must be covered.
    fn has_body(&self) -> bool {
        !self.body.is_empty() || !matches!(*self.method, Method::GET | Method::HEAD)
    }

    /// A header's values, joined as both standards ask for.
    fn header(&self, name: &str) -> Result<Option<String>, SignatureError> {
        let mut values = self.headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Ok(None);
        }
        let mut joined = String::new();
        for value in values {
            let text = value
                .to_str()
                .map_err(|_| SignatureError::Malformed("a covered header is not ASCII text"))?;
            if !joined.is_empty() {
                joined.push_str(", ");
            }
            joined.push_str(text.trim());
        }
        Ok(Some(joined))
    }
}

/// A signature that covers enough and is fresh; whose it is remains to be verified.
#[derive(Debug, Clone)]
pub struct ParsedSignature {
    form: SignatureForm,
    key_id: Url,
    /// What may have been signed: the second form leaves out the query, as old Mastodon did.
    bases: Vec<String>,
    algorithms: &'static [VerificationAlgorithm],
    signature: Vec<u8>,
}

impl ParsedSignature {
    /// Where the signer says the key is published.
    pub fn key_id(&self) -> &Url {
        &self.key_id
    }

    /// Which kind of signature the request carries: what its host understands.
    pub fn form(&self) -> SignatureForm {
        self.form
    }

    /// The signature itself: whoever sends the same request again has to make another, as the time
    /// is signed, and nobody can make a second one of this request.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether `key` made the signature.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureError> {
        let matches = self.bases.iter().any(|base| {
            self.algorithms
                .iter()
                .any(|algorithm| key.verifies(*algorithm, base.as_bytes(), &self.signature))
        });
        if matches { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

/// Reads the signature of a request. `Signature-Input` decides that it is RFC 9421.
pub fn parse(
    request: &SignedRequest<'_>,
    now: DateTime<Utc>,
) -> Result<ParsedSignature, SignatureError> {
    if request.headers.contains_key(&rfc9421::SIGNATURE_INPUT) {
        rfc9421::parse(request, now)
    } else if request.headers.contains_key(&SIGNATURE) {
        cavage::parse(request, now)
    } else {
        Err(SignatureError::Missing)
    }
}

/// Carries the signature in both forms.
const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// `host` or `host:port`, the latter only for another port than the scheme's.
fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

fn header_value(text: &str) -> Result<HeaderValue, SignatureError> {
    HeaderValue::from_str(text).map_err(|_| SignatureError::Malformed("a value is not ASCII text"))
}

/// A key id is looked up over HTTP: nothing but a URL of that kind will do.
fn parse_key_id(text: &str) -> Result<Url, SignatureError> {
    if text.len() > MAX_KEY_ID_LENGTH {
        return Err(SignatureError::KeyId);
    }
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
        .ok_or(SignatureError::KeyId)
}
