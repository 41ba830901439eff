//! Following, blocking, muting, and notes about people. All answer the relationship as it then is.

use axum::Router;
use axum::routing::post;
use serde::Deserialize;
use social::AccountId;
use social::commands::{FollowOptions, MuteOptions};
use spine::Problem;

use super::super::call::Call;
use super::super::path::PathId;
use super::super::reply::{Reply, json};
use crate::policy::Action;
use crate::services::Services;

const FOLLOW: Action = Action::person("account.follow", "write:follows");
const BLOCK: Action = Action::person("account.block", "write:blocks");
const MUTE: Action = Action::person("account.mute", "write:mutes");
const NOTE: Action = Action::person("account.note", "write:accounts");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/accounts/{id}/follow", post(follow))
        .route("/api/v1/accounts/{id}/unfollow", post(unfollow))
        .route("/api/v1/accounts/{id}/remove_from_followers", post(remove_follower))
        .route("/api/v1/accounts/{id}/block", post(block))
        .route("/api/v1/accounts/{id}/unblock", post(unblock))
        .route("/api/v1/accounts/{id}/mute", post(mute))
        .route("/api/v1/accounts/{id}/unmute", post(unmute))
        .route("/api/v1/accounts/{id}/note", post(note))
        .route("/api/v1/accounts/{id}/pin", post(refuse_to_endorse))
        .route("/api/v1/accounts/{id}/unpin", post(unendorse))
        .route("/api/v1/accounts/{id}/endorse", post(refuse_to_endorse))
        .route("/api/v1/accounts/{id}/unendorse", post(unendorse))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Follow {
    reblogs: Option<bool>,
    notify: Option<bool>,
    languages: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mute {
    notifications: Option<bool>,
    duration: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Note {
    comment: String,
}

/// What `me` has to do with one account.
pub(super) async fn relationship(call: &Call, me: AccountId, id: AccountId) -> Reply {
    let relationships = call.social().relationships(me, &[id]).await?;
    json(relationships.first().ok_or_else(Problem::not_found)?)
}

async fn follow(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&FOLLOW, id)?;
    let Follow { reblogs, notify, languages } = call.typed()?;
    call.social().follow(me, id, FollowOptions { reblogs, notify, languages }).await?;
    relationship(&call, me, id).await
}

async fn unfollow(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&FOLLOW, id)?;
    call.social().unfollow(me, id).await?;
    relationship(&call, me, id).await
}

async fn remove_follower(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&FOLLOW, id)?;
    call.social().remove_follower(me, id).await?;
    relationship(&call, me, id).await
}

async fn block(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&BLOCK, id)?;
    call.social().block(me, id).await?;
    relationship(&call, me, id).await
}

async fn unblock(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&BLOCK, id)?;
    call.social().unblock(me, id).await?;
    relationship(&call, me, id).await
}

async fn mute(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&MUTE, id)?;
    let Mute { notifications, duration } = call.typed()?;
    let options = MuteOptions {
        notifications: notifications.unwrap_or(true),
        duration: duration
            .filter(|seconds| *seconds > 0)
            .map(|seconds| std::time::Duration::from_secs(seconds.into())),
    };
    call.social().mute(me, id, options).await?;
    relationship(&call, me, id).await
}

async fn unmute(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&MUTE, id)?;
    call.social().unmute(me, id).await?;
    relationship(&call, me, id).await
}

async fn note(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&NOTE, id)?;
    let Note { comment } = call.typed()?;
    call.social().set_note(me, id, &comment).await?;
    relationship(&call, me, id).await
}

async fn refuse_to_endorse(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    call.person(&NOTE, id)?;
    Err(Problem::unprocessable("no-endorsements", "This node does not keep featured profiles yet"))
}

async fn unendorse(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&NOTE, id)?;
    relationship(&call, me, id).await
}
