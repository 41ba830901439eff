//! Filters: what a person does not want to read.

use std::time::Duration;

use chrono::{DateTime, Utc};
use spine::Tx;

use super::transaction::transaction;
use crate::limits::{
    FILTER_CHARACTERS, FILTER_KEYWORD_CHARACTERS, FILTER_KEYWORDS, FILTER_POSTS,
    FILTER_TITLE_CHARACTERS, FILTERS,
};
use crate::store::filters::{self as store, Columns};
use crate::write::filters::changed;
use crate::{AccountId, FilterId, FilterKeywordId, FilterPostId, PostId, Social, SocialError};

/// The places where a filter can hold.
const CONTEXTS: [&str; 5] = ["home", "notifications", "public", "thread", "account"];
/// What a client does with what it holds back.
const ACTIONS: [&str; 3] = ["warn", "hide", "blur"];

/// What of a filter changes; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct FilterChange {
    /// Its name.
    pub title: Option<String>,
    /// Where it holds: `home`, `notifications`, `public`, `thread`, `account`.
    pub contexts: Option<Vec<String>>,
    /// `warn` (the default), `hide` or `blur`.
    pub action: Option<String>,
    /// When it ends.
    pub expiry: Option<FilterExpiry>,
    /// Its words.
    pub keywords: Vec<KeywordChange>,
}

/// When a filter ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterExpiry {
    /// Never.
    Never,
    /// So long after now.
    After(Duration),
}

/// What of a filter's word changes; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct KeywordChange {
    /// Which word; `None`: a new one.
    pub id: Option<FilterKeywordId>,
    /// The word or phrase.
    pub keyword: Option<String>,
    /// Whether it must stand alone. Default: no.
    pub whole_word: Option<bool>,
    /// Whether it goes.
    pub remove: bool,
}

fn invalid<T>(what: &str) -> Result<T, SocialError> {
    Err(SocialError::Invalid(what.to_owned()))
}

fn is_blank_or_longer(text: &str, most: usize) -> bool {
    text.trim().is_empty() || text.chars().count() > most
}

impl KeywordChange {
    fn check(&self) -> Result<(), SocialError> {
        match &self.keyword {
            Some(word) if is_blank_or_longer(word, FILTER_KEYWORD_CHARACTERS) => {
                invalid("Keyword can't be blank or longer than 512 characters")
            }
            None if self.id.is_none() => invalid("Keyword can't be blank"),
            _ => Ok(()),
        }
    }
}

impl FilterChange {
    fn check(&self) -> Result<(), SocialError> {
        if self
            .title
            .as_deref()
            .is_some_and(|title| is_blank_or_longer(title, FILTER_TITLE_CHARACTERS))
        {
            return invalid("Title can't be blank or longer than 256 characters");
        }
        if let Some(contexts) = &self.contexts
            && (contexts.is_empty() || contexts.iter().any(|it| !CONTEXTS.contains(&it.as_str())))
        {
            return invalid("Context is not one of home, notifications, public, thread, account");
        }
        if self.action.as_deref().is_some_and(|action| !ACTIONS.contains(&action)) {
            return invalid("Filter action is not one of warn, hide, blur");
        }
        self.keywords.iter().try_for_each(KeywordChange::check)
    }

    fn columns(&self, now: DateTime<Utc>) -> Columns<'_> {
        let expires_at = match self.expiry {
            Some(FilterExpiry::After(time)) => {
                chrono::Duration::from_std(time).ok().and_then(|time| now.checked_add_signed(time))
            }
            _ => None,
        };
        Columns {
            title: self.title.as_deref(),
            contexts: self.contexts.as_deref(),
            action: self.action.as_deref(),
            sets_expiry: self.expiry.is_some(),
            expires_at,
        }
    }
}

impl Social {
    /// Creates a filter: its id.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where it lacks a title or a context or holds too much, or the store
    /// failed.
    pub async fn create_filter(
        &self,
        actor: AccountId,
        new: FilterChange,
    ) -> Result<FilterId, SocialError> {
        let me = self.actor(actor).await?;
        new.check()?;
        if new.title.is_none() || new.contexts.is_none() {
            return invalid("Title and context can't be blank");
        }
        let id = FilterId(self.spine().snowflakes().next());
        let now = self.spine().clock().now();
        transaction!(self, &me.uri, tx => {
            store::insert(tx.conn(), id.number(), actor.number(), &new.columns(now)).await?;
            self.change_keywords(tx, id, &new.keywords).await?;
            check_sizes(tx, actor, id).await?;
            changed(self, tx, actor, id, "created")
        });
        Ok(id)
    }

    /// Changes a filter.
    ///
    /// # Errors
    /// Not found (or another's), [`SocialError::Invalid`], or the store failed.
    pub async fn update_filter(
        &self,
        actor: AccountId,
        filter: FilterId,
        change: FilterChange,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        change.check()?;
        let now = self.spine().clock().now();
        transaction!(self, &me.uri, tx => {
            lock(tx, actor, filter, &change.columns(now)).await?;
            self.change_keywords(tx, filter, &change.keywords).await?;
            check_sizes(tx, actor, filter).await?;
            changed(self, tx, actor, filter, "updated")
        });
        Ok(())
    }

    /// Removes a filter.
    ///
    /// # Errors
    /// Not found (or another's), or the store failed.
    pub async fn delete_filter(
        &self,
        actor: AccountId,
        filter: FilterId,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        transaction!(self, &me.uri, tx => {
            if !store::delete(tx.conn(), actor.number(), filter.number()).await? {
                return Err(SocialError::NotFound);
            }
            changed(self, tx, actor, filter, "deleted")
        });
        Ok(())
    }

    /// Adds a word to a filter: its id.
    ///
    /// # Errors
    /// Not found (or another's), [`SocialError::Invalid`], or the store failed.
    pub async fn add_filter_keyword(
        &self,
        actor: AccountId,
        filter: FilterId,
        keyword: String,
        whole_word: bool,
    ) -> Result<FilterKeywordId, SocialError> {
        let me = self.actor(actor).await?;
        let new = KeywordChange { keyword: Some(keyword), ..KeywordChange::default() };
        new.check()?;
        let word = new.keyword.unwrap_or_default();
        let id = FilterKeywordId(self.spine().snowflakes().next());
        transaction!(self, &me.uri, tx => {
            lock(tx, actor, filter, &FilterChange::default().columns(DateTime::UNIX_EPOCH)).await?;
            let number = id.number();
            store::insert_keyword(tx.conn(), number, filter.number(), &word, whole_word).await?;
            check_sizes(tx, actor, filter).await?;
            changed(self, tx, actor, filter, "updated")
        });
        Ok(id)
    }

    /// Adds a post to a filter, if it is not there: the entry's id.
    ///
    /// # Errors
    /// Not found (the filter, or the post for the actor), [`SocialError::Invalid`], or the store
    /// failed.
    pub async fn add_filter_post(
        &self,
        actor: AccountId,
        filter: FilterId,
        post: PostId,
    ) -> Result<FilterPostId, SocialError> {
        let me = self.actor(actor).await?;
        let post = self.visible_post(actor, post).await?.id;
        let id = self.spine().snowflakes().next().0;
        let entry = transaction!(self, &me.uri, tx => {
            lock(tx, actor, filter, &FilterChange::default().columns(DateTime::UNIX_EPOCH)).await?;
            let entry = store::insert_post(tx.conn(), id, filter.number(), post).await?;
            check_sizes(tx, actor, filter).await?;
            changed(self, tx, actor, filter, "updated")?;
            Ok(entry)
        });
        Ok(FilterPostId::from_number(entry))
    }

    /// Takes a post out of its filter.
    ///
    /// # Errors
    /// Not found (or another's), or the store failed.
    pub async fn delete_filter_post(
        &self,
        actor: AccountId,
        entry: FilterPostId,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let pool = self.spine().pool();
        let filter = store::of_post(pool, actor.number(), entry.number()).await?;
        let filter = FilterId::from_number(filter.ok_or(SocialError::NotFound)?);
        transaction!(self, &me.uri, tx => {
            if !store::delete_post(tx.conn(), entry.number(), filter.number()).await? {
                return Err(SocialError::NotFound);
            }
            changed(self, tx, actor, filter, "updated")
        });
        Ok(())
    }

    async fn change_keywords(
        &self,
        tx: &mut Tx,
        filter: FilterId,
        changes: &[KeywordChange],
    ) -> Result<(), SocialError> {
        let filter = filter.number();
        for change in changes {
            let word = change.keyword.as_deref();
            let found = match change.id {
                Some(id) if change.remove => {
                    store::delete_keyword(tx.conn(), id.number(), filter).await?
                }
                Some(id) => {
                    let (id, whole) = (id.number(), change.whole_word);
                    store::update_keyword(tx.conn(), id, filter, word, whole).await?
                }
                None if change.remove => true,
                None => {
                    let id = self.spine().snowflakes().next().0;
                    let whole = change.whole_word.unwrap_or(false);
                    let word = word.unwrap_or_default();
                    store::insert_keyword(tx.conn(), id, filter, word, whole).await?;
                    true
                }
            };
            if !found {
                return Err(SocialError::NotFound);
            }
        }
        Ok(())
    }
}

/// Locks the actor's filter with what changes of it.
async fn lock(
    tx: &mut Tx,
    actor: AccountId,
    filter: FilterId,
    columns: &Columns<'_>,
) -> Result<(), SocialError> {
    let found = store::update(tx.conn(), actor.number(), filter.number(), columns).await?;
    found.then_some(()).ok_or(SocialError::NotFound)
}

/// Every post is compared with all of it: it must not grow without end.
async fn check_sizes(tx: &mut Tx, actor: AccountId, filter: FilterId) -> Result<(), SocialError> {
    let sizes = store::sizes(tx.conn(), actor.number(), filter.number()).await?;
    let most = [FILTERS, FILTER_KEYWORDS, FILTER_CHARACTERS, FILTER_POSTS];
    if sizes.iter().zip(most).any(|(size, most)| *size > most) {
        return invalid("This is more than filters can hold");
    }
    Ok(())
}
