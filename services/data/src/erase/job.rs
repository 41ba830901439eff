//! Forgets, some at a time.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobOptions, JobRun, Lane};

use super::{Scope, forget};
use crate::Data;

/// Forgets some of what there is to forget, and then the next: each in a transaction of its own, so that
/// others get their turn, and a process that dies costs one of them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Forget {
    scope: Scope,
    #[serde(default)]
    batch: u32,
}

impl Forget {
    /// From the beginning.
    pub(crate) fn new(scope: Scope) -> Self {
        Self { scope, batch: 0 }
    }
}

#[async_trait]
impl Job for Forget {
    type Context = Data;
    const KIND: &'static str = "data.forget";
    const LANE: Lane = Lane::Background;

    async fn run(&self, _: &Data, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        if forget(&mut tx, &self.scope).await? {
            let next = Self { scope: self.scope.clone(), batch: self.batch + 1 };
            let part = next.batch.to_string();
            tx.schedule_with(&next, JobOptions::default().part(part))?;
        }
        tx.commit().await?;
        Ok(())
    }
}
