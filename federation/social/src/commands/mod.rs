//! What local people do: one file a command.

use spine::Runtime;

use crate::Social;

/// Adds what commands run beside requests.
pub(crate) fn register(runtime: Runtime, _social: &Social) -> Runtime {
    runtime
}
