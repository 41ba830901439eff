//! Reading remote posts.

use std::iter;

use activitypub::fetch::FetchError;
use activitypub::origin::same_origin;
use activitypub::vocabulary::Post;
use serde_json::Value;
use spine::{Cause, JobOptions};
use url::Url;

use super::RemoteError;
use super::known::{Known, Names};
use super::people::FindPeople;
use super::post::{Reading, edited};
use crate::inbound::store_edit;
use crate::store::{inbound_activities, inbound_posts};
use crate::threads::{FetchFirstReplies, FetchParents, FirstReplies};
use crate::write::posts::{self, DeletedPost, Distribution, Outcome};
use crate::{PostId, Social};

/// How a post is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Whom it is handed to.
    pub(crate) distribution: Distribution,
    /// Whether the posts that it answers are read too, in the background.
    pub(crate) parents: bool,
    /// Whether the first answers to it are.
    pub(crate) replies: bool,
}

impl Wanted {
    /// For context: it is no news.
    pub(crate) const CONTEXT: Self =
        Self { distribution: Distribution::Nobody, parents: true, replies: false };
    /// A new post.
    pub(crate) const NEWS: Self =
        Self { distribution: Distribution::Everyone, parents: true, replies: true };
    /// For context, by someone who looks after its parents himself.
    pub(crate) const ALONE: Self =
        Self { distribution: Distribution::Nobody, parents: false, replies: false };
}

/// A post that was read.
#[derive(Debug, Clone)]
pub(crate) struct ReadBack {
    /// Its id here.
    pub(crate) post: PostId,
    /// Its ActivityPub id.
    pub(crate) uri: Url,
    /// The post that it answers and that is not stored.
    pub(crate) parent: Option<Url>,
}

impl Social {
    /// A remote post: as it is stored, else read from its own id.
    pub(crate) async fn remote_post(
        &self,
        id: &Url,
        wanted: Wanted,
        cause: Cause,
    ) -> Result<ReadBack, RemoteError> {
        if let Some(post) = inbound_posts::by_uri(self.0.spine.pool(), id.as_str()).await? {
            return Ok(ReadBack { post, uri: id.clone(), parent: None });
        }
        self.check_address(id).await?;
        let _alone = self.0.remote.failures.fly_alone(id.as_str()).await;
        if let Some(post) = inbound_posts::by_uri(self.0.spine.pool(), id.as_str()).await? {
            return Ok(ReadBack { post, uri: id.clone(), parent: None });
        }
        self.check_address(id).await?;
        let result = match self.0.remote.fetcher.fetch_object(id).await {
            Ok(fetched) => self.keep_post(&fetched.value, wanted, cause).await,
            Err(error) => Err(error.into()),
        };
        self.note(id, result.as_ref().err());
        result
    }

    /// Stores a post whose document came from its own id.
    pub(crate) async fn keep_post(
        &self,
        document: &Value,
        wanted: Wanted,
        cause: Cause,
    ) -> Result<ReadBack, RemoteError> {
        let post = Post::parse(document)?;
        let origin = &self.0.settings.origin;
        if same_origin(&post.id, origin) || !same_origin(&post.id, &post.attributed_to) {
            return Err(RemoteError::Untrue("its author is of another host"));
        }
        let author = self.remote_account(&post.attributed_to).await?;
        let blocked = self.0.remote.blocked.load(self.0.spine.pool()).await?;
        let domain = author.domain.as_deref();
        if !author.is_active() || domain.is_some_and(|domain| blocked.blocks_domain(domain)) {
            return Err(RemoteError::Refused);
        }
        let mut tx = self.0.spine.begin(cause.clone()).await?;
        let turns: Vec<String> =
            iter::once(&post.id).chain(&post.in_reply_to).map(Url::to_string).collect();
        inbound_activities::take_turns(tx.conn(), &turns).await?;
        let mut names = Names::default();
        names.add_document(document);
        let known = Known::load(tx.conn(), names).await?;
        let now = self.0.spine.clock().now();
        let reading = Reading {
            known: &known,
            blocked: &blocked,
            snowflakes: self.0.spine.snowflakes(),
            now,
            distribution: wanted.distribution,
            delivered_to: None,
            cause,
        };
        let read = reading.read(&post, &author);
        let inserted = posts::insert(self, &mut tx, &[read.stored]).await?;
        let inserted = inserted.into_iter().next().ok_or(RemoteError::Untrue("it was not kept"))?;
        let part = || JobOptions::default().part(post.id.as_str());
        match inserted.outcome {
            Outcome::New => {
                if !read.unknown_people.is_empty() {
                    let people = read.unknown_people;
                    let people = FindPeople { post: inserted.post, people, since: Some(now) };
                    tx.schedule_with(&people, part())?;
                }
                if let Some(replies) = FirstReplies::of(&post).filter(|_| wanted.replies) {
                    let replies = FetchFirstReplies { post: inserted.post, replies };
                    tx.schedule_with(&replies, part())?;
                }
            }
            Outcome::Known => {}
            Outcome::Deleted => return Err(RemoteError::Gone),
            Outcome::Refused => return Err(RemoteError::Refused),
        }
        let parent = inserted.waits_for.as_deref().and_then(activitypub::vocabulary::parse_url);
        if wanted.parents && parent.is_some() {
            let parents = FetchParents { post: inserted.post, since: Some(now) };
            tx.schedule_with(&parents, part())?;
        }
        tx.commit().await?;
        Ok(ReadBack { post: inserted.post, uri: post.id, parent })
    }

    /// Reads a stored post again, because somebody said that it changed. Gone at its own id means
    /// deleted.
    pub(crate) async fn reread_post(&self, id: &Url, cause: Cause) -> Result<(), RemoteError> {
        self.check_address(id).await?;
        let _alone = self.0.remote.failures.fly_alone(id.as_str()).await;
        let result = self.0.remote.fetcher.fetch_object(id).await.map_err(RemoteError::from);
        self.note(id, result.as_ref().err());
        let mut names = Names::default();
        names.add(id);
        let fetched = match result {
            Ok(fetched) => {
                names.add_document(&fetched.value);
                Some(fetched)
            }
            Err(RemoteError::Gone) => None,
            Err(error) => return Err(error),
        };
        let blocked = self.0.remote.blocked.load(self.0.spine.pool()).await?;
        let mut tx = self.0.spine.begin(cause.clone()).await?;
        inbound_activities::take_turns(tx.conn(), &[id.as_str().to_owned()]).await?;
        let known = Known::load(tx.conn(), names).await?;
        let Some(stored) = known.post(id).filter(|post| !post.local) else { return Ok(()) };
        let Some(fetched) = fetched else {
            posts::delete(self, &mut tx, &[DeletedPost { post: stored.id, cause }]).await?;
            tx.commit().await?;
            return Ok(());
        };
        let post = Post::parse(&fetched.value)?;
        let author = known.active_account(&post.attributed_to);
        let Some(author) = author.filter(|author| author.id == stored.author_id) else {
            return Err(RemoteError::Untrue("it has another author now"));
        };
        if post.id != *id {
            return Err(RemoteError::Untrue("it is another post"));
        }
        let now = self.0.spine.clock().now();
        let reading = Reading {
            known: &known,
            blocked: &blocked,
            snowflakes: self.0.spine.snowflakes(),
            now,
            distribution: Distribution::Nobody,
            delivered_to: None,
            cause,
        };
        let change = edited(stored, reading.read(&post, author).stored, &post, now);
        store_edit(self, &mut tx, &change).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Asks the host of a stored post whether it is gone, because somebody who may not say so said
    /// so; deletes it where that is true.
    pub(crate) async fn drop_if_gone(&self, id: &Url, cause: Cause) -> Result<(), RemoteError> {
        self.check_address(id).await?;
        let _alone = self.0.remote.failures.fly_alone(id.as_str()).await;
        let result = self.0.remote.fetcher.fetch_object(id).await.map_err(RemoteError::from);
        self.note(id, result.as_ref().err());
        let says_gone = match result {
            Ok(_) => return Ok(()),
            Err(RemoteError::Gone) => true,
            Err(RemoteError::Fetch(FetchError::NotFound)) => false,
            Err(error) => return Err(error),
        };
        let mut tx = self.0.spine.begin(cause.clone()).await?;
        inbound_activities::take_turns(tx.conn(), &[id.as_str().to_owned()]).await?;
        let mut names = Names::default();
        names.add(id);
        let known = Known::load(tx.conn(), names).await?;
        let Some(stored) = known.post(id).filter(|post| !post.local) else { return Ok(()) };
        // What is not for everyone is not found by us either, while it is there.
        if says_gone || stored.is_for_everyone() {
            posts::delete(self, &mut tx, &[DeletedPost { post: stored.id, cause }]).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
