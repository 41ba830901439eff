//! Multikeys (W3C Controlled Identifiers): multibase base58btc over a multicodec prefix and the key.

use super::KeyError;

/// Multicodec `ed25519-pub` as a varint.
pub(super) const ED25519: [u8; 2] = [0xed, 0x01];
/// Multicodec `rsa-pub` (a PKCS#1 key follows) as a varint.
pub(super) const RSA: [u8; 2] = [0x85, 0x24];

/// Longer than the multikey of any RSA key in use.
const MAX_LENGTH: usize = 4 * 1024;

/// `z` and the base58btc text of prefix and key.
pub(super) fn encode(prefix: [u8; 2], key: &[u8]) -> String {
    format!("z{}", bs58::encode([&prefix[..], key].concat()).into_string())
}

/// The multicodec prefix and the key behind it.
pub(super) fn decode(text: &str) -> Result<([u8; 2], Vec<u8>), KeyError> {
    let encoded = text.strip_prefix('z').ok_or(KeyError::Multibase)?;
    if encoded.len() > MAX_LENGTH {
        return Err(KeyError::Multibase);
    }
    let bytes = bs58::decode(encoded).into_vec().map_err(|_| KeyError::Multibase)?;
    match bytes.split_first_chunk::<2>() {
        Some((prefix, key)) => Ok((*prefix, key.to_vec())),
        None => Err(KeyError::Multibase),
    }
}
