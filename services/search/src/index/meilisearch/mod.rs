//! The adapter to Meilisearch, for a node whose operator runs one.
//!
//! An index a generation, named by it and known by when it was made: adding documents to one that was lost
//! makes one without settings, and without all that it had. Which generation is asked is decided by the same row of Postgres as
//! for the other adapter, so that a switch is one commit and there is no second truth to disagree with it.
//! What changed is brought by a job in batches; a batch counts as brought when Meilisearch says that its
//! task succeeded. Of what is found only that is shown which may be seen as Postgres knows it now: an index
//! that is behind, because its tasks fail or its server was away, shows nothing that was erased, deleted or
//! moved elsewhere since.

mod document;
mod filter;
mod http;
mod settings;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use contracts::access::Permitted;
use meilisearch_sdk::client::Client;
use meilisearch_sdk::errors::{Error, ErrorCode};
use meilisearch_sdk::search::{MatchingStrategies, SearchQuery, SearchResults, Selectors};
use meilisearch_sdk::task_info::TaskInfo;
use meilisearch_sdk::tasks::Task;
use spine::{Spine, Tx};
use tokio::time::Instant;
use uuid::Uuid;

use self::document::Stored;
use self::http::Http;
use super::{FacetValue, Facets, Found, Hit, Index, ordered};
use crate::highlight::SHOWN_WORDS;
use crate::jobs::push::PushDocuments;
use crate::store::documents::{self, Waiting};
use crate::store::generations::{self, Generation};
use crate::store::search::strange_cursor;
use crate::{FacetKind, MeilisearchSettings, Place, Question, SearchError};

/// Documents that are brought at a time.
const BATCH: i64 = 500;
/// How long Meilisearch may take for a task, with those that wait before it.
const TASK: Duration = Duration::from_secs(600);
/// The longest pause between two looks at a task.
const LOOK: Duration = Duration::from_millis(500);
/// Marks of matches: characters that no document has (`crate::document`).
const BEGIN: char = '\u{e000}';
const END: char = '\u{e001}';

/// What it says of questions to an index that is not there, or has no settings yet: what is asked is always
/// well-formed.
const UNPREPARED: [ErrorCode; 4] = [
    ErrorCode::IndexNotFound,
    ErrorCode::InvalidSearchFilter,
    ErrorCode::InvalidSearchSort,
    ErrorCode::InvalidSearchFacets,
];

/// Searches the indexes of a Meilisearch.
pub(crate) struct MeilisearchIndex {
    spine: Spine,
    client: Client<Http>,
    prefix: String,
    /// Which generations have the settings of this program, as far as this process knows.
    prepared: Mutex<HashSet<i32>>,
}

impl MeilisearchIndex {
    /// Prepares a client; makes no connection.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub(crate) fn new(spine: Spine, settings: &MeilisearchSettings) -> Result<Self, SearchError> {
        let named = (1..=64).contains(&settings.prefix.len())
            && settings.prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if !named {
            return Err(SearchError::Settings(format!(
                "the index prefix {:?} must be 1 to 64 letters, digits, - or _",
                settings.prefix
            )));
        }
        let http = Http::new(&settings.url, settings.key.as_deref())?;
        let host = settings.url.as_str().trim_end_matches('/').to_owned();
        let client = Client::new_with_client(host, settings.key.clone(), http);
        Ok(Self { spine, client, prefix: settings.prefix.clone(), prepared: Mutex::default() })
    }

    fn uid(&self, generation: &Generation) -> String {
        match generation.token {
            Some(token) => format!("{}_{}_{}", self.prefix, generation.id, token.simple()),
            None => format!("{}_{}", self.prefix, generation.id),
        }
    }

    /// When the index of this name was made; `None` where there is none.
    async fn made(&self, uid: &str) -> Result<Option<String>, SearchError> {
        match self.client.get_raw_index(uid).await {
            Ok(index) => Ok(Some(index["createdAt"].as_str().unwrap_or_default().to_owned())),
            Err(error) if is_code(&error, &ErrorCode::IndexNotFound) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    /// Sees to it that the generation's index is there with its settings. One that was lost, or is not the
    /// one that was made for it, is made anew, and all is brought to it again.
    async fn prepare(&self, generation: &Generation) -> Result<(), SearchError> {
        let (uid, pool) = (self.uid(generation), self.spine.worker_pool());
        let known = generations::made(pool, generation.id).await?;
        let there = self.made(&uid).await?;
        if there.is_some() && there == known {
            let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
            if prepared.contains(&generation.id) {
                return Ok(());
            }
        }
        if there.is_none() || there != known {
            if known.is_some() {
                tracing::warn!(index = uid, "Meilisearch lost an index; it is filled again");
            }
            generations::unmake(pool, generation.id).await?;
            if there.is_some() {
                let deleted = self.client.delete_index(&uid).await.map_err(refused)?;
                self.done(deleted).await?;
            }
            let made = self.client.create_index(&uid, Some("id")).await.map_err(refused)?;
            self.done(made).await?;
            let made = self.made(&uid).await?.ok_or(SearchError::NotReady)?;
            documents::push_all(pool, generation.id, &made).await?;
        }
        let index = self.client.index(&uid);
        let set = index.set_settings(&settings::settings()).await.map_err(refused)?;
        self.done(set).await?;
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(generation.id);
        Ok(())
    }

    /// Waits for a task.
    async fn done(&self, task: TaskInfo) -> Result<(), SearchError> {
        let number = task.get_task_uid();
        let until = Instant::now() + TASK;
        let mut pause = Duration::from_millis(5);
        loop {
            match self.client.get_task(&task).await.map_err(refused)? {
                Task::Succeeded { .. } => return Ok(()),
                Task::Failed { content } => {
                    self.forget();
                    let error = content.error;
                    return Err(SearchError::Refused(format!(
                        "task {number} failed: {} ({})",
                        error.error_message, error.error_code
                    )));
                }
                Task::Enqueued { .. } | Task::Processing { .. } if Instant::now() > until => {
                    let late = format!("task {number} is not done after {} s", TASK.as_secs());
                    return Err(SearchError::Away(late.into()));
                }
                Task::Enqueued { .. } | Task::Processing { .. } => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LOOK);
                }
            }
        }
    }

    /// Something went wrong: whether indexes are there is looked at again.
    fn forget(&self) {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn bring(&self, generation: &Generation, waiting: &[Waiting]) -> Result<(), SearchError> {
        let index = self.client.index(self.uid(generation));
        let there: Vec<Stored> =
            waiting.iter().filter_map(|one| one.document.as_ref().map(Stored::of)).collect();
        let gone: Vec<String> = waiting
            .iter()
            .filter(|one| one.document.is_none())
            .map(|one| one.id.to_string())
            .collect();
        if !there.is_empty() {
            let added = index.add_or_replace(&there, Some("id")).await.map_err(refused)?;
            self.done(added).await?;
        }
        if !gone.is_empty() {
            let deleted = index.delete_documents(&gone).await.map_err(refused)?;
            self.done(deleted).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Index for MeilisearchIndex {
    fn name(&self) -> &'static str {
        "meilisearch"
    }

    fn searches_the_table(&self) -> bool {
        false
    }

    fn written(&self, tx: &mut Tx) -> Result<(), SearchError> {
        tx.schedule(&PushDocuments {})?;
        Ok(())
    }

    async fn catch_up(&self, generation: &Generation) -> Result<(), SearchError> {
        let brought = async {
            self.prepare(generation).await?;
            loop {
                let pool = self.spine.worker_pool();
                let waiting = documents::waiting(pool, generation.id, BATCH).await?;
                if waiting.is_empty() {
                    return Ok(generations::complete(pool, generation.id).await?);
                }
                self.bring(generation, &waiting).await?;
                let changes: Vec<_> = waiting.iter().map(|one| (one.id, one.change)).collect();
                documents::pushed(pool, generation.id, &changes).await?;
            }
        };
        let outcome: Result<(), SearchError> = brought.await;
        if outcome.is_err() {
            self.forget();
        }
        outcome
    }

    async fn search(
        &self,
        generation: &Generation,
        question: &Question,
        permitted: &Permitted,
    ) -> Result<Found, SearchError> {
        if permitted.is_nothing() {
            return Ok(Found::default());
        }
        let offset = match &question.after {
            None => 0,
            Some(Place::Offset(offset)) if *offset <= settings::MOST_HITS => *offset,
            Some(_) => return Err(strange_cursor()),
        };
        let filter = filter::filter(&question.filters, permitted);
        let facets: Vec<&str> = question.facets.iter().map(|kind| attribute(*kind)).collect();
        let (begin, end) = (BEGIN.to_string(), END.to_string());
        let by_text = !question.text.is_empty();
        let highlight = question.highlight && by_text;
        let index = self.client.index(self.uid(generation));
        let mut query = SearchQuery::new(&index);
        query
            .with_query(if by_text { &question.text.plain } else { "" })
            .with_offset(offset)
            .with_limit(question.limit + 1)
            .with_filter(&filter)
            .with_show_ranking_score(true)
            .with_matching_strategy(MatchingStrategies::ALL)
            .with_attributes_to_retrieve(Selectors::Some(document::RETRIEVED));
        if !by_text {
            query.with_sort(&["recorded:desc"]);
        }
        if !facets.is_empty() {
            query.with_facets(Selectors::Some(&facets));
        }
        let crop = [("text", Some(SHOWN_WORDS))];
        if highlight {
            query
                .with_attributes_to_highlight(Selectors::Some(document::SEARCHED))
                .with_attributes_to_crop(Selectors::Some(&crop))
                .with_highlight_pre_tag(&begin)
                .with_highlight_post_tag(&end)
                .with_crop_marker("…");
        }
        let found: SearchResults<Stored> = match query.execute().await {
            // It is lost, or has no settings yet: a job sees to that.
            Err(error) if UNPREPARED.iter().any(|code| is_code(&error, code)) => {
                self.forget();
                return Err(SearchError::NotReady);
            }
            other => other.map_err(refused)?,
        };
        let mut found = answer(found, question, offset);
        let ids: Vec<Uuid> = found.hits.iter().map(|hit| hit.document.id).collect();
        let pool = self.spine.pool();
        let visible = documents::visible(pool, generation.id, &ids, permitted).await?;
        found.hits.retain(|hit| visible.contains(&hit.document.id));
        Ok(found)
    }

    async fn discard(&self, generation: &Generation) -> Result<(), SearchError> {
        match self.client.delete_index(self.uid(generation)).await {
            Ok(task) => match self.done(task).await {
                // Deleting is a task: that there is nothing to delete is told by its failure.
                Err(SearchError::Refused(told)) if told.contains("index_not_found") => Ok(()),
                other => other,
            },
            Err(error) if is_code(&error, &ErrorCode::IndexNotFound) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }
}

/// The attribute that holds a facet.
fn attribute(kind: FacetKind) -> &'static str {
    match kind {
        FacetKind::Type => "type",
        FacetKind::Space => "space",
        FacetKind::Label => "labels",
    }
}

fn answer(found: SearchResults<Stored>, question: &Question, offset: usize) -> Found {
    let mut facets = Facets::new();
    for kind in &question.facets {
        let counts = found.facet_distribution.as_ref().and_then(|all| all.get(attribute(*kind)));
        let value = |(value, count): (&String, &usize)| FacetValue {
            value: value.clone(),
            count: u64::try_from(*count).unwrap_or(u64::MAX),
        };
        facets.insert(*kind, ordered(counts.into_iter().flatten().map(value).collect()));
    }
    let total = found.estimated_total_hits.unwrap_or(0);
    let more = found.hits.len() > question.limit;
    let next = offset + question.limit;
    let hits = found
        .hits
        .into_iter()
        .take(question.limit)
        .filter_map(|hit| {
            let highlights = match (&hit.formatted_result, question.highlight) {
                (Some(formatted), true) => document::marked(formatted, BEGIN, END),
                _ => Vec::new(),
            };
            let score = hit.ranking_score.unwrap_or(0.0);
            Some(Hit { document: hit.result.into_document()?, score, highlights })
        })
        .collect();
    Found {
        hits,
        facets,
        total: u64::try_from(total).unwrap_or(u64::MAX),
        next: (more && next < settings::MOST_HITS).then_some(Place::Offset(next)),
    }
}

fn is_code(error: &Error, code: &ErrorCode) -> bool {
    matches!(error, Error::Meilisearch(told) if told.error_code == *code)
}

/// What an error of the client means: the other side is away, or said no.
fn refused(error: Error) -> SearchError {
    match error {
        Error::Meilisearch(told) => {
            SearchError::Refused(format!("{} ({})", told.error_message, told.error_code))
        }
        Error::MeilisearchCommunication(told) if told.status_code < 500 => {
            SearchError::Refused(format!("it answered {}", told.status_code))
        }
        Error::Other(error) => SearchError::Away(error),
        other => SearchError::Away(Box::new(other)),
    }
}

/// As the port.
pub(crate) fn port(index: MeilisearchIndex) -> Arc<dyn Index> {
    Arc::new(index)
}
