//! What the social service says becomes jobs here.

use async_trait::async_trait;
use contracts::model::SourceKey;
use serde::Deserialize;
use spine::event::SubjectErased;
use spine::{Event, EventData as _, Filter, Handler, HandlerError, JobOptions, Snowflake, Tx};

use super::{DropPost, LandPost};
use crate::{DataError, erase};

const STORED: &str = "social.PostStored.v1";
const EDITED: &str = "social.PostEdited.v1";
const DELETED: &str = "social.PostDeleted.v1";

/// A post under its id, as the social service's key.
pub(super) fn post_key(uri: &str) -> SourceKey {
    key("post", uri)
}

pub(super) fn key(kind: &str, uri: &str) -> SourceKey {
    SourceKey { source: "social".to_owned(), kind: kind.to_owned(), external_id: uri.to_owned() }
}

/// What is needed of `social.PostStored.v1` and `social.PostEdited.v1`.
#[derive(Deserialize)]
struct PostChanged {
    post: Snowflake,
    /// A boost has no content of its own.
    #[serde(default)]
    boost_of: Option<Snowflake>,
}

/// Has posts read when they are stored or changed, and erased when they are deleted.
pub(crate) struct PostsHandler;

#[async_trait]
impl Handler for PostsHandler {
    fn name(&self) -> &'static str {
        "data.posts"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[STORED, EDITED, DELETED])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        for event in events {
            tx.set_cause(event.as_cause());
            // Their subject is the post's id.
            let uri = event.subject.to_string();
            let about = JobOptions::default().about(uri.clone());
            if &*event.kind == DELETED {
                tx.schedule_with(&DropPost { uri }, about)?;
                continue;
            }
            // Without a payload it was erased: a deletion follows.
            let Some(data) = &event.data else { continue };
            let changed: PostChanged = serde_json::from_str(data.get())
                .map_err(|error| HandlerError::Reject(Box::new(error)))?;
            if changed.boost_of.is_none() {
                tx.schedule_with(&LandPost { post: changed.post, uri }, about)?;
            }
        }
        Ok(())
    }
}

/// Drops the content of entities whose keys were destroyed, whoever did so.
pub(crate) struct ErasedHandler;

#[async_trait]
impl Handler for ErasedHandler {
    fn name(&self) -> &'static str {
        "data.erased"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[SubjectErased::TYPE])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        for event in events {
            let Some(entity) = erase::entity_of(&event.subject) else { continue };
            tx.set_cause(event.as_cause());
            erase::drop_content(tx, entity).await.map_err(retry)?;
        }
        Ok(())
    }
}

fn retry(error: DataError) -> HandlerError {
    HandlerError::Retry(Box::new(error))
}
