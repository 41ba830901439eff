//! Lists of accounts.

use crate::store::write_commands::{self as store, ListRow};
use crate::{AccountId, ListId, Social, SocialError};

/// Longest title, in characters.
const LONGEST_TITLE: usize = 255;
const POLICIES: [&str; 3] = ["followed", "list", "none"];

/// What of a list changes; what is `None` stays, or is Mastodon's default.
#[derive(Clone, Debug, Default)]
pub struct ListChange {
    /// Its title.
    pub title: Option<String>,
    /// Whose answers it shows: `followed`, `list` or `none`. Default `list`.
    pub replies_policy: Option<String>,
    /// Whether its members' posts stay out of the home timeline. Default no.
    pub exclusive: Option<bool>,
}

impl ListChange {
    fn check(&self) -> Result<(), SocialError> {
        let invalid = |what: &str| Err(SocialError::Invalid(what.to_owned()));
        if let Some(title) = &self.title
            && (title.trim().is_empty() || title.chars().count() > LONGEST_TITLE)
        {
            return invalid("Title can't be blank or longer than 255 characters");
        }
        match &self.replies_policy {
            Some(policy) if !POLICIES.contains(&policy.as_str()) => {
                invalid("Replies policy is not included in the list")
            }
            _ => Ok(()),
        }
    }
}

impl Social {
    /// Creates a list: its id.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where it has no title, or the store failed.
    pub async fn create_list(
        &self,
        actor: AccountId,
        list: ListChange,
    ) -> Result<ListId, SocialError> {
        self.actor(actor).await?;
        list.check()?;
        let Some(title) = list.title else {
            return Err(SocialError::Invalid("Title can't be blank".to_owned()));
        };
        let row = ListRow {
            id: self.spine().snowflakes().next().0,
            title,
            replies_policy: list.replies_policy.unwrap_or_else(|| "list".to_owned()),
            exclusive: list.exclusive.unwrap_or(false),
        };
        let mut connection = self.spine().pool().acquire().await?;
        store::insert_list(&mut connection, actor.number(), &row).await?;
        Ok(ListId::from_number(row.id))
    }

    /// Changes a list.
    ///
    /// # Errors
    /// Not found (or another's), [`SocialError::Invalid`], or the store failed.
    pub async fn update_list(
        &self,
        actor: AccountId,
        list: ListId,
        change: ListChange,
    ) -> Result<(), SocialError> {
        change.check()?;
        let mut connection = self.spine().pool().acquire().await?;
        let found = store::update_list(
            &mut connection,
            actor.number(),
            list.number(),
            change.title.as_deref(),
            change.replies_policy.as_deref(),
            change.exclusive,
        )
        .await?;
        found.then_some(()).ok_or(SocialError::NotFound)
    }

    /// Removes a list.
    ///
    /// # Errors
    /// Not found (or another's), or the store failed.
    pub async fn delete_list(&self, actor: AccountId, list: ListId) -> Result<(), SocialError> {
        let mut connection = self.spine().pool().acquire().await?;
        let found = store::delete_list(&mut connection, actor.number(), list.number()).await?;
        found.then_some(()).ok_or(SocialError::NotFound)
    }

    /// Puts people into a list: only whom the actor follows, or himself.
    ///
    /// # Errors
    /// Not found (the list, or one of the people among the followed), or the store failed.
    pub async fn add_to_list(
        &self,
        actor: AccountId,
        list: ListId,
        accounts: &[AccountId],
    ) -> Result<(), SocialError> {
        let mut members: Vec<i64> = accounts.iter().map(|account| account.number()).collect();
        members.sort_unstable();
        members.dedup();
        let mut connection = self.spine().pool().acquire().await?;
        if !store::has_list(&mut connection, actor.number(), list.number()).await? {
            return Err(SocialError::NotFound);
        }
        let allowed =
            store::insert_members(&mut connection, actor.number(), list.number(), &members).await?;
        let all = usize::try_from(allowed).ok() == Some(members.len());
        all.then_some(()).ok_or(SocialError::NotFound)
    }

    /// Takes people out of a list.
    ///
    /// # Errors
    /// Not found (or another's), or the store failed.
    pub async fn remove_from_list(
        &self,
        actor: AccountId,
        list: ListId,
        accounts: &[AccountId],
    ) -> Result<(), SocialError> {
        let members: Vec<i64> = accounts.iter().map(|account| account.number()).collect();
        let mut connection = self.spine().pool().acquire().await?;
        if !store::has_list(&mut connection, actor.number(), list.number()).await? {
            return Err(SocialError::NotFound);
        }
        store::delete_members(&mut connection, list.number(), &members).await?;
        Ok(())
    }
}
