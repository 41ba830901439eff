//! Recognising what did not change.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// How many bytes of the hash are kept: enough that no two records of an account meet.
const BYTES: usize = 16;

/// A short hash (half of SHA-256, as hexadecimal): the revision of a record whose source gives none,
/// or the id of one without.
pub fn fingerprint(data: &[u8]) -> String {
    let digest = Sha256::digest(data);
    digest.iter().take(BYTES).fold(String::with_capacity(2 * BYTES), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}
