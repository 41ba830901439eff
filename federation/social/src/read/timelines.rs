//! Lists of posts.

use std::collections::{HashMap, HashSet};

use chrono::Duration;

use super::ask::{POSTS, Sizes, cut, post_ids};
use super::cache::PageKey;
use super::cache::epochs::{Slot, Thing};
use super::entities::{Account, Conversation, Shared, Status};
use super::{Links, Page, Paged};
use crate::store::read_pages::{PageRow, Window};
use crate::store::read_timelines::Marks;
use crate::store::{read_lists, read_timelines};
use crate::{AccountId, ListId, PostId, Social, SocialError};
use bytes::Bytes;

/// A page as the JSON that clients get, with the cursors of its neighbours.
#[derive(Clone, Debug)]
pub struct CachedPage {
    /// A JSON array of statuses.
    pub body: Bytes,
    /// For the `Link` header.
    pub links: Links,
}

/// Which public posts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublicFilter {
    /// Only ours.
    pub local: bool,
    /// Only others'.
    pub remote: bool,
    /// Only with attachments.
    pub only_media: bool,
}

/// Which posts with a hashtag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagFilter {
    /// Posts with any of these hashtags come in as well.
    pub any: Vec<String>,
    /// All of these hashtags must be there too.
    pub all: Vec<String>,
    /// None of these hashtags may be there.
    pub none: Vec<String>,
    /// Whose posts, and whether with attachments.
    pub public: PublicFilter,
}

/// Which posts of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Only with attachments.
    pub only_media: bool,
    /// No replies to others.
    pub exclude_replies: bool,
    /// No boosts.
    pub exclude_reblogs: bool,
    /// Only those on the profile.
    pub pinned: bool,
    /// Only with this hashtag.
    pub tagged: Option<String>,
}

/// How long a page is kept at most: mutes run out without an event.
const PAGE_HOLDS_SECONDS: i64 = 60;

impl Social {
    /// What `viewer` follows, newest first: entries written when posts were stored.
    ///
    /// # Errors
    /// The store failed.
    pub async fn home(&self, viewer: AccountId, page: &Page) -> Result<Paged<Status>, SocialError> {
        let window = POSTS.window(page);
        let rows = self.home_rows(viewer, window).await?;
        self.posts_of(Some(viewer), page, window, rows).await
    }

    async fn home_rows(
        &self,
        viewer: AccountId,
        window: Window,
    ) -> Result<Vec<PageRow>, SocialError> {
        let asker = self.asker(Some(viewer));
        Ok(read_timelines::home(self.spine().pool(), asker, viewer.number(), window).await?)
    }

    /// [`Social::home`] as the JSON that clients get, from the cache where nothing has changed (see
    /// [`super::cache`]).
    ///
    /// # Errors
    /// The store failed.
    pub async fn home_json(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<CachedPage, SocialError> {
        let window = POSTS.window(page);
        // The default written out and left out are the same page.
        let limit = u32::try_from(window.size).ok();
        let key = PageKey { viewer, page: Page { limit, ..*page } };
        let cache = &self.0.cache;
        if let Some(kept) = cache.page(&key) {
            return Ok(kept);
        }
        let mark = cache.epochs().mark();
        let mut until = self.spine().clock().now() + Duration::seconds(PAGE_HOLDS_SECONDS);
        let mut things = vec![Slot::from(&Thing::Viewer(viewer))];
        let rows = cut(page, window, self.home_rows(viewer, window).await?);
        let mut statuses = Vec::with_capacity(rows.rows.len());
        for shown in self.assemble_shown(Some(viewer), &post_ids(&rows)).await? {
            until = shown.ends_at.map_or(until, |end| end.min(until));
            things.extend(shown.things);
            statuses.push(shown.status);
        }
        let body = serde_json::to_vec(&statuses).map_err(spine::SpineError::from)?;
        let made = CachedPage { body: body.into(), links: rows.links };
        cache.keep_page(key, mark, &made, things.into(), until);
        Ok(made)
    }

    /// Public posts, no boosts, no replies to others, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn public(
        &self,
        viewer: Option<AccountId>,
        filter: &PublicFilter,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        let window = POSTS.window(page);
        let asker = self.asker(viewer);
        let rows = read_timelines::public(self.spine().pool(), asker, *filter, window).await?;
        self.posts_of(viewer, page, window, rows).await
    }

    /// Public posts with a hashtag, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn tag(
        &self,
        viewer: Option<AccountId>,
        name: &str,
        filter: &TagFilter,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        let window = POSTS.window(page);
        let asker = self.asker(viewer);
        let filter = filter.normalized();
        let name = tag_name(name);
        let rows =
            read_timelines::tagged(self.spine().pool(), asker, &name, &filter, window).await?;
        self.posts_of(viewer, page, window, rows).await
    }

    /// Posts of a list's members, newest first.
    ///
    /// # Errors
    /// The list is not found or not `viewer`'s, or the store failed.
    pub async fn list_timeline(
        &self,
        viewer: AccountId,
        list: ListId,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        let pool = self.spine().pool();
        let found = read_lists::list(pool, viewer.number(), list.number())
            .await?
            .ok_or(SocialError::NotFound)?;
        let window = POSTS.window(page);
        let asker = self.asker(Some(viewer));
        let rows =
            read_timelines::list(pool, asker, found.id, &found.replies_policy, window).await?;
        self.posts_of(Some(viewer), page, window, rows).await
    }

    /// An account's posts, newest first; `pinned` ones by the time of pinning.
    ///
    /// # Errors
    /// The account is not found, or the store failed.
    pub async fn account_statuses(
        &self,
        viewer: Option<AccountId>,
        id: AccountId,
        filter: &AccountFilter,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        self.account(viewer, id).await?;
        let window = POSTS.window(page);
        let asker = self.asker(viewer);
        let pool = self.spine().pool();
        let rows = read_timelines::by_author(pool, asker, id.number(), filter, window).await?;
        self.posts_of(viewer, page, window, rows).await
    }

    /// What `viewer` marked as a favourite, newest mark first. Pages by favourite id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn favourites(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        self.marked(viewer, Marks::Favourites, page).await
    }

    /// What `viewer` bookmarked, newest mark first. Pages by bookmark id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn bookmarks(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        self.marked(viewer, Marks::Bookmarks, page).await
    }

    async fn marked(
        &self,
        viewer: AccountId,
        marks: Marks,
        page: &Page,
    ) -> Result<Paged<Status>, SocialError> {
        let window = POSTS.window(page);
        let asker = self.asker(Some(viewer));
        let pool = self.spine().pool();
        let rows = read_timelines::marked(pool, asker, marks, viewer.number(), window).await?;
        self.posts_of(Some(viewer), page, window, rows).await
    }

    /// Threads of direct posts that `viewer` takes part in, by their newest post. Pages by that
    /// post's id. The node does not keep what was read: nothing is unread.
    ///
    /// # Errors
    /// The store failed.
    pub async fn conversations(
        &self,
        viewer: AccountId,
        page: &Page,
    ) -> Result<Paged<Conversation>, SocialError> {
        let window = Sizes(20, 40).window(page);
        let asker = self.asker(Some(viewer));
        let pool = self.spine().pool();
        let rows = read_timelines::conversations(pool, asker, viewer.number(), window).await?;
        let rows = cut(page, window, rows);
        let newest: Vec<PostId> =
            rows.rows.iter().map(|row| PostId::from_number(row.place)).collect();
        let threads: HashMap<PostId, PostId> = rows
            .rows
            .iter()
            .map(|row| (PostId::from_number(row.place), PostId::from_number(row.id)))
            .collect();
        let mut conversations = Vec::with_capacity(newest.len());
        let statuses = self.assemble(Some(viewer), &newest).await?;
        let mut participants = self.participants(viewer, &statuses).await?;
        for last_status in statuses {
            let post = last_status.id();
            conversations.push(Conversation {
                id: threads.get(&post).copied().unwrap_or(post),
                unread: false,
                accounts: participants.remove(&post).unwrap_or_default(),
                last_status,
            });
        }
        Ok(rows.paged(conversations))
    }

    /// Who takes part in each of these direct posts, without `viewer`.
    pub(super) async fn participants(
        &self,
        viewer: AccountId,
        statuses: &[Status],
    ) -> Result<HashMap<PostId, Vec<Shared<Account>>>, SocialError> {
        let posts: Vec<i64> = statuses.iter().map(|status| status.id().number()).collect();
        let rows = read_timelines::participants(self.spine().pool(), &posts).await?;
        let ids: HashSet<AccountId> =
            rows.iter().map(|row| AccountId::from_number(row.id)).collect();
        let accounts = self.account_views(ids).await?;
        let mut participants: HashMap<PostId, Vec<Shared<Account>>> = HashMap::new();
        for row in rows.iter().filter(|row| row.id != viewer.number()) {
            if let Some(account) = accounts.get(&AccountId::from_number(row.id)) {
                let post = PostId::from_number(row.place);
                participants.entry(post).or_default().push(account.clone());
            }
        }
        Ok(participants)
    }

    /// The thread that a post belongs to.
    pub(super) async fn thread_of(&self, post: PostId) -> Result<PostId, SocialError> {
        let thread = read_timelines::thread_of(self.spine().pool(), post.number()).await?;
        Ok(thread.map_or(post, PostId::from_number))
    }

    /// The page of these rows.
    async fn posts_of(
        &self,
        viewer: Option<AccountId>,
        page: &Page,
        window: Window,
        rows: Vec<PageRow>,
    ) -> Result<Paged<Status>, SocialError> {
        let rows = cut(page, window, rows);
        let statuses = self.assemble(viewer, &post_ids(&rows)).await?;
        Ok(rows.paged(statuses))
    }
}

/// A hashtag's name as it is stored: lower case, without `#`.
pub(super) fn tag_name(name: &str) -> String {
    name.trim().trim_start_matches('#').to_lowercase()
}

impl TagFilter {
    /// The names as they are stored, at most four of each kind, as Mastodon allows.
    fn normalized(&self) -> Self {
        let names =
            |names: &[String]| names.iter().take(4).map(|name| tag_name(name)).collect::<Vec<_>>();
        Self {
            any: names(&self.any),
            all: names(&self.all),
            none: names(&self.none),
            public: self.public,
        }
    }
}
