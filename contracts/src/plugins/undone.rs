//! What people and callers of hooks are told where a plugin did not do what they asked for.

use std::time::Duration;

use http::StatusCode;
use spine::Problem;

use super::{PluginError, PluginFailure};

/// Why something that needs a plugin is not done: a call that failed, as it concerns whoever asked. Services have
/// it as one of the variants of their error, and add nothing to what it answers.
#[derive(Debug, thiserror::Error)]
pub enum Undone {
    /// The plugin does not accept the configuration.
    #[error("the configuration is wrong: {0}")]
    BadConfig(String),
    /// There is no such plugin, or it may not be called.
    #[error("{0}")]
    NoPlugin(String),
    /// The plugin refuses a webhook: its signature is wrong, or it is not for this account.
    #[error("the webhook is refused: {0}")]
    HookRefused(String),
    /// The body of a webhook is too large.
    #[error("the body is larger than this takes")]
    HookTooLarge,
    /// Not now: too many calls of the plugin at once, what it is for is paused, or the plugin rests.
    #[error("not now; please try again in {} s", after.as_secs())]
    Later {
        /// When to try again.
        after: Duration,
    },
    /// The plugin failed.
    #[error("the plugin failed")]
    Failed(#[source] PluginError),
}

impl From<PluginError> for Undone {
    fn from(error: PluginError) -> Self {
        match error {
            PluginError::Guest(PluginFailure::BadConfig(words)) => Self::BadConfig(words),
            PluginError::Guest(PluginFailure::Rejected(words)) => Self::HookRefused(words),
            PluginError::Guest(PluginFailure::Retry { after, .. }) => {
                Self::Later { after: after.unwrap_or(Duration::from_secs(30)) }
            }
            PluginError::Resting { after, .. } => Self::Later { after },
            PluginError::Unavailable { .. } => Self::NoPlugin(error.to_string()),
            other => Self::Failed(other),
        }
    }
}

impl From<Undone> for Problem {
    fn from(undone: Undone) -> Self {
        let title = undone.to_string();
        match undone {
            Undone::BadConfig(_) => Self::unprocessable("bad-config", title),
            Undone::NoPlugin(_) => Self::unprocessable("no-plugin", title),
            Undone::HookRefused(_) => Self::forbidden("hook-refused", title),
            Undone::HookTooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title),
            Undone::Later { after } => Self::new(StatusCode::SERVICE_UNAVAILABLE, "later", title)
                .with_retry_after(seconds(after)),
            Undone::Failed(error) => Self::unavailable(error),
        }
    }
}

/// Seconds for a `Retry-After`: from one up to an hour.
fn seconds(after: Duration) -> u32 {
    u32::try_from(after.as_secs().clamp(1, 3_600)).unwrap_or(3_600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_says_decides_what_is_answered() {
        let told = |error: PluginError| {
            let problem: Problem = Undone::from(error).into();
            (problem.status().as_u16(), problem.kind())
        };
        let plugin = || "mail".to_owned();
        assert_eq!(told(PluginFailure::BadConfig("`url`".to_owned()).into()), (422, "bad-config"));
        assert_eq!(
            told(PluginFailure::Rejected("forged".to_owned()).into()),
            (403, "hook-refused")
        );
        let busy = PluginFailure::Retry { after: None, reason: "429".to_owned() };
        assert_eq!(told(busy.into()), (503, "later"));
        let rests = PluginError::Resting { plugin: plugin(), after: Duration::from_secs(9) };
        assert_eq!(told(rests), (503, "later"));
        let away =
            PluginError::Unavailable { plugin: plugin(), reason: "it is disabled".to_owned() };
        assert_eq!(told(away), (422, "no-plugin"));
        let stopped = PluginError::Stopped { plugin: plugin(), reason: "cpu_ms".to_owned() };
        assert_eq!(told(stopped), (503, "unavailable"));
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_secs(1 << 40)), 3_600);
    }
}
