//! Stands in for `getrandom`: the seed of `ahash`, the tables of `calcard`.
//!
//! A guest has no randomness, so every instance has the same seed. Nothing secret comes of it: a
//! guest makes no keys, and one that is led into slow tables runs into its own limit.

use std::fmt;

/// Never happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no randomness")
    }
}

impl std::error::Error for Error {}

/// Fills with the same bytes at each call (multiples of the golden ratio).
///
/// # Errors
/// None.
pub fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for byte in bytes {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        *byte = state.to_be_bytes()[0];
    }
    Ok(())
}
