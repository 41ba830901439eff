//! The search service of one process.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use spine::{Cause, JobOptions, Runtime, Spine};
use url::Url;

use crate::handler::IndexEntities;
use crate::index::Index;
use crate::index::meilisearch::{self, MeilisearchIndex};
use crate::index::postgres::PostgresIndex;
use crate::jobs::discard::DiscardGeneration;
use crate::jobs::house::KeepHouse;
use crate::jobs::push::PushDocuments;
use crate::jobs::rebuild::RebuildIndex;
use crate::store::generations::{self, Generation};
use crate::{Found, MIGRATIONS, Question, SearchError};

/// A Meilisearch to search with.
#[derive(Clone)]
pub struct MeilisearchSettings {
    /// Where it is, such as `http://127.0.0.1:7700`.
    pub url: Url,
    /// A key that may make, fill and delete indexes.
    pub key: Option<String>,
    /// What the names of this node's indexes begin with: letters, digits, `-`, `_`.
    pub prefix: String,
}

impl std::fmt::Debug for MeilisearchSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeilisearchSettings")
            .field("url", &self.url.as_str())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Settings of the search service.
#[derive(Clone, Debug, Default)]
pub struct SearchSettings {
    /// The Meilisearch that is searched; none: Postgres.
    pub meilisearch: Option<MeilisearchSettings>,
}

/// The search service. Cheap to clone.
#[derive(Clone)]
pub struct Search(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    postgres: Arc<dyn Index>,
    meilisearch: Option<Arc<dyn Index>>,
}

/// How the index is.
#[derive(Clone, Debug)]
pub struct Status {
    /// Which adapter answers: `postgres`, `meilisearch`.
    pub adapter: String,
    /// The number of the generation that answers.
    pub generation: i32,
    /// How many documents it has.
    pub documents: u64,
    /// How many changes its adapter has not taken in yet.
    pub waiting: u64,
    /// A rebuild that is under way.
    pub rebuild: Option<RebuildProgress>,
}

/// How far a rebuild is.
#[derive(Clone, Debug)]
pub struct RebuildProgress {
    /// The number of the generation that is built.
    pub generation: i32,
    /// For which adapter.
    pub adapter: String,
    /// How many events were read.
    pub events: u64,
    /// How many documents there are.
    pub documents: u64,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
}

impl Search {
    /// Brings the schema up to date. Where the index is another adapter's than the settings ask for, a
    /// rebuild begins; until it is done the other one answers, if it can.
    ///
    /// # Errors
    /// The database failed, or the settings cannot be used. That Meilisearch is away is no error.
    pub async fn open(spine: Spine, settings: SearchSettings) -> Result<Self, SearchError> {
        spine::database::migrate(spine.pool(), "search", &MIGRATIONS).await?;
        let meilisearch = match &settings.meilisearch {
            Some(settings) => {
                Some(meilisearch::port(MeilisearchIndex::new(spine.clone(), settings)?))
            }
            None => None,
        };
        let postgres: Arc<dyn Index> = Arc::new(PostgresIndex { spine: spine.clone() });
        let search = Self(Arc::new(Inner { spine, postgres, meilisearch }));
        let wanted = search.preferred().name();
        let now = search.0.spine.clock().now();
        generations::ensure_first(search.0.spine.pool(), wanted, now).await?;
        let mut tx = search.0.spine.begin(Cause::system()).await?;
        for generation in generations::give_up(tx.conn(), wanted).await? {
            tx.schedule(&DiscardGeneration { generation })?;
        }
        tx.commit().await?;
        let (active, building) = search.generations().await?;
        if active.adapter != wanted && building.is_none() {
            search.begin_rebuild(Cause::system()).await?;
        }
        if search.0.meilisearch.is_some() {
            // Its index is to be there before anybody writes or asks.
            let mut tx = search.0.spine.begin(Cause::system()).await?;
            tx.schedule(&PushDocuments {})?;
            tx.commit().await?;
        }
        Ok(search)
    }

    /// The adapter that the settings ask for.
    fn preferred(&self) -> &Arc<dyn Index> {
        self.0.meilisearch.as_ref().unwrap_or(&self.0.postgres)
    }

    /// The adapter that holds a generation; `None` where it is not configured any more.
    pub(crate) fn adapter(&self, name: &str) -> Option<&Arc<dyn Index>> {
        [Some(&self.0.postgres), self.0.meilisearch.as_ref()]
            .into_iter()
            .flatten()
            .find(|index| index.name() == name)
    }

    /// The active generation, and one that is building.
    pub(crate) async fn generations(
        &self,
    ) -> Result<(Generation, Option<Generation>), SearchError> {
        let mut live = generations::live(self.0.spine.pool()).await?;
        let active = live.iter().position(|one| one.state == "active");
        let active = active.map(|place| live.remove(place)).ok_or(SearchError::NotReady)?;
        Ok((active, live.pop()))
    }

    /// Answers a question with what is permitted, and nothing else.
    ///
    /// # Errors
    /// The store or Meilisearch failed; the cursor is none of this question's.
    pub async fn search(
        &self,
        question: &Question,
        permitted: &Permitted,
    ) -> Result<Found, SearchError> {
        // Something was asked for that has no word in it.
        if question.text.is_empty() && !question.text.plain.is_empty() {
            return Ok(Found::default());
        }
        let (active, _) = self.generations().await?;
        let found = self.ask(&active, question, permitted).await;
        match found {
            // The generation may have retired in this moment.
            Err(SearchError::NotReady) => {
                let (now, _) = self.generations().await?;
                if now.id == active.id {
                    return Err(SearchError::NotReady);
                }
                self.ask(&now, question, permitted).await
            }
            other => other,
        }
    }

    async fn ask(
        &self,
        generation: &Generation,
        question: &Question,
        permitted: &Permitted,
    ) -> Result<Found, SearchError> {
        let index = self.adapter(&generation.adapter).ok_or(SearchError::NotReady)?;
        if !generation.whole && !index.searches_the_table() {
            // Half an index would answer as if there were no more.
            return Err(SearchError::NotReady);
        }
        index.search(generation, question, permitted).await
    }

    /// How the index is.
    ///
    /// # Errors
    /// The store failed.
    pub async fn status(&self) -> Result<Status, SearchError> {
        let (active, building) = self.generations().await?;
        let number = |count: i64| u64::try_from(count).unwrap_or(0);
        let pool = self.0.spine.pool();
        let (documents, waiting) = generations::counts(pool, active.id).await?;
        let in_table = active.adapter == self.0.postgres.name();
        let rebuild = match building {
            Some(building) => Some(RebuildProgress {
                generation: building.id,
                events: number(building.events),
                documents: number(generations::counts(pool, building.id).await?.0),
                adapter: building.adapter,
                started_at: building.created_at,
            }),
            None => None,
        };
        Ok(Status {
            adapter: active.adapter,
            generation: active.id,
            documents: number(documents),
            waiting: if in_table { 0 } else { number(waiting) },
            rebuild,
        })
    }

    /// Begins to build the index anew from the ledger; where that is under way already it goes on, also
    /// where its job has given up.
    ///
    /// # Errors
    /// The store failed.
    pub async fn begin_rebuild(&self, cause: Cause) -> Result<(), SearchError> {
        let mut tx = self.0.spine.begin(cause).await?;
        let now = self.0.spine.clock().now();
        let begun = generations::begin(tx.conn(), self.preferred().name(), now).await?;
        let building = match begun {
            Some(generation) => Some(generation),
            None => generations::building(tx.conn()).await?,
        };
        if let Some(generation) = building {
            let part = JobOptions::default().part(generation.to_string());
            tx.schedule_with(&RebuildIndex { generation }, part)?;
        }
        Ok(tx.commit().await?)
    }
}

/// Adds the service's handler, jobs and schedules.
pub fn register(runtime: Runtime, service: &Search) -> Runtime {
    let context = Arc::new(service.clone());
    let runtime = runtime
        .handler(IndexEntities(service.clone()))
        .job::<RebuildIndex>(context.clone())
        .job::<DiscardGeneration>(context.clone())
        .job::<KeepHouse>(context.clone())
        .job::<PushDocuments>(context)
        .cron("search.keep_house", "43 * * * *", KeepHouse {});
    match service.0.meilisearch {
        // What a job gave up is brought all the same, and an index that was lost is noticed.
        Some(_) => runtime.cron("search.push", "* * * * *", PushDocuments {}),
        None => runtime,
    }
}
