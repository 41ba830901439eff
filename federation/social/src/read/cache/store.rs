//! The caches themselves.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use spine::Clock;

use super::epochs::{Epochs, Mark, Slot, Thing};
use crate::read::entities::{Account, Shared};
use crate::read::filters::HeldBack;
use crate::read::views::PostView;
use crate::read::{CachedPage, Page};
use crate::store::read_instance::NumbersRow;
use crate::{AccountId, PostId};

/// Bytes of bodies of posts, of accounts, of pages, of filters: what a process may keep of each.
const POSTS: u64 = 48 << 20;
const ACCOUNTS: u64 = 16 << 20;
const PAGES: u64 = 64 << 20;
const FILTERS: u64 = 32 << 20;

/// Something kept, with what it was made from.
struct Entry<T> {
    value: T,
    mark: Mark,
    things: Box<[Slot]>,
    until: Option<DateTime<Utc>>,
    weight: u32,
}

/// Which page of whose home timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    pub viewer: AccountId,
    pub page: Page,
}

/// The caches of one process.
pub(crate) struct ReadCache {
    clock: Clock,
    epochs: Epochs,
    posts: Cache<PostId, Arc<Entry<Arc<PostView>>>>,
    accounts: Cache<AccountId, Arc<Entry<Shared<Account>>>>,
    pages: Cache<PageKey, Arc<Entry<CachedPage>>>,
    filters: Cache<AccountId, Arc<Entry<Arc<HeldBack>>>>,
    /// The node's numbers and until when they are good enough.
    numbers: Mutex<Option<(NumbersRow, DateTime<Utc>)>>,
}

fn bounded<K, T>(bytes: u64) -> Cache<K, Arc<Entry<T>>>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    Cache::builder().max_capacity(bytes).weigher(|_, entry: &Arc<Entry<T>>| entry.weight).build()
}

/// What an entry costs: its content, the slots, and the cache's own bookkeeping.
fn weigh(content: usize, things: &[Slot]) -> u32 {
    const BOOKKEEPING: usize = 256;
    u32::try_from(content + std::mem::size_of_val(things) + BOOKKEEPING).unwrap_or(u32::MAX)
}

impl ReadCache {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            epochs: Epochs::new(),
            posts: bounded(POSTS),
            accounts: bounded(ACCOUNTS),
            pages: bounded(PAGES),
            filters: bounded(FILTERS),
            numbers: Mutex::new(None),
        }
    }

    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    fn holds<T>(&self, entry: &Entry<T>) -> bool {
        self.epochs.holds(entry.mark, &entry.things)
            && entry.until.is_none_or(|until| self.clock.now() < until)
    }

    pub fn post(&self, id: PostId) -> Option<Arc<PostView>> {
        let entry = self.posts.get(&id)?;
        self.holds(&entry).then(|| Arc::clone(&entry.value))
    }

    pub fn keep_post(&self, mark: Mark, view: &Arc<PostView>) {
        let things = view.things.clone();
        let weight = weigh(view.weight(), &things);
        let value = Arc::clone(view);
        let entry = Entry { value, mark, things, until: None, weight };
        self.posts.insert(view.body.id, Arc::new(entry));
    }

    pub fn account(&self, id: AccountId) -> Option<Shared<Account>> {
        let entry = self.accounts.get(&id)?;
        self.holds(&entry).then(|| entry.value.clone())
    }

    pub fn keep_account(&self, mark: Mark, account: &Shared<Account>, things: Box<[Slot]>) {
        let content = account.note.len() + account.fields.len() * 256 + 1_024;
        let weight = weigh(content, &things);
        let value = account.clone();
        self.accounts
            .insert(account.id, Arc::new(Entry { value, mark, things, until: None, weight }));
    }

    pub fn page(&self, key: &PageKey) -> Option<CachedPage> {
        let entry = self.pages.get(key)?;
        self.holds(&entry).then(|| entry.value.clone())
    }

    pub fn keep_page(
        &self,
        key: PageKey,
        mark: Mark,
        page: &CachedPage,
        things: Box<[Slot]>,
        until: DateTime<Utc>,
    ) {
        let weight = weigh(page.body.len(), &things);
        let value = page.clone();
        let entry = Entry { value, mark, things, until: Some(until), weight };
        self.pages.insert(key, Arc::new(entry));
    }

    pub fn held_back(&self, viewer: AccountId) -> Option<Arc<HeldBack>> {
        let entry = self.filters.get(&viewer)?;
        self.holds(&entry).then(|| Arc::clone(&entry.value))
    }

    pub fn keep_held_back(&self, mark: Mark, viewer: AccountId, filters: &Arc<HeldBack>) {
        let things: Box<[Slot]> = [Slot::from(&Thing::Filters(viewer))].into();
        let weight = weigh(filters.weight(), &things);
        let value = Arc::clone(filters);
        let entry = Entry { value, mark, things, until: None, weight };
        self.filters.insert(viewer, Arc::new(entry));
    }

    pub fn numbers(&self, now: DateTime<Utc>) -> Option<NumbersRow> {
        let kept = *self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        kept.filter(|(_, until)| now < *until).map(|(numbers, _)| numbers)
    }

    pub fn keep_numbers(&self, numbers: NumbersRow, until: DateTime<Utc>) {
        *self.numbers.lock().unwrap_or_else(PoisonError::into_inner) = Some((numbers, until));
    }
}
