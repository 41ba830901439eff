//! Hashtags.

use std::collections::{HashMap, HashSet};

use chrono::Duration;
use spine::Snowflake;

use super::ask::TAGS;
use super::entities::{Tag, TagHistory};
use super::page::Rows;
use super::timelines::tag_name;
use super::{Page, Paged};
use crate::store::read_lists;
use crate::{AccountId, Social, SocialError};

/// Days that a hashtag's history shows, today included.
const DAYS: i64 = 7;
const SECONDS_A_DAY: i64 = 86_400;

impl Social {
    /// The hashtags that `viewer` follows. Pages by the following's id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn followed_tags(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Tag>, SocialError> {
        let window = TAGS.window(page);
        let rows = read_lists::followed_tags(self.spine().pool(), viewer.number(), window).await?;
        let rows = Rows::cut(page, window.size, rows, |row| row.id);
        let names: Vec<String> = rows.rows.iter().map(|row| row.name.clone()).collect();
        let tags = self.tag_views(Some(viewer), &names).await?;
        Ok(rows.paged(tags))
    }

    /// A hashtag; unknown ones exist too, unused.
    ///
    /// # Errors
    /// The store failed.
    pub async fn tag_info(
        &self,
        viewer: Option<AccountId>,
        name: &str,
    ) -> Result<Tag, SocialError> {
        let mut tags = self.tag_views(viewer, &[tag_name(name)]).await?;
        tags.pop().ok_or(SocialError::NotFound)
    }

    /// These hashtags, by their stored names, in order.
    pub(super) async fn tag_views(
        &self,
        viewer: Option<AccountId>,
        names: &[String],
    ) -> Result<Vec<Tag>, SocialError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let pool = self.spine().pool();
        let now = self.spine().clock().now();
        let today = now.timestamp().div_euclid(SECONDS_A_DAY);
        let since = now - Duration::days(DAYS);
        let mut used: HashMap<(String, i64), (i64, i64)> = HashMap::new();
        for row in read_lists::tag_days(pool, names, Snowflake::lower_bound(since).0).await? {
            used.insert((row.name, row.day), (row.uses, row.accounts));
        }
        let followed: HashSet<String> = match viewer {
            Some(viewer) => read_lists::following_tags(pool, viewer.number(), names)
                .await?
                .into_iter()
                .collect(),
            None => HashSet::new(),
        };
        let history = |name: &String| {
            (0..DAYS)
                .map(|back| {
                    let day = today - back;
                    let (uses, accounts) =
                        used.get(&(name.clone(), day)).copied().unwrap_or_default();
                    TagHistory {
                        day: (day * SECONDS_A_DAY).to_string(),
                        uses: uses.to_string(),
                        accounts: accounts.to_string(),
                    }
                })
                .collect()
        };
        Ok(names
            .iter()
            .map(|name| Tag {
                id: name.clone(),
                url: self.addresses().tag(name),
                history: history(name),
                following: viewer.map(|_| followed.contains(name)),
                featuring: viewer.map(|_| false),
                name: name.clone(),
            })
            .collect())
    }
}
