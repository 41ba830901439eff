//! The server's output, rotated when it starts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::ServerError;

/// Older logs that are kept.
const KEPT: u32 = 3;

/// Moves `log` to `log.1`, `log.1` to `log.2`, and so on.
pub(super) fn rotate(log: &Path) -> Result<(), ServerError> {
    for number in (0..KEPT).rev() {
        let from = numbered(log, number);
        match fs::rename(&from, numbered(log, number + 1)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(ServerError::path("rename", &from)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn numbered(log: &Path, number: u32) -> PathBuf {
    if number == 0 { log.to_owned() } else { log.with_added_extension(number.to_string()) }
}
