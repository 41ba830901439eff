//! The time, as the node's clock tells it.

use super::Guest;
use crate::engine::bindings::clock;

impl clock::Host for Guest {
    async fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0))
    }
}
