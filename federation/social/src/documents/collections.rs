//! Collections: outbox, followers, following, pinned posts, replies.

use std::collections::HashMap;

use activitypub::builders::{CollectionDocument, CollectionOrder, CollectionPageDocument};
use serde_json::Value;
use url::Url;

use crate::store::documents_accounts::{self, LocalActorRow};
use crate::store::documents_posts::{self, NoteRow};
use crate::{PostId, Social, SocialError};

/// Posts of one page.
const POSTS: i64 = 20;
/// Accounts of one page.
const ACCOUNTS: i64 = 50;
/// Answers of one page.
const REPLIES: i64 = 50;

/// Which part of a collection is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The collection itself: how many there are and where the pages begin.
    Whole,
    /// A page: what comes after the item with this number, or the first.
    Page {
        /// The last item of the page before.
        after: Option<i64>,
    },
}

impl Part {
    /// Reads the query parameters `page` and `after` as our own links write them.
    pub fn from_query(page: Option<&str>, after: Option<&str>) -> Self {
        match page {
            Some(page) if page != "false" && page != "0" => {
                Self::Page { after: after.and_then(|after| after.parse().ok()) }
            }
            _ => Self::Whole,
        }
    }
}

impl Social {
    /// What one of our accounts published for everyone: `Create` and `Announce` activities.
    ///
    /// # Errors
    /// The store failed.
    pub async fn outbox(&self, username: &str, part: Part) -> Result<Option<Value>, SocialError> {
        let Some(owner) = self.owner(username).await? else { return Ok(None) };
        let pool = self.0.spine.pool();
        let id = self.collection_id(&owner, owner.outbox_url.as_deref(), "outbox");
        let Part::Page { after } = part else {
            let total = documents_posts::outbox_count(pool, owner.id).await?;
            return Ok(Some(paged(id, CollectionOrder::Ordered, total, true)));
        };
        let ids = documents_posts::outbox(pool, owner.id, after.unwrap_or(i64::MAX), POSTS).await?;
        let items = self
            .in_order(&ids)
            .await?
            .iter()
            .filter_map(|row| self.render_publication(row))
            .map(without_context)
            .collect();
        let last = ids.last().copied().filter(|_| is_full(&ids, POSTS));
        Ok(Some(page(id, CollectionOrder::Ordered, after, last, items)))
    }

    /// Who follows one of our accounts: the number, and the people unless the account hides them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn followers_collection(
        &self,
        username: &str,
        part: Part,
    ) -> Result<Option<Value>, SocialError> {
        let Some(owner) = self.owner(username).await? else { return Ok(None) };
        let id = self.collection_id(&owner, owner.followers_url.as_deref(), "followers");
        let Some(after) = page_of_people(&owner, part) else {
            return Ok(people_in_number(id, &owner, owner.followers_count, part));
        };
        let (pool, below) = (self.0.spine.pool(), after.unwrap_or(i64::MAX));
        let rows = documents_accounts::followers(pool, owner.id, below, ACCOUNTS).await?;
        Ok(Some(people(id, after, rows)))
    }

    /// Whom one of our accounts follows: the number, and the people unless the account hides them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn following_collection(
        &self,
        username: &str,
        part: Part,
    ) -> Result<Option<Value>, SocialError> {
        let Some(owner) = self.owner(username).await? else { return Ok(None) };
        let id = self.collection_id(&owner, owner.following_url.as_deref(), "following");
        let Some(after) = page_of_people(&owner, part) else {
            return Ok(people_in_number(id, &owner, owner.following_count, part));
        };
        let (pool, below) = (self.0.spine.pool(), after.unwrap_or(i64::MAX));
        let rows = documents_accounts::following(pool, owner.id, below, ACCOUNTS).await?;
        Ok(Some(people(id, after, rows)))
    }

    /// The posts that one of our accounts pinned and that are for everyone, whole.
    ///
    /// # Errors
    /// The store failed.
    pub async fn featured_collection(&self, username: &str) -> Result<Option<Value>, SocialError> {
        let Some(owner) = self.owner(username).await? else { return Ok(None) };
        let id = self.collection_id(&owner, owner.featured_url.as_deref(), "collections/featured");
        let ids = documents_posts::featured(self.0.spine.pool(), owner.id).await?;
        let items: Vec<Value> = self
            .in_order(&ids)
            .await?
            .iter()
            .filter_map(|row| self.render_post(row))
            .map(without_context)
            .collect();
        let collection = CollectionDocument {
            id,
            order: CollectionOrder::Ordered,
            total_items: u64::try_from(items.len()).ok(),
            first: None,
            last: None,
            items: Some(items),
        };
        Ok(Some(collection.build()))
    }

    /// The answers to one of our posts that are for everyone, by their ids. Only for whoever may
    /// see the post.
    ///
    /// # Errors
    /// The store failed.
    pub async fn replies_collection(
        &self,
        username: &str,
        post: PostId,
        part: Part,
        requester: Option<&str>,
    ) -> Result<Option<Value>, SocialError> {
        let Some(row) = self.own_post(username, post, requester).await? else { return Ok(None) };
        let id = self.own_url(&format!("{}/replies", row.uri));
        let Part::Page { after } = part else {
            let collection = CollectionDocument {
                first: Some(first_page(&id)),
                id,
                order: CollectionOrder::Unordered,
                total_items: None,
                last: None,
                items: None,
            };
            return Ok(Some(collection.build()));
        };
        let pool = self.0.spine.pool();
        let rows = documents_posts::replies(pool, post, after.unwrap_or(0), REPLIES).await?;
        let last = rows.last().map(|row| row.id).filter(|_| is_full(&rows, REPLIES));
        let items = rows.into_iter().map(|row| Value::from(row.uri)).collect();
        Ok(Some(page(id, CollectionOrder::Unordered, after, last, items)))
    }

    async fn owner(&self, username: &str) -> Result<Option<LocalActorRow>, SocialError> {
        let row = documents_accounts::local_actor(self.0.spine.pool(), username).await?;
        Ok(row.filter(|row| !row.suspended && !row.deleted))
    }

    fn collection_id(&self, owner: &LocalActorRow, stored: Option<&str>, name: &str) -> Url {
        match stored {
            Some(stored) => self.own_url(stored),
            None => self.own_url(&format!("{}/{name}", owner.uri)),
        }
    }

    /// These posts, in this order.
    async fn in_order(&self, ids: &[i64]) -> Result<Vec<NoteRow>, SocialError> {
        let rows = documents_posts::notes(self.0.spine.pool(), ids).await?;
        let mut by_id: HashMap<i64, NoteRow> =
            rows.into_iter().map(|row| (row.id.number(), row)).collect();
        Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
    }
}

fn is_full<T>(rows: &[T], limit: i64) -> bool {
    i64::try_from(rows.len()).is_ok_and(|count| count >= limit)
}

/// A collection that shows its number and, perhaps, its pages.
fn paged(id: Url, order: CollectionOrder, total: i64, shows_items: bool) -> Value {
    let collection = CollectionDocument {
        first: shows_items.then(|| first_page(&id)),
        id,
        order,
        total_items: u64::try_from(total).ok(),
        last: None,
        items: None,
    };
    collection.build()
}

/// The page of people that is asked for, where the account shows them.
fn page_of_people(owner: &LocalActorRow, part: Part) -> Option<Option<i64>> {
    match part {
        Part::Page { after } if !owner.hide_collections => Some(after),
        Part::Page { .. } | Part::Whole => None,
    }
}

/// How many people there are; nothing where hidden people are asked for.
fn people_in_number(id: Url, owner: &LocalActorRow, total: i64, part: Part) -> Option<Value> {
    let shows_people = !owner.hide_collections;
    (part == Part::Whole).then(|| paged(id, CollectionOrder::Ordered, total, shows_people))
}

fn people(id: Url, after: Option<i64>, rows: Vec<documents_accounts::FollowEntry>) -> Value {
    let last = rows.last().map(|row| row.follow_id).filter(|_| is_full(&rows, ACCOUNTS));
    let items = rows.into_iter().map(|row| Value::from(row.uri)).collect();
    page(id, CollectionOrder::Ordered, after, last, items)
}

fn page(
    collection: Url,
    order: CollectionOrder,
    after: Option<i64>,
    last: Option<i64>,
    items: Vec<Value>,
) -> Value {
    let page = CollectionPageDocument {
        id: with_query(&collection, after),
        order,
        next: last.map(|last| with_query(&collection, Some(last))),
        previous: None,
        part_of: collection,
        items,
    };
    page.build()
}

/// Where a collection's pages begin.
pub(super) fn first_page(collection: &Url) -> Url {
    with_query(collection, None)
}

fn with_query(collection: &Url, after: Option<i64>) -> Url {
    let mut url = collection.clone();
    let query = match after {
        Some(after) => format!("page=true&after={after}"),
        None => "page=true".to_owned(),
    };
    url.set_query(Some(&query));
    url
}

/// A document inside another needs no context of its own.
fn without_context(mut document: Value) -> Value {
    if let Some(members) = document.as_object_mut() {
        members.remove("@context");
    }
    document
}
