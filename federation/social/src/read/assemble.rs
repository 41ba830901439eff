//! Putting posts together: bodies and authors from the cache or the store, and what each viewer has
//! to do with them, in a number of statements that does not depend on how many posts there are.
//!
//! One statement for the standing of all viewers towards all posts (and what they boost); beside it,
//! for bodies that are not cached one, and one more for each kind of part that any of them has (again
//! for what is boosted); then two for authors that are not cached, one for votes where there are
//! polls, one for filters that are not cached.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::cache::epochs::{Slot, Thing};
use super::entities::{Account, Poll, Shared, Status, ViewerFlags};
use super::filters::HeldBack;
use super::views::{AccountParts, PostParts, PostView, account_view, post_view};
use crate::store::read_posts::PostRow;
use crate::store::read_standing::StandingRow;
use crate::store::{read_accounts, read_posts, read_standing};
use crate::{AccountId, PollId, PostId, Social, SocialError};

/// A post asked for by a viewer; `None`: a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    pub viewer: Option<AccountId>,
    pub post: PostId,
}

/// A post that its viewer may see.
pub(crate) struct Shown {
    pub status: Status,
    /// The viewer has turned away from its author or from whom it boosts.
    pub unwanted: bool,
    /// When a poll in it ends and its JSON becomes untrue.
    pub ends_at: Option<DateTime<Utc>>,
    /// What it was made from, for whoever caches it.
    pub things: Vec<Slot>,
}

impl Social {
    /// These posts as `viewer` sees them, in the order asked for. What it may not see, what is gone
    /// and what cannot be shown is left out.
    pub(crate) async fn assemble(
        &self,
        viewer: Option<AccountId>,
        ids: &[PostId],
    ) -> Result<Vec<Status>, SocialError> {
        Ok(self.assemble_shown(viewer, ids).await?.into_iter().map(|shown| shown.status).collect())
    }

    /// [`Social::assemble`] with what else is known about each post.
    pub(crate) async fn assemble_shown(
        &self,
        viewer: Option<AccountId>,
        ids: &[PostId],
    ) -> Result<Vec<Shown>, SocialError> {
        let wanted: Vec<Wanted> = ids.iter().map(|post| Wanted { viewer, post: *post }).collect();
        let mut shown = self.assemble_each(&wanted).await?;
        Ok(wanted.iter().filter_map(|wanted| shown.remove(wanted)).collect())
    }

    /// Posts, each as its own viewer sees it.
    pub(crate) async fn assemble_each(
        &self,
        wanted: &[Wanted],
    ) -> Result<HashMap<Wanted, Shown>, SocialError> {
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let now = self.spine().clock().now();
        let posts = wanted.iter().map(|wanted| wanted.post).collect();
        let (standings, mut views) =
            tokio::try_join!(self.standings(wanted, now), self.post_views(posts))?;
        let boosted: HashSet<PostId> = standings
            .values()
            .filter_map(|standing| standing.boost_of.map(PostId::from_number))
            .filter(|post| !views.contains_key(post))
            .collect();
        views.extend(self.post_views(boosted).await?);
        let authors = self.account_views(views.values().map(|view| view.author).collect()).await?;
        let votes = self.votes(&standings, &views).await?;
        let viewers = wanted.iter().filter_map(|wanted| wanted.viewer).collect();
        let held_back = self.held_back(viewers).await?;
        let assembly = Assembly { now, standings, views, authors, votes, held_back };
        Ok(wanted
            .iter()
            .filter_map(|wanted| assembly.show(*wanted).map(|shown| (*wanted, shown)))
            .collect())
    }

    async fn standings(
        &self,
        wanted: &[Wanted],
        now: DateTime<Utc>,
    ) -> Result<HashMap<Wanted, StandingRow>, SocialError> {
        let viewers: Vec<i64> =
            wanted.iter().map(|wanted| wanted.viewer.map_or(0, AccountId::number)).collect();
        let posts: Vec<i64> = wanted.iter().map(|wanted| wanted.post.number()).collect();
        let rows = read_standing::standings(self.spine().pool(), &viewers, &posts, now).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let viewer = (row.viewer != 0).then(|| AccountId::from_number(row.viewer));
                (Wanted { viewer, post: PostId::from_number(row.post) }, row)
            })
            .collect())
    }

    /// What viewers chose in the polls among these posts.
    async fn votes(
        &self,
        standings: &HashMap<Wanted, StandingRow>,
        views: &HashMap<PostId, Arc<PostView>>,
    ) -> Result<HashMap<(AccountId, PollId), Vec<i16>>, SocialError> {
        let asked: Vec<(AccountId, PollId)> = standings
            .keys()
            .filter_map(|wanted| Some((wanted.viewer?, views.get(&wanted.post)?.poll.as_ref()?.id)))
            .collect();
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        let (viewers, polls): (Vec<i64>, Vec<i64>) =
            asked.iter().map(|(viewer, poll)| (viewer.number(), poll.number())).unzip();
        let rows = read_standing::votes(self.spine().pool(), &viewers, &polls).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let key = (AccountId::from_number(row.viewer), PollId::from_number(row.poll));
                (key, row.positions)
            })
            .collect())
    }

    /// Bodies of these posts, from the cache where they still hold.
    pub(crate) async fn post_views(
        &self,
        ids: HashSet<PostId>,
    ) -> Result<HashMap<PostId, Arc<PostView>>, SocialError> {
        let cache = &self.0.cache;
        let mut views = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match cache.post(id) {
                Some(view) => drop(views.insert(id, view)),
                None => missing.push(id.number()),
            }
        }
        if missing.is_empty() {
            return Ok(views);
        }
        let mark = cache.epochs().mark();
        for view in self.load_posts(&missing).await? {
            let view = Arc::new(view);
            cache.keep_post(mark, &view);
            views.insert(view.body.id, view);
        }
        Ok(views)
    }

    async fn load_posts(&self, ids: &[i64]) -> Result<Vec<PostView>, SocialError> {
        let pool = self.spine().pool();
        let rows = read_posts::posts(pool, ids).await?;
        let mut parts: HashMap<i64, PostParts> = HashMap::with_capacity(rows.len());
        // Most posts have none of these.
        let that = |has: fn(&PostRow) -> bool| -> Vec<i64> {
            rows.iter().filter(|row| has(row)).map(|row| row.id).collect()
        };
        let with_media = that(|row| row.has_media);
        if !with_media.is_empty() {
            for media in read_posts::media(pool, &with_media).await? {
                if let Some(post) = media.post_id {
                    parts.entry(post).or_default().media.push(media);
                }
            }
        }
        let with_mentions = that(|row| row.has_mentions);
        if !with_mentions.is_empty() {
            for mention in read_posts::mentions(pool, &with_mentions).await? {
                parts.entry(mention.post_id).or_default().mentions.push(mention);
            }
        }
        let with_tags = that(|row| row.has_tags);
        if !with_tags.is_empty() {
            for tag in read_posts::tags(pool, &with_tags).await? {
                parts.entry(tag.post_id).or_default().tags.push(tag);
            }
        }
        let with_polls = that(|row| row.has_poll);
        if !with_polls.is_empty() {
            for poll in read_posts::polls(pool, &with_polls).await? {
                let post = poll.post_id;
                parts.entry(post).or_default().poll = Some(poll);
            }
        }
        let addresses = self.addresses();
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let parts = parts.remove(&row.id).unwrap_or_default();
                post_view(row, parts, addresses)
            })
            .collect())
    }

    /// These accounts, from the cache where they still hold; deleted ones are left out.
    pub(crate) async fn account_views(
        &self,
        ids: HashSet<AccountId>,
    ) -> Result<HashMap<AccountId, Shared<Account>>, SocialError> {
        let cache = &self.0.cache;
        let mut views = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match cache.account(id) {
                Some(account) => drop(views.insert(id, account)),
                None => missing.push(id.number()),
            }
        }
        if missing.is_empty() {
            return Ok(views);
        }
        let mark = cache.epochs().mark();
        let pool = self.spine().pool();
        let rows = read_accounts::accounts(pool, &missing).await?;
        let targets: Vec<i64> = rows.iter().filter_map(|row| row.moved_to).collect();
        let mut moved = HashMap::new();
        if !targets.is_empty() {
            for row in read_accounts::accounts(pool, &targets).await? {
                let parts = AccountParts { addresses: self.addresses(), moved: None };
                moved.insert(row.id, Shared::new(account_view(row, parts)));
            }
        }
        for row in rows {
            let id = AccountId::from_number(row.id);
            let mut things = vec![Slot::from(&Thing::Account(id))];
            if let Some(target) = row.moved_to {
                things.push(Slot::from(&Thing::Account(AccountId::from_number(target))));
            }
            let target = row.moved_to.and_then(|target| moved.get(&target).cloned());
            let parts = AccountParts { addresses: self.addresses(), moved: target };
            let account = Shared::new(account_view(row, parts));
            cache.keep_account(mark, &account, things.into());
            views.insert(id, account);
        }
        Ok(views)
    }

    /// These accounts in the order asked for.
    pub(crate) async fn accounts_in_order(
        &self,
        ids: &[AccountId],
    ) -> Result<Vec<Shared<Account>>, SocialError> {
        let views = self.account_views(ids.iter().copied().collect()).await?;
        Ok(ids.iter().filter_map(|id| views.get(id).cloned()).collect())
    }
}

/// Everything that posts are put together from.
struct Assembly {
    now: DateTime<Utc>,
    standings: HashMap<Wanted, StandingRow>,
    views: HashMap<PostId, Arc<PostView>>,
    authors: HashMap<AccountId, Shared<Account>>,
    votes: HashMap<(AccountId, PollId), Vec<i16>>,
    held_back: HashMap<AccountId, Arc<HeldBack>>,
}

impl Assembly {
    /// The post, where its viewer may see it and, if it is a boost, what it boosts.
    fn show(&self, wanted: Wanted) -> Option<Shown> {
        let standing = self.standings.get(&wanted)?;
        let mut shown = self.show_one(wanted, standing)?;
        if let Some(boosted) = standing.boost_of {
            let wanted = Wanted { post: PostId::from_number(boosted), ..wanted };
            let inner = self.show_one(wanted, self.standings.get(&wanted)?)?;
            // Clients ask the boost for what was done to the boosted post.
            if let (Some(flags), Some(inner)) = (&mut shown.status.viewer, &inner.status.viewer) {
                *flags = ViewerFlags { pinned: None, ..inner.clone() };
            }
            shown.unwanted |= inner.unwanted;
            shown.ends_at = inner.ends_at;
            shown.things.extend(inner.things);
            shown.status.reblog = Some(Box::new(inner.status));
        }
        Some(shown)
    }

    fn show_one(&self, wanted: Wanted, standing: &StandingRow) -> Option<Shown> {
        if !standing.admits() {
            return None;
        }
        let view = self.views.get(&wanted.post)?;
        let Some(account) = self.authors.get(&view.author) else {
            tracing::warn!(post.id = %wanted.post, "a post is left out: its author is gone");
            return None;
        };
        let viewer = wanted.viewer.map(|viewer| {
            let is_own_post = viewer == view.author && standing.boost_of.is_none();
            ViewerFlags {
                favourited: standing.favourited,
                reblogged: standing.reblogged,
                muted: standing.muted,
                bookmarked: standing.bookmarked,
                pinned: is_own_post.then_some(standing.pinned),
                filtered: self
                    .held_back
                    .get(&viewer)
                    .map(|filters| filters.results(view, self.now))
                    .unwrap_or_default(),
            }
        });
        let mut things = view.things.to_vec();
        things.push(Slot::from(&Thing::Account(view.author)));
        let status = Status {
            body: view.body.clone(),
            reblog: None,
            account: account.clone(),
            poll: self.poll(wanted.viewer, view),
            viewer,
        };
        let ends_at =
            view.poll.as_ref().and_then(|poll| poll.ends_at).filter(|end| *end > self.now);
        Some(Shown { status, unwanted: standing.unwanted, ends_at, things })
    }

    fn poll(&self, viewer: Option<AccountId>, view: &PostView) -> Option<Poll> {
        let poll = view.poll.as_ref()?;
        let voted =
            viewer.map(|viewer| self.votes.get(&(viewer, poll.id)).cloned().unwrap_or_default());
        Some(poll.show(self.now, voted, viewer == Some(view.author)))
    }
}
