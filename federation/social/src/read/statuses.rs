//! Single posts, threads, versions, and who reacted.

use std::collections::{HashMap, HashSet};

use super::entities::{
    Account, Context, Poll, Report, Shared, Status, StatusEdit, StatusEditPoll, StatusSource,
    Timestamp,
};
use super::views::{edit_media, edit_poll};
use super::{Page, Paged};
use crate::store::read_people::People;
use crate::store::{read_posts, read_threads};
use crate::{AccountId, PollId, PostId, Social, SocialError};

/// How much of a thread is given: to people, and to strangers (Mastodon gives strangers the same).
struct ThreadLimits {
    ancestors: i32,
    descendants: i64,
    depth: i32,
}

const FOR_PEOPLE: ThreadLimits =
    ThreadLimits { ancestors: 4_096, descendants: 4_096, depth: 4_096 };
const FOR_STRANGERS: ThreadLimits = ThreadLimits { ancestors: 40, descendants: 60, depth: 20 };

impl Social {
    /// A post.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn status(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
    ) -> Result<Status, SocialError> {
        self.assemble(viewer, &[id]).await?.pop().ok_or(SocialError::NotFound)
    }

    /// Several posts, in the order asked for; what `viewer` may not see is left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn statuses(
        &self,
        viewer: Option<AccountId>,
        ids: &[PostId],
    ) -> Result<Vec<Status>, SocialError> {
        self.assemble(viewer, ids).await
    }

    /// A post's thread. Strangers get less of long threads.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn context(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
    ) -> Result<Context, SocialError> {
        let root = self.status(viewer, id).await?;
        let limits = if viewer.is_some() { FOR_PEOPLE } else { FOR_STRANGERS };
        let pool = self.spine().pool();
        let ancestors: Vec<PostId> = read_threads::ancestors(pool, id.number(), limits.ancestors)
            .await?
            .into_iter()
            .rev()
            .map(PostId::from_number)
            .collect();
        let rows =
            read_threads::descendants(pool, id.number(), limits.descendants, limits.depth).await?;
        let descendants = in_reading_order((id, root.account.id), &rows);
        let all: Vec<PostId> = ancestors.iter().chain(&descendants).copied().collect();
        let mut shown: HashMap<PostId, Status> = self
            .assemble_shown(viewer, &all)
            .await?
            .into_iter()
            .filter(|shown| !shown.unwanted)
            .map(|shown| (shown.status.id(), shown.status))
            .collect();
        Ok(Context {
            ancestors: ancestors.iter().filter_map(|id| shown.remove(id)).collect(),
            descendants: descendants.iter().filter_map(|id| shown.remove(id)).collect(),
        })
    }

    /// Every version of a post, oldest first.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn status_history(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
    ) -> Result<Vec<StatusEdit>, SocialError> {
        let status = self.status(viewer, id).await?;
        let rows = read_threads::edits(self.spine().pool(), id.number()).await?;
        let mut versions: Vec<StatusEdit> = rows
            .into_iter()
            .map(|row| StatusEdit {
                content: row.content_html,
                spoiler_text: row.spoiler_text,
                sensitive: row.sensitive,
                created_at: Timestamp(row.created_at),
                account: status.account.clone(),
                poll: edit_poll(row.poll_options, id.number()),
                media_attachments: edit_media(row.media, self.addresses(), id.number()),
                emojis: status.body.emojis.clone(),
            })
            .collect();
        versions.push(StatusEdit {
            content: status.body.content.clone(),
            spoiler_text: status.body.spoiler_text.clone(),
            sensitive: status.body.sensitive,
            created_at: status.body.edited_at.unwrap_or(status.body.created_at),
            account: status.account.clone(),
            poll: status.poll.as_ref().map(|poll| StatusEditPoll {
                options: poll.options.iter().map(Into::into).collect(),
            }),
            media_attachments: status.body.media_attachments.clone(),
            emojis: status.body.emojis.clone(),
        });
        Ok(versions)
    }

    /// A post as its author, who alone may ask, typed it.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn status_source(
        &self,
        viewer: AccountId,
        id: PostId,
    ) -> Result<StatusSource, SocialError> {
        let row = read_threads::source(self.spine().pool(), viewer.number(), id.number())
            .await?
            .ok_or(SocialError::NotFound)?;
        Ok(StatusSource { id, text: row.text.unwrap_or_default(), spoiler_text: row.spoiler_text })
    }

    /// Who marked a post as a favourite, newest first. Pages by favourite id.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn favourited_by(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        self.status(viewer, id).await?;
        self.people(viewer, People::FavouritersOf(id.number()), page).await
    }

    /// Who boosted a post, newest first. Pages by the boosts' own ids.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn reblogged_by(
        &self,
        viewer: Option<AccountId>,
        id: PostId,
        page: &Page,
    ) -> Result<Paged<Shared<Account>>, SocialError> {
        self.status(viewer, id).await?;
        self.people(viewer, People::BoostersOf(id.number()), page).await
    }

    /// A poll.
    ///
    /// # Errors
    /// Not found (or not for `viewer`), or the store failed.
    pub async fn poll(&self, viewer: Option<AccountId>, id: PollId) -> Result<Poll, SocialError> {
        let post = read_posts::post_of_poll(self.spine().pool(), id.number())
            .await?
            .ok_or(SocialError::NotFound)?;
        self.status(viewer, PostId::from_number(post)).await?.poll.ok_or(SocialError::NotFound)
    }

    /// A report as its maker sees it.
    ///
    /// # Errors
    /// Not found (or not `viewer`'s), or the store failed.
    pub async fn report(&self, viewer: AccountId, id: i64) -> Result<Report, SocialError> {
        let made_by = Some(viewer.number());
        self.reports(&[id], made_by).await?.remove(&id).ok_or(SocialError::NotFound)
    }

    /// These reports by their ids; with `made_by`, only those that this account made.
    pub(super) async fn reports(
        &self,
        ids: &[i64],
        made_by: Option<i64>,
    ) -> Result<HashMap<i64, Report>, SocialError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = read_threads::reports(self.spine().pool(), ids, made_by).await?;
        let targets: HashSet<AccountId> =
            rows.iter().map(|row| AccountId::from_number(row.target_id)).collect();
        let accounts = self.account_views(targets).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let target = accounts.get(&AccountId::from_number(row.target_id))?.clone();
                let report = Report {
                    id: row.id.to_string(),
                    action_taken: row.resolved_at.is_some(),
                    action_taken_at: row.resolved_at.map(Timestamp),
                    category: row.category,
                    comment: row.comment,
                    forwarded: row.forwarded,
                    created_at: Timestamp(row.created_at),
                    status_ids: row.post_ids.into_iter().map(PostId::from_number).collect(),
                    rule_ids: Vec::new(),
                    target_account: target,
                };
                Some((row.id, report))
            })
            .collect())
    }
}

/// Replies in the order they are read: each after what it replies to, siblings by age, except that
/// an author's replies to the own post go first.
/// `root` is the post whose thread it is, with its author.
fn in_reading_order(
    (root, author): (PostId, AccountId),
    rows: &[read_threads::ThreadRow],
) -> Vec<PostId> {
    let root_author = (root.number(), author.number());
    let authors: HashMap<i64, i64> =
        rows.iter().map(|row| (row.id, row.author)).chain([root_author]).collect();
    let mut children: HashMap<i64, Vec<(bool, i64)>> = HashMap::new();
    for row in rows {
        if let Some(parent) = row.parent {
            let by_same_author = authors.get(&parent) == Some(&row.author);
            children.entry(parent).or_default().push((!by_same_author, row.id));
        }
    }
    for siblings in children.values_mut() {
        siblings.sort_unstable();
    }
    let mut order = Vec::with_capacity(rows.len());
    let mut waiting = vec![root.number()];
    while let Some(post) = waiting.pop() {
        if post != root.number() {
            order.push(PostId::from_number(post));
        }
        // Removed, so that a thread that bites its own tail ends.
        if let Some(replies) = children.remove(&post) {
            waiting.extend(replies.iter().rev().map(|(_, id)| *id));
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::read_threads::ThreadRow;

    fn row(id: i64, parent: i64, author: i64) -> ThreadRow {
        ThreadRow { id, parent: Some(parent), author }
    }

    /// The thread of post 1, which this account wrote, in the order it is read.
    fn order(author: i64, rows: &[ThreadRow]) -> Vec<i64> {
        let root = (PostId::from_number(1), AccountId::from_number(author));
        in_reading_order(root, rows).iter().map(|id| id.number()).collect()
    }

    #[test]
    fn replies_follow_what_they_reply_to() {
        let rows = [row(2, 1, 7), row(3, 1, 8), row(4, 2, 9), row(5, 3, 9), row(6, 4, 7)];
        assert_eq!(order(1, &rows), [2, 4, 6, 3, 5]);
    }

    #[test]
    fn what_an_author_adds_to_the_own_post_goes_first() {
        let rows = [row(2, 1, 7), row(3, 1, 8), row(4, 2, 9), row(5, 2, 7), row(6, 3, 8)];
        assert_eq!(order(8, &rows), [3, 6, 2, 5, 4]);
    }

    #[test]
    fn a_thread_that_bites_its_tail_ends() {
        let rows = [row(2, 1, 7), row(1, 2, 7)];
        assert_eq!(order(1, &rows), [2]);
    }
}
