//! Lists of things, whole or in pages.

use serde_json::Value;
use url::Url;

use super::read::Document;
use super::{Reference, VocabularyError, limits};

/// A collection: its items, or where its pages begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// Its id; one that comes embedded may have none.
    pub id: Option<Url>,
    /// How many items there are, as its server says.
    pub total_items: Option<u64>,
    /// The first page.
    pub first: Option<Reference>,
    /// Items that came with it.
    pub items: Vec<Reference>,
}

/// A page of a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionPage {
    /// Its id; one that comes embedded may have none.
    pub id: Option<Url>,
    /// The collection.
    pub part_of: Option<Url>,
    /// The page after it.
    pub next: Option<Url>,
    /// Its items.
    pub items: Vec<Reference>,
}

impl Collection {
    /// Reads a `Collection` or `OrderedCollection`.
    pub fn parse(value: &Value) -> Result<Self, VocabularyError> {
        let document = Document::root(value)?;
        if !document.is("Collection") && !document.is("OrderedCollection") {
            return Err(VocabularyError::UnexpectedType(document.type_name()));
        }
        Ok(Self {
            id: document.url("id"),
            total_items: document.count("totalItems"),
            first: document.first("first").and_then(Reference::parse),
            items: items(document),
        })
    }
}

impl CollectionPage {
    /// Reads a `CollectionPage` or `OrderedCollectionPage`.
    pub fn parse(value: &Value) -> Result<Self, VocabularyError> {
        let document = Document::root(value)?;
        if !document.is("CollectionPage") && !document.is("OrderedCollectionPage") {
            return Err(VocabularyError::UnexpectedType(document.type_name()));
        }
        Ok(Self {
            id: document.url("id"),
            part_of: document.url("partOf"),
            next: document.url("next"),
            items: items(document),
        })
    }
}

fn items(document: Document<'_>) -> Vec<Reference> {
    ["orderedItems", "items"]
        .into_iter()
        .flat_map(|name| document.list(name, limits::PAGE_ITEMS))
        .filter_map(Reference::parse)
        .take(limits::PAGE_ITEMS)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn collections_and_pages_are_read() {
        let collection = Collection::parse(&json!({
            "id": "https://a.example/outbox", "type": "OrderedCollection", "totalItems": 3,
            "first": {"type": "OrderedCollectionPage", "orderedItems": ["https://a.example/1"]},
        }))
        .unwrap();
        assert_eq!(collection.total_items, Some(3));
        let first = collection.first.unwrap();
        let page = CollectionPage::parse(first.embedded().unwrap()).unwrap();
        assert_eq!(page.items.len(), 1);
        assert_eq!(page.next, None);
    }

    #[test]
    fn a_single_item_needs_no_array() {
        let page = CollectionPage::parse(&json!({
            "type": "CollectionPage", "items": "https://a.example/1",
            "next": "https://a.example/outbox?page=2",
        }))
        .unwrap();
        assert_eq!(page.items.len(), 1);
        assert!(Collection::parse(&json!({"type": "CollectionPage"})).is_err());
    }
}
