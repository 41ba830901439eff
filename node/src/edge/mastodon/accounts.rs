//! Accounts: who they are, what they post, who follows them.

use axum::Router;
use axum::routing::get;
use serde::Deserialize;
use social::AccountId;
use social::read::AccountFilter;

use super::super::call::Call;
use super::super::path::PathId;
use super::super::reply::{Reply, empty_list, json};
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::anyone("account.read", "read:accounts");
const READ_STATUSES: Action = Action::anyone("account.statuses", "read:statuses");
const READ_FOLLOWS: Action = Action::person("relationship.read", "read:follows");
const READ_LISTS: Action = Action::person("account.lists", "read:lists");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/accounts/lookup", get(lookup))
        .route("/api/v1/accounts/relationships", get(relationships))
        .route("/api/v1/accounts/familiar_followers", get(familiar_followers))
        .route("/api/v1/accounts/{id}", get(show))
        .route("/api/v1/accounts/{id}/statuses", get(statuses))
        .route("/api/v1/accounts/{id}/followers", get(followers))
        .route("/api/v1/accounts/{id}/following", get(following))
        .route("/api/v1/accounts/{id}/lists", get(lists))
        .route("/api/v1/accounts/{id}/featured_tags", get(nothing))
        .route("/api/v1/accounts/{id}/identity_proofs", get(nothing))
        .route("/api/v1/accounts/{id}/endorsements", get(nothing))
}

/// Ids as a client lists them; what is no id names nobody.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ids {
    id: Vec<String>,
}

impl Ids {
    /// Most ids in one call.
    const MOST: usize = 100;

    /// Those that are ids, at most a hundred.
    pub(super) fn known<T: std::str::FromStr>(&self) -> Vec<T> {
        self.id.iter().filter_map(|id| id.parse().ok()).take(Self::MOST).collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lookup {
    acct: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatusesParameters {
    only_media: bool,
    exclude_replies: bool,
    exclude_reblogs: bool,
    pinned: bool,
    tagged: Option<String>,
}

/// `GET /api/v1/accounts?id[]=`, beside the POST that makes an account.
pub(super) async fn several(call: Call) -> Reply {
    let viewer = call.may(&READ, "several")?;
    let ids: Vec<AccountId> = call.typed::<Ids>()?.known();
    json(&call.social().accounts(viewer, &ids).await?)
}

async fn show(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let viewer = call.may(&READ, id)?;
    json(&call.social().account(viewer, id).await?)
}

async fn lookup(call: Call) -> Reply {
    let Lookup { acct } = call.typed()?;
    let viewer = call.may(&READ, &acct)?;
    json(&call.social().account_by_acct(viewer, &acct).await?)
}

async fn statuses(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let viewer = call.may(&READ_STATUSES, id)?;
    let StatusesParameters { only_media, exclude_replies, exclude_reblogs, pinned, tagged } =
        call.typed()?;
    let tagged = tagged.filter(|tag| !tag.is_empty());
    let filter = AccountFilter { only_media, exclude_replies, exclude_reblogs, pinned, tagged };
    call.paged(&call.social().account_statuses(viewer, id, &filter, &call.page()?).await?)
}

async fn followers(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let viewer = call.may(&READ, id)?;
    call.paged(&call.social().followers(viewer, id, &call.page()?).await?)
}

async fn following(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let viewer = call.may(&READ, id)?;
    call.paged(&call.social().following(viewer, id, &call.page()?).await?)
}

async fn relationships(call: Call) -> Reply {
    let me = call.person(&READ_FOLLOWS, "relationships")?;
    let ids: Vec<AccountId> = call.typed::<Ids>()?.known();
    json(&call.social().relationships(me, &ids).await?)
}

async fn familiar_followers(call: Call) -> Reply {
    let me = call.person(&READ_FOLLOWS, "familiar_followers")?;
    let ids: Vec<AccountId> = call.typed::<Ids>()?.known();
    json(&call.social().familiar_followers(me, &ids).await?)
}

async fn lists(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    let me = call.person(&READ_LISTS, id)?;
    json(&call.social().lists_with(me, id).await?)
}

async fn nothing(PathId(id): PathId<AccountId>, call: Call) -> Reply {
    call.may(&READ, id)?;
    Ok(empty_list())
}
