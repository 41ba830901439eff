//! Going on with what stopped half-way.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobOptions, JobRun, Lane};

use super::discard::DiscardGeneration;
use super::rebuild::{KEPT, RebuildIndex};
use crate::Search;
use crate::store::generations;

/// Takes up again what its own job has given up: a generation that retired and still lies about, in
/// Postgres or elsewhere, and one that is not built yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeepHouse {}

#[async_trait]
impl Job for KeepHouse {
    type Context = Search;
    const KIND: &'static str = "search.keep_house";
    const LANE: Lane = Lane::Background;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(Concurrency { key: "search:keep_house".to_owned(), limit: 1 })
    }

    async fn run(&self, _: &Search, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        let now = tx.spine().clock().now();
        for generation in generations::all(&mut *tx.conn()).await? {
            let part = JobOptions::default().part(generation.id.to_string());
            match generation.state.as_str() {
                "retired" => {
                    let job = DiscardGeneration { generation: generation.id };
                    tx.schedule_with(&job, part.at(now + KEPT))?;
                }
                "building" => {
                    tx.schedule_with(&RebuildIndex { generation: generation.id }, part)?;
                }
                _ => {}
            }
        }
        Ok(tx.commit().await?)
    }
}
