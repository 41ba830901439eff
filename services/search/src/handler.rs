//! The durable consumer that keeps the index.

use async_trait::async_trait;
use spine::{Event, Filter, Handler, HandlerError, Tx};

use crate::changes::{Changes, FILTER};
use crate::store::documents;
use crate::store::generations::{self, Generation};
use crate::{Search, SearchError};

/// Writes what events change into every generation that lives.
pub(crate) struct IndexEntities(pub(crate) Search);

#[async_trait]
impl Handler for IndexEntities {
    fn name(&self) -> &'static str {
        "search.index"
    }

    fn filter(&self) -> Filter {
        FILTER
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        let Some(last) = events.last() else { return Ok(()) };
        let changes = Changes::of(events)?;
        let all = generations::all(&mut *tx.conn()).await?;
        tx.set_cause(last.as_cause());
        self.0.write(tx, &all, &changes).await?;
        Ok(())
    }
}

impl Search {
    /// Writes changes to these generations, and has their adapters told. In one that retired only what is
    /// erased is: it may lie there for a while.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn write(
        &self,
        tx: &mut Tx,
        generations: &[Generation],
        changes: &Changes,
    ) -> Result<(), SearchError> {
        for generation in generations {
            documents::take_turns(tx.conn(), generation.id).await?;
        }
        documents::absorb(tx.conn(), &changes.absorptions).await?;
        let mut told = Vec::new();
        for generation in generations {
            documents::erase(tx.conn(), generation.id, &changes.erased).await?;
            if generation.is_retired() {
                continue;
            }
            let index = self.adapter(&generation.adapter);
            let with_words = index.is_none_or(|index| index.searches_the_table());
            documents::write(tx.conn(), generation.id, &changes.documents, with_words).await?;
            if let Some(index) = index
                && !told.contains(&index.name())
            {
                told.push(index.name());
                index.written(tx)?;
            }
        }
        Ok(())
    }
}
