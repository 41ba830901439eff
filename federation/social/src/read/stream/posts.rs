//! Posts in streams.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Delivery, Listeners, Rendered, Stream, deliver, json};
use crate::events::{PostEdited, PostStored};
use crate::read::assemble::{Shown, Wanted};
use crate::read::entities::Conversation;
use crate::read::views::PostView;
use crate::store::read_streams::{self, ListOwner};
use crate::{AccountId, ListId, PostId, Social, SocialError, Visibility};

/// What decides which streams show a post.
struct Facts {
    local: bool,
    is_boost: bool,
    view: Arc<PostView>,
    /// Who has it in the home timeline.
    home: HashSet<AccountId>,
    /// The listened lists that show it.
    lists: HashSet<(ListId, AccountId)>,
    /// Who takes part in it, where it is direct.
    direct: HashSet<AccountId>,
}

impl Facts {
    /// Whether it is in public timelines: as the timelines say.
    fn is_in_public(&self) -> bool {
        self.is_tagged_public() && !self.view.replies_to_others
    }

    /// Whether it is in timelines of hashtags, which show replies too.
    fn is_tagged_public(&self) -> bool {
        self.view.body.visibility == Visibility::Public && !self.is_boost
    }

    fn belongs_to(&self, viewer: AccountId, stream: &Stream) -> bool {
        let body = &self.view.body;
        match stream {
            Stream::User => self.home.contains(&viewer),
            Stream::UserNotification => false,
            Stream::Public { origin, only_media } => {
                self.is_in_public()
                    && origin.admits(self.local)
                    && (!only_media || !body.media_attachments.is_empty())
            }
            Stream::Hashtag { name, local } => {
                self.is_tagged_public()
                    && (self.local || !local)
                    && body.tags.iter().any(|tag| tag.name == *name)
            }
            Stream::List(list) => self.lists.contains(&(*list, viewer)),
            Stream::Direct => self.direct.contains(&viewer),
        }
    }
}

impl Social {
    pub(super) async fn tell_stored(
        &self,
        stored: &PostStored,
        listeners: &Listeners<'_>,
    ) -> Result<Vec<Delivery>, SocialError> {
        let home = stored.home.iter().copied().collect();
        let is_boost = stored.boost_of.is_some();
        self.tell_post(stored.post, stored.local, is_boost, Some(home), listeners, "update").await
    }

    pub(super) async fn tell_edited(
        &self,
        edited: &PostEdited,
        listeners: &Listeners<'_>,
    ) -> Result<Vec<Delivery>, SocialError> {
        self.tell_post(edited.post, edited.local, false, None, listeners, "status.update").await
    }

    async fn tell_post(
        &self,
        post: PostId,
        local: bool,
        is_boost: bool,
        home: Option<HashSet<AccountId>>,
        listeners: &Listeners<'_>,
        event: &'static str,
    ) -> Result<Vec<Delivery>, SocialError> {
        let Some(view) = self.post_views([post].into()).await?.remove(&post) else {
            return Ok(Vec::new());
        };
        let facts = self.facts(post, local, is_boost, view, home, listeners).await?;
        let theirs: Vec<_> = listeners
            .iter()
            .filter(|(_, subscription)| facts.belongs_to(subscription.viewer, &subscription.stream))
            .collect();
        let viewers: HashSet<AccountId> =
            theirs.iter().map(|(_, subscription)| subscription.viewer).collect();
        let wanted: Vec<Wanted> =
            viewers.into_iter().map(|viewer| Wanted { viewer: Some(viewer), post }).collect();
        let shown = self.assemble_each(&wanted).await?;
        let mut updates = Rendered::new();
        let mut conversations = Rendered::new();
        let mut deliveries = Vec::with_capacity(theirs.len());
        for (place, subscription) in theirs {
            let viewer = subscription.viewer;
            let wanted = Wanted { viewer: Some(viewer), post };
            let Some(shown) = shown.get(&wanted).filter(|shown| !shown.unwanted) else { continue };
            let (event, rendered) = match subscription.stream {
                Stream::Direct => ("conversation", &mut conversations),
                _ => (event, &mut updates),
            };
            let payload = match rendered.entry(viewer) {
                Entry::Occupied(done) => done.into_mut(),
                Entry::Vacant(place) => place.insert(match subscription.stream {
                    Stream::Direct => json(&self.conversation_of(viewer, shown).await?)?,
                    _ => json(&shown.status)?,
                }),
            };
            deliveries.push(deliver(*place, &subscription.stream, event, payload.clone()));
        }
        Ok(deliveries)
    }

    async fn facts(
        &self,
        post: PostId,
        local: bool,
        is_boost: bool,
        view: Arc<PostView>,
        home: Option<HashSet<AccountId>>,
        listeners: &Listeners<'_>,
    ) -> Result<Facts, SocialError> {
        let pool = self.spine().pool();
        let viewers_of = |wanted: &Stream| -> Vec<i64> {
            listeners
                .iter()
                .filter(|(_, subscription)| subscription.stream == *wanted)
                .map(|(_, subscription)| subscription.viewer.number())
                .collect()
        };
        let accounts = |numbers: Vec<i64>| -> HashSet<AccountId> {
            numbers.into_iter().map(AccountId::from_number).collect()
        };
        let home = match home {
            Some(home) => home,
            None => {
                let users = viewers_of(&Stream::User);
                accounts(read_streams::have_at_home(pool, post.number(), &users).await?)
            }
        };
        let listened: Vec<i64> = listeners
            .iter()
            .filter_map(|(_, subscription)| match subscription.stream {
                Stream::List(list) => Some(list.number()),
                _ => None,
            })
            .collect();
        let lists = if listened.is_empty() {
            HashSet::new()
        } else {
            read_streams::lists_that_show(pool, post.number(), &listened)
                .await?
                .into_iter()
                .map(|ListOwner { list, owner }| {
                    (ListId::from_number(list), AccountId::from_number(owner))
                })
                .collect()
        };
        let users = viewers_of(&Stream::Direct);
        let direct = if users.is_empty() || view.body.visibility != Visibility::Direct {
            HashSet::new()
        } else {
            accounts(read_streams::takes_part(pool, post.number(), &users).await?)
        };
        Ok(Facts { local, is_boost, view, home, lists, direct })
    }

    async fn conversation_of(
        &self,
        viewer: AccountId,
        shown: &Shown,
    ) -> Result<Conversation, SocialError> {
        let last_status = shown.status.clone();
        let post = last_status.id();
        let statuses = [last_status];
        let mut participants: HashMap<_, _> = self.participants(viewer, &statuses).await?;
        let [last_status] = statuses;
        Ok(Conversation {
            id: self.thread_of(post).await?,
            unread: true,
            accounts: participants.remove(&post).unwrap_or_default(),
            last_status,
        })
    }
}
