//! Accounts, and who stands in which relation to whom.

use std::collections::HashMap;

use super::ask::{PEOPLE, Sizes, account_ids, cut};
use super::entities::{
    Account, CredentialAccount, FamiliarFollowers, MutedAccount, Relationship, Role, Shared,
    Source, Suggestion, Timestamp,
};
use super::page::Rows;
use super::views::credential_fields;
use super::{Page, Paged};
use crate::store::read_accounts::{self, RelationshipRow};
use crate::store::read_people::{self, People};
use crate::{AccountId, Social, SocialError, Visibility};

impl Social {
    /// An account. Deleted ones are not found; suspended ones are empty.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn account(
        &self,
        _viewer: Option<AccountId>,
        id: AccountId,
    ) -> Result<Shared<Account>, SocialError> {
        self.account_views([id].into()).await?.remove(&id).ok_or(SocialError::NotFound)
    }

    /// An account by its name as it is mentioned here (`alice`, `alice@remote.example`, with or
    /// without `@` in front), if it is known already.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn account_by_acct(
        &self,
        viewer: Option<AccountId>,
        acct: &str,
    ) -> Result<Shared<Account>, SocialError> {
        let id = self.find_acct(acct).await?.ok_or(SocialError::NotFound)?;
        self.account(viewer, id).await
    }

    /// The id of the known account of this name.
    pub(super) async fn find_acct(&self, acct: &str) -> Result<Option<AccountId>, SocialError> {
        let handle = acct.trim().trim_start_matches('@').to_lowercase();
        let (username, domain) = match handle.split_once('@') {
            Some((username, domain)) => (username, Some(domain)),
            None => (handle.as_str(), None),
        };
        let domain = domain.filter(|domain| *domain != self.settings().domain().to_lowercase());
        let id = read_accounts::by_handle(self.spine().pool(), username, domain).await?;
        Ok(id.map(AccountId::from_number))
    }

    /// Several accounts, in the order asked for; unknown ones are left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn accounts(
        &self,
        _viewer: Option<AccountId>,
        ids: &[AccountId],
    ) -> Result<Vec<Shared<Account>>, SocialError> {
        self.accounts_in_order(ids).await
    }

    /// The asker's own account with what only its owner sees.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn credentials(&self, account: AccountId) -> Result<CredentialAccount, SocialError> {
        let pool = self.spine().pool();
        let own = read_accounts::own(pool, account.number()).await?.ok_or(SocialError::NotFound)?;
        let view = self.account(Some(account), account).await?;
        let source = Source {
            privacy: Visibility::from_number(own.default_visibility).unwrap_or(Visibility::Public),
            sensitive: own.default_sensitive,
            language: own.default_language,
            note: own.note_text,
            fields: credential_fields(own.fields, account.number()),
            follow_requests_count: own.follow_requests,
            hide_collections: view.hide_collections,
            discoverable: view.discoverable,
            indexable: view.indexable,
            attribution_domains: Vec::new(),
        };
        Ok(CredentialAccount { account: view, source, role: Role::everyone() })
    }

    /// What `viewer` has to do with each of these accounts, in the order asked for; unknown ones
    /// are left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn relationships(
        &self,
        viewer: AccountId,
        ids: &[AccountId],
    ) -> Result<Vec<Relationship>, SocialError> {
        let numbers: Vec<i64> = ids.iter().map(|id| id.number()).collect();
        let now = self.spine().clock().now();
        let rows =
            read_accounts::relationships(self.spine().pool(), viewer.number(), &numbers, now)
                .await?;
        let mut rows: HashMap<i64, RelationshipRow> =
            rows.into_iter().map(|row| (row.id, row)).collect();
        Ok(numbers.iter().filter_map(|id| rows.remove(id)).map(relationship).collect())
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
        self.collection(viewer, id, People::FollowersOf(id.number()), page).await
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
        self.collection(viewer, id, People::FollowedBy(id.number()), page).await
    }

    /// A list of people that belongs to `owner`, who may hide it or block the viewer.
    async fn collection(
        &self,
        viewer: Option<AccountId>,
        owner: AccountId,
        people: People,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        let account = self.account(viewer, owner).await?;
        let is_own = viewer == Some(owner);
        let blocked = match viewer {
            Some(viewer) if !is_own => {
                self.relationships(viewer, &[owner]).await?.iter().any(|r| r.blocked_by)
            }
            _ => false,
        };
        if account.suspended || blocked || (account.hide_collections && !is_own) {
            return Ok(Paged { items: Vec::new(), next: None, prev: None });
        }
        self.people(viewer, people, page).await
    }

    /// A page of people.
    pub(super) async fn people(
        &self,
        viewer: Option<AccountId>,
        people: People,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        self.people_by(PEOPLE, viewer, people, page).await
    }

    /// [`Social::people`] in pages of other sizes.
    pub(super) async fn people_by(
        &self,
        sizes: Sizes,
        viewer: Option<AccountId>,
        people: People,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        let window = sizes.window(page);
        let rows =
            read_people::people(self.spine().pool(), self.asker(viewer), people, window).await?;
        let rows = cut(page, window, rows);
        let accounts = self.accounts_in_order(&account_ids(&rows)).await?;
        Ok(rows.paged(accounts))
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
        let numbers: Vec<i64> = ids.iter().map(|id| id.number()).collect();
        let rows =
            read_people::familiar_followers(self.spine().pool(), viewer.number(), &numbers).await?;
        let accounts = rows.iter().map(|row| AccountId::from_number(row.id)).collect();
        let views = self.account_views(accounts).await?;
        Ok(ids
            .iter()
            .map(|id| FamiliarFollowers {
                id: *id,
                accounts: rows
                    .iter()
                    .filter(|row| row.place == id.number())
                    .filter_map(|row| views.get(&AccountId::from_number(row.id)).cloned())
                    .collect(),
            })
            .collect())
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
        self.people(Some(viewer), People::RequestsTo(viewer.number()), page).await
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
        self.people(Some(viewer), People::BlockedBy(viewer.number()), page).await
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
        let muted = self.people(Some(viewer), People::MutedBy(viewer.number()), page).await?;
        let targets: Vec<i64> = muted.items.iter().map(|account| account.id.number()).collect();
        let ends: HashMap<i64, _> =
            read_people::mute_ends(self.spine().pool(), viewer.number(), &targets)
                .await?
                .into_iter()
                .collect();
        let items = muted
            .items
            .into_iter()
            .map(|account| MutedAccount {
                mute_expires_at: ends.get(&account.id.number()).copied().flatten().map(Timestamp),
                account,
            })
            .collect();
        Ok(Paged { items, next: muted.next, prev: muted.prev })
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
        let window = PEOPLE.window(page);
        let rows = read_people::domain_blocks(self.spine().pool(), viewer.number(), window).await?;
        let rows = Rows::cut(page, window.size, rows, |row| row.id);
        let domains = rows.rows.iter().map(|row| row.domain.clone()).collect();
        Ok(rows.paged(domains))
    }

    /// Accounts worth following: none yet.
    ///
    /// # Errors
    /// None yet.
    pub async fn suggestions(
        &self,
        _viewer: AccountId,
        _limit: Option<u32>,
    ) -> Result<Vec<Suggestion>, SocialError> {
        Ok(Vec::new())
    }
}

fn relationship(row: RelationshipRow) -> Relationship {
    let follows = row.following || row.requested;
    Relationship {
        id: AccountId::from_number(row.id),
        following: row.following,
        showing_reblogs: follows && row.show_boosts.unwrap_or(true),
        notifying: follows && row.notify.unwrap_or(false),
        languages: row.languages.filter(|languages| !languages.is_empty()),
        followed_by: row.followed_by,
        blocking: row.blocking,
        blocked_by: row.blocked_by,
        muting: row.muting,
        muting_notifications: row.muting && row.muting_notifications.unwrap_or(false),
        muting_expires_at: row.mute_expires_at.map(Timestamp),
        requested: row.requested,
        requested_by: row.requested_by,
        domain_blocking: row.domain_blocking,
        endorsed: false,
        note: row.note.unwrap_or_default(),
    }
}
