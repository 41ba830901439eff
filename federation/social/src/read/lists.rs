//! Lists, reading positions, preferences.

use std::collections::BTreeMap;

use super::ask::WHOLE_LIST;
use super::entities::{Account, List, Marker, Preferences, Shared, Timestamp};
use super::{Page, Paged};
use crate::store::read_accounts;
use crate::store::read_lists::{self, ListRow};
use crate::store::read_people::People;
use crate::{AccountId, ListId, Social, SocialError, Visibility};

impl From<ListRow> for List {
    fn from(row: ListRow) -> Self {
        Self {
            id: ListId::from_number(row.id),
            title: row.title,
            replies_policy: row.replies_policy,
            exclusive: row.exclusive,
        }
    }
}

impl Social {
    /// `viewer`'s lists.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lists(&self, viewer: AccountId) -> Result<Vec<List>, SocialError> {
        let rows = read_lists::lists(self.spine().pool(), viewer.number(), None).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// One of `viewer`'s lists.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn list(&self, viewer: AccountId, id: ListId) -> Result<List, SocialError> {
        let row = read_lists::list(self.spine().pool(), viewer.number(), id.number()).await?;
        row.map(Into::into).ok_or(SocialError::NotFound)
    }

    /// The members of one of `viewer`'s lists. Pages by account id. A limit of 0 asks for all of them,
    /// without a way back; beyond [`WHOLE_LIST`] there is still a next page.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn list_accounts(
        &self,
        viewer: AccountId,
        id: ListId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        self.list(viewer, id).await?;
        let members = People::MembersOf(id.number());
        if page.limit != Some(0) {
            return self.people(Some(viewer), members, page).await;
        }
        let page = Page { limit: None, ..*page };
        let all = self.people_by(WHOLE_LIST, Some(viewer), members, &page).await?;
        Ok(Paged { prev: None, ..all })
    }

    /// `viewer`'s lists that hold an account.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lists_with(
        &self,
        viewer: AccountId,
        account: AccountId,
    ) -> Result<Vec<List>, SocialError> {
        let holding = Some(account.number());
        let rows = read_lists::lists(self.spine().pool(), viewer.number(), holding).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// `viewer`'s reading positions in these timelines (`home`, `notifications`).
    ///
    /// # Errors
    /// The store failed.
    pub async fn markers(
        &self,
        viewer: AccountId,
        timelines: &[String],
    ) -> Result<BTreeMap<String, Marker>, SocialError> {
        let rows = read_lists::markers(self.spine().pool(), viewer.number(), timelines).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let marker = Marker {
                    last_read_id: row.last_read_id,
                    version: row.version,
                    updated_at: Timestamp(row.updated_at),
                };
                (row.timeline, marker)
            })
            .collect())
    }

    /// What `viewer` prefers.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn preferences(&self, viewer: AccountId) -> Result<Preferences, SocialError> {
        let own = read_accounts::own(self.spine().pool(), viewer.number())
            .await?
            .ok_or(SocialError::NotFound)?;
        Ok(Preferences {
            visibility: Visibility::from_number(own.default_visibility)
                .unwrap_or(Visibility::Public),
            sensitive: own.default_sensitive,
            language: own.default_language,
            expand_media: "default",
            expand_spoilers: false,
        })
    }
}
