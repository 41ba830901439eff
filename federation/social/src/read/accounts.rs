//! Accounts, and who stands in which relation to whom.

use super::entities::{
    Account, CredentialAccount, FamiliarFollowers, MutedAccount, Relationship, Shared, Suggestion,
};
use super::{Page, Paged};
use crate::{AccountId, Social, SocialError};

impl Social {
    /// An account. Deleted ones are not found; suspended ones are empty.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn account(
        &self,
        viewer: Option<AccountId>,
        id: AccountId,
    ) -> Result<Shared<Account>, SocialError> {
        todo!()
    }
    /// An account by its name as it is mentioned here (`alice`, `alice@remote.example`, with or without `@` in front), if it is known already.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn account_by_acct(
        &self,
        viewer: Option<AccountId>,
        acct: &str,
    ) -> Result<Shared<Account>, SocialError> {
        todo!()
    }
    /// Several accounts, in the order asked for; unknown ones are left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn accounts(
        &self,
        viewer: Option<AccountId>,
        ids: &[AccountId],
    ) -> Result<Vec<Shared<Account>>, SocialError> {
        todo!()
    }
    /// The asker's own account with what only its owner sees.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn credentials(&self, account: AccountId) -> Result<CredentialAccount, SocialError> {
        todo!()
    }
    /// What `viewer` has to do with each of these accounts, in the order asked for; unknown ones are left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn relationships(
        &self,
        viewer: AccountId,
        ids: &[AccountId],
    ) -> Result<Vec<Relationship>, SocialError> {
        todo!()
    }
    /// Who follows an account, newest follow first. Pages by follow id. Empty where it hides them.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn followers(
        &self,
        viewer: Option<AccountId>,
        id: AccountId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        todo!()
    }
    /// Whom an account follows, newest follow first. Pages by follow id. Empty where it hides them.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn following(
        &self,
        viewer: Option<AccountId>,
        id: AccountId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        todo!()
    }
    /// For each account its followers whom `viewer` follows.
    ///
    /// # Errors
    /// The store failed.
    pub async fn familiar_followers(
        &self,
        viewer: AccountId,
        ids: &[AccountId],
    ) -> Result<Vec<FamiliarFollowers>, SocialError> {
        todo!()
    }
    /// Who waits to follow `viewer`. Pages by follow id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn follow_requests(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        todo!()
    }
    /// Whom `viewer` blocks. Pages by block id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn blocks(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        todo!()
    }
    /// Whom `viewer` mutes. Pages by mute id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn mutes(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<MutedAccount>, SocialError> {
        todo!()
    }
    /// The domains that `viewer` blocks. Pages by block id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn domain_blocks(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<String>, SocialError> {
        todo!()
    }
    /// Accounts worth following: none yet.
    ///
    /// # Errors
    /// None yet.
    pub async fn suggestions(
        &self,
        viewer: AccountId,
        limit: Option<u32>,
    ) -> Result<Vec<Suggestion>, SocialError> {
        todo!()
    }
}
