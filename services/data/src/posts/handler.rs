//! What the social service says becomes jobs here.

use async_trait::async_trait;
use contracts::model::SourceKey;
use serde::Deserialize;
use spine::{Event, Filter, Handler, HandlerError, JobOptions, Snowflake, Tx};

use super::{DropPost, LandPost};
use crate::erase::{Forget, Scope};

const STORED: &str = "social.PostStored.v1";
const EDITED: &str = "social.PostEdited.v1";
const DELETED: &str = "social.PostDeleted.v1";
const ACCOUNT_CHANGED: &str = "social.AccountChanged.v1";

/// A post under its id, as the social service's key.
pub(super) fn post_key(uri: &str) -> SourceKey {
    key("post", uri)
}

fn key(kind: &str, uri: &str) -> SourceKey {
    SourceKey { source: "social".to_owned(), kind: kind.to_owned(), external_id: uri.to_owned() }
}

/// An account under its id, as the social service's key.
pub(super) fn account_key(uri: &str) -> SourceKey {
    key("account", uri)
}

/// What is needed of `social.AccountChanged.v1`.
#[derive(Deserialize)]
struct AccountChanged {
    change: String,
}

/// What is needed of `social.PostStored.v1` and `social.PostEdited.v1`.
#[derive(Deserialize)]
struct PostChanged {
    post: Snowflake,
    #[serde(default)]
    author: Option<Snowflake>,
    #[serde(default)]
    local: bool,
    #[serde(default)]
    visibility: Option<String>,
    /// A boost has no content of its own.
    #[serde(default)]
    boost_of: Option<Snowflake>,
}

impl PostChanged {
    /// The person in whose name it is read: what not everybody may read, its own author may, and it lands in
    /// the author's own space. What others wrote for some people only stays where it was sent.
    fn reader(&self) -> Option<Snowflake> {
        let for_some = matches!(self.visibility.as_deref(), Some("private" | "direct"));
        self.author.filter(|_| self.local && for_some)
    }
}

/// The payload, which must be of this shape; what cannot be read is put away alone, when it comes alone.
fn read<T: for<'de> Deserialize<'de>>(
    event: &Event,
    alone: bool,
) -> Result<Option<T>, HandlerError> {
    let Some(data) = &event.data else { return Ok(None) };
    serde_json::from_str(data.get()).map(Some).map_err(|error| match alone {
        true => HandlerError::Reject(Box::new(error)),
        false => HandlerError::Retry(Box::new(error)),
    })
}

/// Has posts read when they are stored or changed, and erased when they are deleted; authors too.
pub(crate) struct PostsHandler;

#[async_trait]
impl Handler for PostsHandler {
    fn name(&self) -> &'static str {
        "data.posts"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[STORED, EDITED, DELETED, ACCOUNT_CHANGED])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        for event in events {
            tx.set_cause(event.as_cause());
            // Their subject is the post's id, or the account's.
            let uri = event.subject.to_string();
            let about = JobOptions::default().about(uri.clone());
            if &*event.kind == DELETED {
                tx.schedule_with(&DropPost { uri }, about)?;
                continue;
            }
            let alone = events.len() == 1;
            if &*event.kind == ACCOUNT_CHANGED {
                let changed: Option<AccountChanged> = read(event, alone)?;
                if changed.is_some_and(|changed| changed.change == "deleted") {
                    tx.schedule(&Forget::new(Scope::Keys(vec![account_key(&uri)])))?;
                }
                continue;
            }
            // Without a payload it was erased: a deletion follows.
            let Some(changed): Option<PostChanged> = read(event, alone)? else { continue };
            if changed.boost_of.is_none() {
                let reader = changed.reader();
                tx.schedule_with(&LandPost { post: changed.post, uri, reader }, about)?;
            }
        }
        Ok(())
    }
}
