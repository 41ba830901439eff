//! What an instance may hold.

use wasmtime::{ResourceLimiter, Result, bail};

/// Tables of a guest hold its functions; QuickJS has some thousands.
const TABLE_ELEMENTS: usize = 100_000;

/// Counts the memory of all memories of a store together.
#[derive(Debug)]
pub(crate) struct Limiter {
    most: usize,
    used: usize,
    /// A memory or a table was not given: what ended the guest, should it end now.
    pub(crate) refused: Option<&'static str>,
}

impl Limiter {
    pub(crate) fn new(memory: usize) -> Self {
        Self { most: memory, used: 0, refused: None }
    }

    /// How much memory the guest has taken, in bytes.
    pub(crate) fn used(&self) -> usize {
        self.used
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.most {
            self.refused = Some("memory_mib");
            bail!("the guest wants more memory than it may have");
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        if desired > TABLE_ELEMENTS {
            self.refused = Some("tables");
            bail!("the guest wants a larger table than it may have");
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        8
    }
}
