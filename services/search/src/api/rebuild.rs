//! `GET /search/status` and `POST /search/rebuild`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::{Access, Resource, actions};
use contracts::api::problems::OfLists;
use http::StatusCode;
use serde::Serialize;
use spine::Problem;
use utoipa::ToSchema;

use crate::{Search, Status};

/// How the index is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SearchStatus {
    /// What answers: `postgres` or `meilisearch`.
    #[schema(pattern = "^(postgres|meilisearch)$")]
    adapter: String,
    /// Which generation of the index answers.
    generation: i32,
    /// How many documents it has.
    documents: u64,
    /// How many changes it has not taken in yet.
    waiting: u64,
    /// A rebuild that is under way.
    rebuild: Option<SearchRebuild>,
}

/// How far a rebuild is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SearchRebuild {
    /// The generation that is built.
    generation: i32,
    /// For which adapter.
    adapter: String,
    /// How many events were read.
    events: u64,
    /// How many documents there are.
    documents: u64,
    /// When it was begun.
    started_at: DateTime<Utc>,
}

impl From<Status> for SearchStatus {
    fn from(status: Status) -> Self {
        Self {
            adapter: status.adapter,
            generation: status.generation,
            documents: status.documents,
            waiting: status.waiting,
            rebuild: status.rebuild.map(|rebuild| SearchRebuild {
                generation: rebuild.generation,
                adapter: rebuild.adapter,
                events: rebuild.events,
                documents: rebuild.documents,
                started_at: rebuild.started_at,
            }),
        }
    }
}

/// Tells how the index is, and how far a rebuild: for those who may have one. How many documents there are
/// tells of what others keep for themselves.
#[utoipa::path(
    get, path = "/search/status", operation_id = "searchStatus", tag = "search",
    responses(
        (status = 200, description = "How the index is", body = SearchStatus),
        OfLists,
    )
)]
pub(crate) async fn status(
    access: Access,
    State(search): State<Search>,
) -> Result<Json<SearchStatus>, Problem> {
    access.require(actions::SEARCH_REBUILD, &Resource::of_node("search", "*"))?;
    Ok(Json(search.status().await?.into()))
}

/// Builds the index anew from the ledger; the old one answers until the new one is whole. Asked for
/// again while that is under way, it goes on, and tells how far it is.
#[utoipa::path(
    post, path = "/search/rebuild", operation_id = "rebuildSearch", tag = "search",
    responses(
        (status = 202, description = "It is under way", body = SearchStatus),
        OfLists,
    )
)]
pub(crate) async fn rebuild(
    access: Access,
    State(search): State<Search>,
) -> Result<(StatusCode, Json<SearchStatus>), Problem> {
    access.require(actions::SEARCH_REBUILD, &Resource::of_node("search", "*"))?;
    search.begin_rebuild(access.caller().cause()).await?;
    Ok((StatusCode::ACCEPTED, Json(search.status().await?.into())))
}
