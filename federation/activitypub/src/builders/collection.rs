//! Collections and their pages.

use serde_json::{Map, Value};
use url::Url;

use super::{context, put};

/// Whether the order of the items means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectionOrder {
    /// Newest first.
    Ordered,
    /// As it comes.
    Unordered,
}

/// A collection: with its items, or with pages, or only with a count.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionDocument {
    /// Its id.
    pub id: Url,
    /// Ordered or not.
    pub order: CollectionOrder,
    /// How many items there are; `None` keeps it to ourselves.
    pub total_items: Option<u64>,
    /// The first page.
    pub first: Option<Url>,
    /// The last page.
    pub last: Option<Url>,
    /// All items, for a short collection without pages.
    pub items: Option<Vec<Value>>,
}

/// A page of a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionPageDocument {
    /// Its id.
    pub id: Url,
    /// Ordered or not.
    pub order: CollectionOrder,
    /// The collection.
    pub part_of: Url,
    /// The page after it.
    pub next: Option<Url>,
    /// The page before it.
    pub previous: Option<Url>,
    /// Its items: ids as strings, or objects.
    pub items: Vec<Value>,
}

impl CollectionOrder {
    fn items_name(self) -> &'static str {
        match self {
            Self::Ordered => "orderedItems",
            Self::Unordered => "items",
        }
    }
}

impl CollectionDocument {
    /// The collection with its context.
    pub fn build(&self) -> Value {
        let kind = match self.order {
            CollectionOrder::Ordered => "OrderedCollection",
            CollectionOrder::Unordered => "Collection",
        };
        let mut object = Map::new();
        put(&mut object, "@context", Some(context()));
        put(&mut object, "id", Some(self.id.as_str()));
        put(&mut object, "type", Some(kind));
        put(&mut object, "totalItems", self.total_items);
        put(&mut object, "first", self.first.as_ref().map(Url::as_str));
        put(&mut object, "last", self.last.as_ref().map(Url::as_str));
        put(&mut object, self.order.items_name(), self.items.clone());
        Value::Object(object)
    }
}

impl CollectionPageDocument {
    /// The page with its context.
    pub fn build(&self) -> Value {
        let kind = match self.order {
            CollectionOrder::Ordered => "OrderedCollectionPage",
            CollectionOrder::Unordered => "CollectionPage",
        };
        let mut object = Map::new();
        put(&mut object, "@context", Some(context()));
        put(&mut object, "id", Some(self.id.as_str()));
        put(&mut object, "type", Some(kind));
        put(&mut object, "partOf", Some(self.part_of.as_str()));
        put(&mut object, "next", self.next.as_ref().map(Url::as_str));
        put(&mut object, "prev", self.previous.as_ref().map(Url::as_str));
        put(&mut object, self.order.items_name(), Some(self.items.clone()));
        Value::Object(object)
    }
}
