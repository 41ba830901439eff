//! Why a signature is not accepted, in sentences fit for a problem document.

use crate::keys::KeyError;

/// A request's signature is missing, insufficient, out of date or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Neither form of signature is there.
    #[error("the request carries no HTTP signature")]
    Missing,
    /// The header does not follow its grammar.
    #[error("the signature cannot be read: {0}")]
    Malformed(&'static str),
    /// RFC 9421 allows several; no server that federates sends more than one.
    #[error("the request carries more than one signature")]
    Several,
    /// The key id is not a URL.
    #[error("the key id is not an http or https URL")]
    KeyId,
    /// An algorithm that this node does not verify.
    #[error("the signature algorithm {0:?} is not supported")]
    UnsupportedAlgorithm(String),
    /// A derived component or parameter that this node does not rebuild.
    #[error("the signed component {0:?} is not supported")]
    UnsupportedComponent(String),
    /// Something that must be signed is not.
    #[error("the signature does not cover {0}")]
    NotCovered(&'static str),
    /// Something is said to be signed and is not there.
    #[error("the signature covers {0:?}, which the request does not carry")]
    MissingHeader(String),
    /// Made in the future.
    #[error("the signature's creation time lies in the future")]
    NotYetValid,
    /// Too old.
    #[error("the signature has expired")]
    Expired,
    /// The digest header names no algorithm that this node computes.
    #[error("the body's digest is not given as SHA-256 or SHA-512")]
    UnsupportedDigest,
    /// The body is not what was signed.
    #[error("the body does not match its digest")]
    DigestMismatch,
    /// The key did not make this signature.
    #[error("the signature does not match the key")]
    Mismatch,
    /// Signing failed.
    #[error("the request cannot be signed")]
    Signing(#[from] KeyError),
}
