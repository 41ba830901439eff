//! Raw records, as they are kept.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use sha2::{Digest as _, Sha256};
use spine::Spine;
use uuid::Uuid;

use crate::EtlError;
use crate::mapping::RecordFacts;

/// The longest payload that is mapped, in bytes. What is longer is kept and refused.
pub(crate) const LONGEST_PAYLOAD: usize = 8 << 20;
/// What stands before the hash of a part of a key that can be none.
pub(crate) const UNUSABLE: &str = "unusable:";

/// A record whose turn it is to be mapped.
#[derive(Clone, Debug)]
pub(crate) struct StoredRecord {
    pub(crate) id: Uuid,
    pub(crate) deleted: bool,
    /// Whether the consent that it rests on was withdrawn.
    pub(crate) is_withdrawn: bool,
    /// Compressed and sealed.
    pub(crate) payload: Vec<u8>,
    pub(crate) size: i64,
    pub(crate) facts: RecordFacts,
}

/// SHA-256 of a payload: what tells contents apart.
pub(crate) fn hash(payload: &str) -> Vec<u8> {
    Sha256::digest(payload.as_bytes()).to_vec()
}

/// A payload as it is kept: compressed, then sealed.
pub(crate) fn pack(spine: &Spine, payload: &str) -> Result<Vec<u8>, EtlError> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let packed = encoder.write_all(payload.as_bytes()).and_then(|()| encoder.finish());
    let packed = packed.map_err(|error| EtlError::Damaged(error.to_string()))?;
    Ok(spine.seal_secret(&packed)?)
}

/// A payload as it came.
pub(crate) fn unpack(spine: &Spine, kept: &[u8], size: i64) -> Result<String, EtlError> {
    let packed = spine.open_secret(kept)?;
    let size = usize::try_from(size).unwrap_or_default();
    let mut payload = String::with_capacity(size.min(LONGEST_PAYLOAD));
    ZlibDecoder::new(&*packed)
        .take(u64::try_from(size).unwrap_or(u64::MAX))
        .read_to_string(&mut payload)
        .map_err(|error| EtlError::Damaged(error.to_string()))?;
    Ok(payload)
}
