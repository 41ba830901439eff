//! How much a process works at a time.

use std::time::Duration;

/// How a process's workers are shared among the lanes, and how long things are remembered.
#[derive(Clone, Debug)]
pub struct WorkSettings {
    /// Workers that only this lane may use: realtime, interactive, background.
    pub reserved: [usize; 3],
    /// Workers that any lane may use, shared fairly where several want them.
    pub shared: usize,
    /// Most jobs a process claims ahead, a lane.
    pub ahead: [usize; 3],
    /// Connections that only claim and complete.
    pub connections: u32,
    /// How often to look for jobs although nobody woke us (another process on another machine,
    /// a lost message).
    pub poll: Duration,
    /// How long runs may go on after [`crate::Running::stop`].
    pub drain: Duration,
    /// How many days done jobs and their keys are remembered.
    pub keep_days: u16,
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
        }
    }
}
