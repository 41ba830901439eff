//! Create, Announce and Update: posts and boosts go out.

use std::collections::HashMap;

use activitypub::builders::{self, Addressing};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::{BatchJob, Claimed, Job, JobError, JobRun, Lane, Tx};

use super::{Audience, Outgoing, address, send};
use crate::store::documents_posts::{self, NoteRow};
use crate::store::write_federate as store;
use crate::{AccountId, PostId, Social, SocialError, Visibility};

/// Publishes a local post (as a Create) or boost (as an Announce) to whom it is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FederatePost {
    /// The post or boost.
    pub post: PostId,
}

#[async_trait]
impl BatchJob for FederatePost {
    type Context = Social;
    const KIND: &'static str = "social.federate_post";
    const LANE: Lane = Lane::Interactive;
    const BATCH: usize = 50;

    async fn run(
        social: &Social,
        items: &[Claimed<Self>],
        tx: &mut Tx,
    ) -> Result<Vec<Result<(), JobError>>, JobError> {
        let posts: Vec<i64> = items.iter().map(|item| item.job.post.number()).collect();
        let rows = hold(tx, &posts).await?;
        let mut recipients = recipients(tx, &posts).await?;
        let mut outgoing = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| is_ours(row)) {
            let Some(body) = social.render_publication(row) else { continue };
            outgoing.push(to_send(row, body, recipients.remove(&row.id).unwrap_or_default()));
        }
        send(social, tx, &outgoing).await?;
        Ok(items.iter().map(|_| Ok(())).collect())
    }
}

/// Tells everyone who may have a local post of its new version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FederateEdit {
    /// The post.
    pub post: PostId,
    /// Which version: several edits in a row are several updates.
    pub edited_at: DateTime<Utc>,
}

#[async_trait]
impl Job for FederateEdit {
    type Context = Social;
    const KIND: &'static str = "social.federate_edit";
    const LANE: Lane = Lane::Interactive;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let mut tx = run.begin().await?;
        update(social, &mut tx, self.post, self.edited_at).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Sends the Update of a post: to its recipients, and to those who boosted, favourited or answered
/// it.
pub(super) async fn update(
    social: &Social,
    tx: &mut Tx,
    post: PostId,
    version: DateTime<Utc>,
) -> Result<(), SocialError> {
    let posts = [post.number()];
    let rows = hold(tx, &posts).await?;
    let Some(row) = rows.into_iter().find(is_ours) else { return Ok(()) };
    let Some(object) = social.render_post(&row) else { return Ok(()) };
    let mut accounts = recipients(tx, &posts).await?.remove(&post).unwrap_or_default();
    if row.visibility <= Visibility::Unlisted as i16 {
        let involved =
            super::store::involved(tx.conn(), &posts, super::activities::MOST_INVOLVED).await?;
        accounts.extend(involved.into_iter().map(AccountId::from_number));
    }
    let id = address(&format!("{}#updates/{}", row.uri, version.timestamp_millis()))?;
    let body = builders::update(&id, &address(&row.author_uri)?, &object, &addressing(&object));
    send(social, tx, &[to_send(&row, body, accounts)]).await
}

/// Posts that are to go out. Whoever deletes one of them meanwhile waits until what is said about it
/// here is written, and can be withdrawn.
async fn hold(tx: &mut Tx, posts: &[i64]) -> Result<Vec<NoteRow>, SocialError> {
    store::hold(tx.conn(), posts).await?;
    Ok(documents_posts::notes(tx.conn(), posts).await?)
}

/// Whether the row may go out: ours, and its author still here.
fn is_ours(row: &NoteRow) -> bool {
    row.local && !row.author_is_gone
}

fn to_send(row: &NoteRow, body: Value, accounts: Vec<AccountId>) -> Outgoing {
    let is_direct = row.visibility == Visibility::Direct as i16;
    Outgoing {
        sender: row.author_id,
        about: row.uri.clone(),
        body,
        audience: Audience { followers_of: (!is_direct).then_some(row.author_id), accounts },
        urgent: is_direct,
        takes_back: false,
    }
}

/// Accounts elsewhere that a post is for beside the followers: those it names or addresses, whom
/// it boosts, and (of what everyone may see) whom it answers.
async fn recipients(
    tx: &mut Tx,
    posts: &[i64],
) -> Result<HashMap<PostId, Vec<AccountId>>, SocialError> {
    let mut all: HashMap<PostId, Vec<AccountId>> = HashMap::new();
    for (post, account) in store::recipients(tx.conn(), posts).await? {
        all.entry(PostId::from_number(post)).or_default().push(AccountId::from_number(account));
    }
    Ok(all)
}

/// The recipients that an object names.
pub(super) fn addressing(object: &Value) -> Addressing {
    let list = |name: &str| -> Vec<String> {
        let items = object.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    Addressing { to: list("to"), cc: list("cc") }
}
