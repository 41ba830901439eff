//! Signing keys of local actors and verification keys of remote ones.
//!
//! Keys are parsed once and kept parsed: an inbox verifies thousands of signatures with the same
//! few keys.

mod ed25519;
mod multikey;
mod pem;
mod public;
mod rsa;

use std::sync::Arc;

use url::Url;

pub use ed25519::Ed25519SigningKey;
pub use public::{PublicKey, VerificationAlgorithm};
pub use rsa::RsaSigningKey;

/// What a local actor signs requests with.
#[derive(Debug, Clone)]
pub struct ActorKey {
    /// Where the public half is published: `https://a.example/users/x#main-key`.
    pub key_id: Url,
    /// The private half.
    pub key: Arc<RsaSigningKey>,
}

/// A key could not be read, made or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not PEM.
    #[error("the key is not in PEM form")]
    Pem,
    /// The text is not a base58btc Multikey.
    #[error("the key is not a base58btc multikey")]
    Multibase,
    /// The encoding holds another kind of key than expected, or a weak one.
    #[error("the key is of an unsupported kind or too weak")]
    Rejected,
    /// The cryptographic library failed: out of entropy or memory.
    #[error("the cryptographic library failed")]
    Failed,
}
