//! Fetching the items of a collection, within a budget.

use std::collections::HashSet;

use url::Url;

use super::{FetchError, Fetcher};
use crate::origin::same_origin;
use crate::vocabulary::{Collection, CollectionPage, Reference};

/// How much of a collection is worth fetching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectionBudget {
    /// Items to return at most.
    pub max_items: usize,
    /// Pages to request at most, the collection itself not counted.
    pub max_pages: usize,
}

impl Fetcher {
    /// The first items of a collection, page by page until the budget is spent. Pages lie on the
    /// collection's origin. If a later page fails, what was read before it is returned.
    ///
    /// Items are claims: fetch each from its own id, unless it is embedded, has the collection's
    /// origin and is its owner's.
    pub async fn fetch_collection_items(
        &self,
        url: &Url,
        budget: CollectionBudget,
    ) -> Result<Vec<Reference>, FetchError> {
        let answer = self.get(url).await?;
        if !same_origin(url, &answer.url) {
            return Err(FetchError::ForeignOrigin(url.clone()));
        }
        let mut seen = HashSet::from([url.clone(), answer.url.clone()]);
        let (mut items, mut next) = match Collection::parse(&answer.value) {
            Ok(collection) => open(collection)?,
            Err(_) => {
                let page = CollectionPage::parse(&answer.value)?;
                (page.items, page.next)
            }
        };
        for _ in 0..budget.max_pages {
            let Some(url) = next.take() else { break };
            if items.len() >= budget.max_items
                || !same_origin(&url, &answer.url)
                || !seen.insert(url.clone())
            {
                break;
            }
            match self.fetch_page(&url).await {
                Ok(page) => {
                    items.extend(page.items);
                    next = page.next;
                }
                Err(error) if items.is_empty() => return Err(error),
                Err(error) => {
                    tracing::debug!(%url, %error, "a later page of a collection failed");
                    break;
                }
            }
        }
        items.truncate(budget.max_items);
        Ok(items)
    }

    async fn fetch_page(&self, url: &Url) -> Result<CollectionPage, FetchError> {
        let answer = self.get(url).await?;
        if !same_origin(url, &answer.url) {
            return Err(FetchError::ForeignOrigin(url.clone()));
        }
        Ok(CollectionPage::parse(&answer.value)?)
    }
}

/// The items that came with a collection, and its first page's address if there are more.
fn open(collection: Collection) -> Result<(Vec<Reference>, Option<Url>), FetchError> {
    let mut items = collection.items;
    let next = match collection.first {
        None => None,
        Some(Reference::Id(first)) => Some(first),
        Some(Reference::Embedded(first)) => {
            let page = CollectionPage::parse(&first)?;
            items.extend(page.items);
            page.next
        }
    };
    Ok((items, next))
}
