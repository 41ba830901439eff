//! The port to what searches, with two adapters.

pub(crate) mod meilisearch;
pub(crate) mod postgres;

use std::collections::BTreeMap;

use async_trait::async_trait;
use contracts::access::Permitted;
use spine::Tx;

use crate::store::generations::Generation;
use crate::{Document, FacetKind, Highlight, Place, Question, SearchError};

/// Searches a generation of documents. The documents themselves are in the table `search.document`,
/// written by the handler in one way for all adapters.
#[async_trait]
pub(crate) trait Index: Send + Sync {
    /// Its name, as the generation remembers it.
    fn name(&self) -> &'static str;

    /// Whether the table's words are what it searches.
    fn searches_the_table(&self) -> bool;

    /// Documents of the generation were written in this transaction.
    fn written(&self, tx: &mut Tx) -> Result<(), SearchError>;

    /// Brings all that was written to the generation to what searches. One at a time, over all processes.
    ///
    /// # Errors
    /// The other side is away, or refused.
    async fn catch_up(&self, generation: &Generation) -> Result<(), SearchError>;

    /// Answers a question with what is permitted.
    ///
    /// # Errors
    /// The other side is away, or its index is not there yet.
    async fn search(
        &self,
        generation: &Generation,
        question: &Question,
        permitted: &Permitted,
    ) -> Result<Found, SearchError>;

    /// Throws away what it keeps of a retired generation outside of the table.
    ///
    /// # Errors
    /// The other side is away, or refused.
    async fn discard(&self, generation: &Generation) -> Result<(), SearchError>;
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What was found, the best first.
    pub hits: Vec<Hit>,
    /// The counts that were asked for.
    pub facets: Facets,
    /// How many there are in all, about.
    pub total: u64,
    /// Where the next part begins, where there is one.
    pub next: Option<Place>,
}

/// A document that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The document, without its text.
    pub document: Document,
    /// How well it fits: greater is better, within one answer.
    pub score: f64,
    /// Its matches, where they were asked for.
    pub highlights: Vec<Highlight>,
}

/// Counts of what was found, the most frequent first.
pub type Facets = BTreeMap<FacetKind, Vec<FacetValue>>;

/// How many of what was found have a value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// How many.
    pub count: u64,
}

/// The most values of a facet that are told.
pub(crate) const FACET_VALUES: usize = 100;

/// Puts counts in order: the most frequent first.
pub(crate) fn ordered(mut values: Vec<FacetValue>) -> Vec<FacetValue> {
    values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    values.truncate(FACET_VALUES);
    values
}
