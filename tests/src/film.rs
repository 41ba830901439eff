//! A file to upload.

/// A video of so many bytes, as far as anyone looks; the node stores it as it is.
///
/// # Panics
/// It is longer than such a file can be.
pub fn film(bytes: usize) -> Vec<u8> {
    let mut file = b"\0\0\0\x10ftypisom\0\0\0\0".to_vec();
    let length = u32::try_from(bytes + 8).expect("a film of less than 4 GiB");
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(b"mdat");
    file.resize(file.len() + bytes, b'f');
    file
}
