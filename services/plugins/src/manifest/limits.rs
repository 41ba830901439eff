//! The limits of a call.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::World;

/// The limits that a manifest names; what it does not name has its world's usual value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsAsked {
    /// Memory, in MiB; 64 (rule operators: 16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// How long a call may take, with its requests; 30 s (rule operators: 100 ms).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u32>,
    /// How long the guest may compute in a call; 5 s (rule operators: 50 ms).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u32>,
    /// How much a call may answer, in KiB; 4096 (rule operators: 64).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_kib: Option<u32>,
    /// How large the answer to an HTTP request may be, in KiB; 4096.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_kib: Option<u32>,
    /// How many HTTP requests a call may make; 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_call: Option<u32>,
}

/// The limits that bind a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Memory, in MiB, over all memories of an instance.
    pub memory_mib: u32,
    /// How long a call may take, with its requests.
    pub deadline_ms: u32,
    /// How long the guest may compute in a call.
    pub cpu_ms: u32,
    /// How much a call may answer, in KiB.
    pub output_kib: u32,
    /// How large the answer to an HTTP request may be, in KiB.
    pub response_kib: u32,
    /// How many HTTP requests a call may make.
    pub requests_per_call: u32,
}

impl LimitsAsked {
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, value, least, most) in [
            ("memory_mib", self.memory_mib, 1, 256),
            ("deadline_ms", self.deadline_ms, 10, 300_000),
            ("cpu_ms", self.cpu_ms, 10, 60_000),
            ("output_kib", self.output_kib, 1, 64 * 1024),
            ("response_kib", self.response_kib, 1, 64 * 1024),
            ("requests_per_call", self.requests_per_call, 0, 1_000),
        ] {
            if value.is_some_and(|value| !(least..=most).contains(&value)) {
                return Err(format!("limits.{name} must be between {least} and {most}"));
            }
        }
        Ok(())
    }

    pub(super) fn of(&self, world: World) -> Limits {
        let usual = Limits::usual(world);
        Limits {
            memory_mib: self.memory_mib.unwrap_or(usual.memory_mib),
            deadline_ms: self.deadline_ms.unwrap_or(usual.deadline_ms),
            cpu_ms: self.cpu_ms.unwrap_or(usual.cpu_ms),
            output_kib: self.output_kib.unwrap_or(usual.output_kib),
            response_kib: self.response_kib.unwrap_or(usual.response_kib),
            requests_per_call: self.requests_per_call.unwrap_or(usual.requests_per_call),
        }
    }
}

impl Limits {
    /// The usual limits of a world.
    pub fn usual(world: World) -> Self {
        match world {
            World::Connector | World::Channel => Self {
                memory_mib: 64,
                deadline_ms: 30_000,
                cpu_ms: 5_000,
                output_kib: 4_096,
                response_kib: 4_096,
                requests_per_call: 30,
            },
            World::RuleOperator => Self {
                memory_mib: 16,
                deadline_ms: 100,
                cpu_ms: 50,
                output_kib: 64,
                response_kib: 4_096,
                requests_per_call: 30,
            },
        }
    }

    /// Those of the one call of `describe` at install: nothing from outside, little of everything. Engines
    /// that start an interpreter need most of it for that.
    pub fn of_description(self) -> Self {
        Self { deadline_ms: 5_000, cpu_ms: 2_000, output_kib: 1_024, requests_per_call: 0, ..self }
    }

    /// Memory in bytes.
    pub fn memory(&self) -> usize {
        kib(self.memory_mib) * 1_024
    }

    /// What a call may answer, in bytes.
    pub fn output(&self) -> usize {
        kib(self.output_kib)
    }

    /// What an HTTP response may hold, in bytes.
    pub fn response(&self) -> usize {
        kib(self.response_kib)
    }

    /// How much a call may bring to the guest, in bytes: what it is given lies in its memory, beside what it
    /// makes of it.
    pub fn input(&self) -> usize {
        self.memory() / 4
    }

    /// How long a call may take.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms.into())
    }

    /// Whether none of these is larger than the other's.
    pub fn fits_within(&self, granted: &Self) -> bool {
        self.memory_mib <= granted.memory_mib
            && self.deadline_ms <= granted.deadline_ms
            && self.cpu_ms <= granted.cpu_ms
            && self.output_kib <= granted.output_kib
            && self.response_kib <= granted.response_kib
            && self.requests_per_call <= granted.requests_per_call
    }
}

fn kib(count: u32) -> usize {
    count as usize * 1_024
}
