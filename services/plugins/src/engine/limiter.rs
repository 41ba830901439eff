//! What an instance may hold.

use wasmtime::{ResourceLimiter, Result, bail};

/// All tables of a guest together: they hold its functions, of which QuickJS has some thousands.
const TABLE_ELEMENTS: usize = 100_000;

/// Counts the memory of all memories of a store together.
#[derive(Debug)]
pub(crate) struct Limiter {
    most: usize,
    used: usize,
    /// Elements of all tables together: each costs the node a pointer, which no memory limit sees.
    elements: usize,
    /// A memory or a table was not given: what ended the guest, should it end now.
    pub(crate) refused: Option<&'static str>,
}

impl Limiter {
    pub(crate) fn new(memory: usize) -> Self {
        Self { most: memory, used: 0, elements: 0, refused: None }
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

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let elements = self.elements.saturating_add(desired.saturating_sub(current));
        if elements > TABLE_ELEMENTS {
            self.refused = Some("tables");
            bail!("the guest wants larger tables than it may have");
        }
        self.elements = elements;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_and_all_tables_count_together() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 41, None).is_err(), "a second memory");
        assert_eq!(limiter.refused, Some("memory_mib"));
        let mut limiter = Limiter::new(100);
        assert!(limiter.table_growing(0, TABLE_ELEMENTS, None).unwrap());
        assert!(limiter.table_growing(0, 1, None).is_err(), "a second table");
        assert_eq!(limiter.refused, Some("tables"));
    }
}
