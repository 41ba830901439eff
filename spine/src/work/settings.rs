//! How much a process works at a time.

use std::time::Duration;

/// How a process's workers are shared among the lanes, and how long things are remembered.
#[derive(Clone, Debug)]
pub struct WorkSettings {
    /// Workers that only this lane may use: realtime, interactive, background.
    pub reserved: [usize; 3],
    /// Workers that any lane may use, shared fairly where several want them.
    pub shared: usize,
    /// Most jobs a process claims ahead, a lane; heavy ones fewer, so that they fit in memory.
    pub ahead: [usize; 3],
    /// Connections that only claim and complete.
    pub connections: u32,
    /// How often to look for jobs although nobody woke us (another process on another machine,
    /// a lost message).
    pub poll: Duration,
    /// How long runs may go on after [`crate::Running::stop`].
    pub drain: Duration,
    /// How many days done jobs and their keys are remembered, at least one.
    pub keep_days: u16,
    /// After how many days a dead letter that nobody looked after is thrown away.
    pub keep_dead_days: u16,
}

impl WorkSettings {
    pub(crate) fn memory(&self) -> Memory {
        Memory { days: self.keep_days, dead_days: self.keep_dead_days }
    }
}

/// How long what is over is remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Done jobs and keys.
    pub(crate) days: u16,
    /// Dead letters.
    pub(crate) dead_days: u16,
}

impl Default for WorkSettings {
    fn default() -> Self {
        Self {
            reserved: [4, 8, 8],
            shared: 28,
            ahead: [32, 256, 1_000],
            connections: 5,
            poll: Duration::from_secs(1),
            drain: Duration::from_secs(20),
            keep_days: 7,
            keep_dead_days: 30,
        }
    }
}
