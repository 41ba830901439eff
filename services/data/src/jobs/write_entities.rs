//! Writes what a source brought.

use async_trait::async_trait;
use contracts::jobs::WriteEntities;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobContract, JobError, JobRun, Lane};

use crate::Data;
use crate::write::{Intent, Outcome, apply};

/// [`WriteEntities`], as it is performed here.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Write(WriteEntities);

#[async_trait]
impl Job for Write {
    type Context = Data;
    const KIND: &'static str = WriteEntities::KIND;
    const LANE: Lane = WriteEntities::LANE;

    fn concurrency(&self) -> Option<Concurrency> {
        self.0.concurrency()
    }

    async fn run(&self, _: &Data, run: &mut JobRun) -> Result<(), JobError> {
        let mut intents = Vec::with_capacity(self.0.entities.len());
        for draft in &self.0.entities {
            match draft.check() {
                Ok(()) => intents.push(Intent::say(draft.clone())),
                // Whoever made it checks it too: this is a mistake there, and must not hold up the others.
                Err(error) => tracing::error!(
                    source = self.0.source,
                    kind = draft.key.kind,
                    %error,
                    "an entity cannot be written and is left out"
                ),
            }
        }
        let mut tx = run.begin().await?;
        let written = apply(&mut tx, intents).await?;
        tx.commit().await?;
        let changed = written.iter().filter(|one| one.outcome != Outcome::Unchanged).count();
        tracing::debug!(source = self.0.source, of = written.len(), changed, "entities written");
        Ok(())
    }
}
