//! Reading the first answers to a post that has just arrived.

use activitypub::fetch::CollectionBudget;
use activitypub::origin::same_origin;
use activitypub::vocabulary::{Collection, CollectionPage, Post, Reference, parse_url};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobRun, Lane};
use url::Url;

use super::listed;
use crate::remote::posts::Wanted;
use crate::store::inbound_posts;
use crate::{PostId, Social, Visibility};

/// Most answers that are read because their post arrived. Mastodon's limit.
const FIRST: usize = 5;
/// The collection, and one page of it where it names one.
const BUDGET: CollectionBudget = CollectionBudget { max_items: FIRST, max_pages: 1 };

/// What a new post says of its answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirstReplies {
    /// These came along.
    Listed(Vec<Url>),
    /// They are listed there.
    At(Url),
}

impl FirstReplies {
    /// What is worth reading; on the post's own host alone, so that nobody sends us to another.
    /// A post that brings a page without answers, as most do, has none that its server knows yet.
    pub(crate) fn of(post: &Post) -> Option<Self> {
        let is_of_its_host = |url: &Url| same_origin(url, &post.id) && *url != post.id;
        let at = |url: Option<Url>| url.filter(is_of_its_host).map(Self::At);
        let collection = match post.replies.as_ref()? {
            Reference::Id(id) => return at(Some(id.clone())),
            Reference::Embedded(value) => Collection::parse(value).ok()?,
        };
        let mut items = collection.items;
        match collection.first {
            Some(Reference::Embedded(page)) => {
                items.extend(CollectionPage::parse(&page).ok()?.items);
            }
            Some(Reference::Id(page)) if items.is_empty() => return at(Some(page)),
            None if items.is_empty() && collection.total_items != Some(0) => {
                return at(collection.id);
            }
            Some(Reference::Id(_)) | None => {}
        }
        let listed: Vec<Url> =
            items.iter().filter_map(Reference::id).filter(is_of_its_host).take(FIRST).collect();
        (!listed.is_empty()).then_some(Self::Listed(listed))
    }
}

/// Reads the first answers to a post that arrived. The rest waits until somebody looks at it.
#[derive(Debug, Serialize, Deserialize)]
pub struct FetchFirstReplies {
    /// The post.
    pub post: PostId,
    /// What it said of its answers.
    pub replies: FirstReplies,
}

#[async_trait]
impl Job for FetchFirstReplies {
    type Context = Social;
    const KIND: &'static str = "social.fetch_first_replies";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = 2;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(super::few_at_a_time())
    }

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let pool = social.spine().pool();
        let Some(row) = inbound_posts::in_thread(pool, self.post).await? else { return Ok(()) };
        let Some(post) = parse_url(&row.uri) else { return Ok(()) };
        if row.visibility > Visibility::Unlisted as i16 {
            return Ok(());
        }
        let answers = match &self.replies {
            FirstReplies::Listed(answers) => answers.clone(),
            FirstReplies::At(collection) => listed(social, collection, BUDGET).await,
        };
        for id in answers.iter().filter(|id| same_origin(id, &post)).take(FIRST) {
            if let Err(error) = social.remote_post(id, Wanted::CONTEXT, run.cause().clone()).await {
                tracing::debug!(%error, post = %id, "an answer was not kept");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(replies: Value) -> Option<FirstReplies> {
        let note = json!({
            "id": "https://a.example/1", "type": "Note", "attributedTo": "https://a.example/x",
            "replies": replies,
        });
        FirstReplies::of(&Post::parse(&note).unwrap())
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn answers_that_came_along_are_not_asked_for() {
        let many: Vec<String> = (0..9).map(|n| format!("https://a.example/r/{n}")).collect();
        let page = json!({"type": "CollectionPage", "items": many});
        let listed = read(json!({"type": "Collection", "first": page}));
        let five = many.iter().take(5).map(|text| url(text)).collect();
        assert_eq!(listed, Some(FirstReplies::Listed(five)));
    }

    #[test]
    fn a_post_without_answers_asks_for_nothing() {
        let empty = json!({"type": "CollectionPage", "items": [],
                           "next": "https://a.example/1/replies?page=true"});
        for none in [
            json!(null),
            json!({"type": "Collection", "first": empty}),
            json!({"id": "https://a.example/1/replies", "type": "Collection", "totalItems": 0}),
            json!({"type": "Collection", "items": ["https://b.example/r"]}),
            json!("https://b.example/replies"),
            json!("https://a.example/1"),
        ] {
            assert_eq!(read(none.clone()), None, "{none}");
        }
    }

    #[test]
    fn a_collection_that_is_only_named_is_read() {
        let replies = "https://a.example/1/replies";
        let at = Some(FirstReplies::At(url(replies)));
        assert_eq!(read(json!(replies)), at);
        assert_eq!(read(json!({"id": replies, "type": "Collection"})), at);
        assert_eq!(read(json!({"type": "Collection", "first": replies})), at);
    }
}
