//! Signatures of releases: Ed25519, detached, over what a release is.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::engine::Digest;
use crate::error::PluginsError;
use crate::manifest::Inspected;

/// A publisher's key: 32 bytes.
pub(crate) type PublisherKey = [u8; 32];

/// What came with a component to show who made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// The signature, in base64.
    pub signature: Option<String>,
    /// The publisher's key, in base64; where it is absent, one of the trusted keys has signed.
    pub publisher_key: Option<String>,
}

/// What a publisher signs: id, version, digest of the component and digest of its manifest, a line each.
pub fn signed_text(id: &str, version: &str, component: &Digest, manifest: &str) -> String {
    let manifest = Sha256::digest(manifest.as_bytes());
    format!(
        "sovereign-plugin-release-v1\n{id}\n{version}\n{}\n{}\n",
        hex::encode(component),
        hex::encode(manifest)
    )
}

/// Reads a key.
///
/// # Errors
/// It is not 32 bytes in base64.
pub(crate) fn read_key(text: &str) -> Result<PublisherKey, PluginsError> {
    let unreadable = PluginsError::Signature("a publisher's key is 32 bytes in base64");
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| PluginsError::Signature("a publisher's key is 32 bytes in base64"))?;
    bytes.try_into().map_err(|_| unreadable)
}

/// Checks who made a component; `expected` is the key of the version before.
///
/// # Errors
/// A signature is missing where one must be, or does not hold.
pub(crate) fn verify(
    inspected: &Inspected,
    digest: &Digest,
    signed: &Signed,
    trusted: &[PublisherKey],
    expected: Option<&[u8]>,
) -> Result<Option<PublisherKey>, PluginsError> {
    let Some(signature) = &signed.signature else {
        return match (expected, &signed.publisher_key) {
            (Some(_), _) => Err(PluginsError::Signature(
                "the version before was signed: an upgrade must be signed by the same publisher",
            )),
            (None, Some(_)) => {
                Err(PluginsError::Signature("a publisher's key came without a signature"))
            }
            (None, None) => Ok(None),
        };
    };
    let signature = STANDARD
        .decode(signature.trim())
        .map_err(|_| PluginsError::Signature("the signature is not base64"))?;
    let given = signed.publisher_key.as_deref().map(read_key).transpose()?;
    let before = expected.and_then(|key| PublisherKey::try_from(key).ok());
    let candidates: Vec<PublisherKey> = match (before, given) {
        (Some(before), Some(given)) if before != given => {
            return Err(PluginsError::Signature(
                "the version before was signed by another publisher",
            ));
        }
        (Some(before), _) => vec![before],
        (None, Some(given)) => vec![given],
        (None, None) => trusted.to_vec(),
    };
    let manifest = &inspected.manifest;
    let text = signed_text(&manifest.id, &manifest.version.to_string(), digest, &inspected.text);
    let holds = |key: &PublisherKey| {
        UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &signature).is_ok()
    };
    match candidates.into_iter().find(holds) {
        Some(key) => Ok(Some(key)),
        None => {
            Err(PluginsError::Signature("the signature does not hold under the publisher's key"))
        }
    }
}
