//! Reads posts and writes them into the graph.

use async_trait::async_trait;
use contracts::access::{Caller, Purpose};
use contracts::model::Operation;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane, Snowflake};

use super::drafts::{self, Post};
use super::handler::post_key;
use crate::Data;
use crate::erase::{self, Scope};
use crate::write::{Intent, apply};

/// Reads a post through the Sovereign API and writes it and its author.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LandPost {
    pub(crate) post: Snowflake,
    pub(crate) uri: String,
    /// In whose name, where not everybody may read it.
    #[serde(default)]
    pub(crate) reader: Option<Snowflake>,
}

#[async_trait]
impl Job for LandPost {
    type Context = Data;
    const KIND: &'static str = "data.land_post";
    const LANE: Lane = Lane::Background;

    async fn run(&self, data: &Data, run: &mut JobRun) -> Result<(), JobError> {
        let caller = Caller { behalf: self.reader, ..Caller::service("data", Purpose::SYNC) };
        let path = format!("/social/posts/{}", self.post);
        let post: Option<Post> = data.0.api.find(&caller, &path).await.map_err(JobError::retry)?;
        let event = run.cause().event.map(|event| event.0);
        let drafts = match post {
            Some(post) => drafts::of_post(&post, event),
            None => vec![drafts::gone(&self.uri, event)],
        };
        let mut intents = Vec::new();
        for draft in drafts {
            match draft.check() {
                Ok(()) => intents.push(Intent::say(draft)),
                Err(error) if draft.operation == Operation::Delete => {
                    return Err(JobError::give_up(error));
                }
                Err(error) => tracing::warn!(post = %self.post, kind = draft.key.kind, %error,
                    "a post is not what the graph takes and is left out"),
            }
        }
        let mut tx = run.begin().await?;
        apply(&mut tx, intents).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Erases a post that its author deleted: its history too.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DropPost {
    pub(crate) uri: String,
}

#[async_trait]
impl Job for DropPost {
    type Context = Data;
    const KIND: &'static str = "data.drop_post";
    const LANE: Lane = Lane::Background;

    async fn run(&self, _: &Data, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        // Also where it has not landed yet: a job that read it before must not bring it back.
        erase::forget(&mut tx, &Scope::Keys(vec![post_key(&self.uri)])).await?;
        tx.commit().await?;
        Ok(())
    }
}
