//! Cursors as JSON. The host stores what a batch gives as `next_cursor` in one transaction with the
//! batch's records, and hands it to the next call.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::PluginError;

/// Reads a cursor; none is the beginning.
///
/// # Errors
/// [`PluginError::CursorExpired`] where it is not readable, such as one of an older version in
/// another form: the host begins again.
pub fn read<T: DeserializeOwned + Default>(cursor: Option<&[u8]>) -> Result<T, PluginError> {
    match cursor {
        None => Ok(T::default()),
        Some(bytes) => serde_json::from_slice(bytes).map_err(|_| PluginError::CursorExpired),
    }
}

/// Writes a cursor.
///
/// # Errors
/// The value has no form in JSON, such as a map with keys that are not text.
pub fn write<T: Serialize>(cursor: &T) -> Result<Option<Vec<u8>>, PluginError> {
    serde_json::to_vec(cursor)
        .map(Some)
        .map_err(|error| PluginError::failed(format!("the cursor cannot be written: {error}")))
}
