//! Search.

use axum::Router;
use axum::routing::get;
use serde::Deserialize;
use social::read::{SearchKind, SearchQuery};
use spine::Problem;

use super::super::call::Call;
use super::super::permissive::absent_if_empty;
use super::super::reply::{Reply, json};
use crate::policy::{Action, Refusal};
use crate::services::Services;

const SEARCH: Action = Action::anyone("search.all", "read:search");
const ACCOUNTS: Action = Action::anyone("search.accounts", "read:accounts");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v2/search", get(search))
        .route("/api/v1/accounts/search", get(accounts))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    q: String,
    #[serde(rename = "type")]
    kind: String,
    resolve: bool,
    following: bool,
    #[serde(deserialize_with = "absent_if_empty")]
    limit: Option<u32>,
    #[serde(deserialize_with = "absent_if_empty")]
    offset: Option<u32>,
}

impl Parameters {
    fn query(self) -> Result<SearchQuery, Problem> {
        let kind = match self.kind.as_str() {
            "" => None,
            "accounts" => Some(SearchKind::Accounts),
            "hashtags" => Some(SearchKind::Hashtags),
            "statuses" => Some(SearchKind::Statuses),
            _ => {
                return Err(Problem::unprocessable(
                    "invalid-parameter",
                    "Validation failed: type must be one of accounts, hashtags, statuses",
                ));
            }
        };
        Ok(SearchQuery {
            q: self.q,
            kind,
            resolve: self.resolve,
            following: self.following,
            limit: self.limit,
            offset: self.offset.unwrap_or_default(),
        })
    }
}

async fn search(call: Call) -> Reply {
    let viewer = call.may(&SEARCH, "all")?;
    let query = call.typed::<Parameters>()?.query()?;
    // Asking other servers, and reading on, is for people (Mastodon does the same).
    if viewer.is_none() && (query.resolve || query.offset > 0) {
        return Err(Refusal::NoToken.into());
    }
    json(&call.social().search(viewer, &query).await?)
}

async fn accounts(call: Call) -> Reply {
    let viewer = call.may(&ACCOUNTS, "accounts")?;
    let mut query = call.typed::<Parameters>()?.query()?;
    query.kind = Some(SearchKind::Accounts);
    query.resolve &= viewer.is_some();
    json(&call.social().search_accounts(viewer, &query).await?)
}
