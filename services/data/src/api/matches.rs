//! Proposals that two entities are one.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::{Access, SpaceId, actions};
use contracts::api::problems::{OfLists, OfOne};
use contracts::api::{Page, PageQuery, Path, Query};
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::problems::OfDecisions;
use super::seen;
use crate::merge;
use crate::store::matches::{self, Match};
use crate::store::turns;
use crate::{Data, DataError};

/// A proposal that two entities are one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MatchView {
    /// Its id; of a merge that comes of it, too.
    id: Uuid,
    /// One of them, which would stay.
    left: Uuid,
    /// The other.
    right: Uuid,
    /// Where they are.
    space: SpaceId,
    /// How likely, up to 1.
    score: f32,
    /// What speaks for it: `tel`, `email`, `uid`, `name`.
    evidence: Vec<String>,
    /// `open`, `accepted`, `refused`.
    state: String,
    /// When it was proposed.
    proposed_at: DateTime<Utc>,
    /// When it was decided.
    decided_at: Option<DateTime<Utc>>,
    /// Who decided.
    decided_by: Option<String>,
}

impl From<Match> for MatchView {
    fn from(found: Match) -> Self {
        Self {
            id: found.id,
            left: found.one,
            right: found.other,
            space: found.space,
            score: found.score,
            evidence: found.evidence,
            state: found.state,
            proposed_at: found.proposed_at,
            decided_at: found.decided_at,
            decided_by: found.decided_by,
        }
    }
}

/// Which proposals.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MatchesQuery {
    /// In which state; open ones where nothing is said.
    #[serde(default)]
    #[param(inline)]
    state: Option<Standing>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Standing {
    #[default]
    Open,
    Accepted,
    Refused,
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }
}

/// Proposals that the caller may see, the newest first.
#[utoipa::path(
    get, path = "/matches", operation_id = "listMatches", tag = "data",
    params(MatchesQuery, PageQuery),
    responses(
        (status = 200, description = "A page of proposals", body = Page<MatchView>),
        OfLists
    )
)]
pub(super) async fn list(
    access: Access,
    State(data): State<Data>,
    Query(query): Query<MatchesQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MatchView>>, Problem> {
    let permitted = access.permitted(actions::ENTITY_READ)?;
    let (limit, before) = (page.limit()?, page.place::<Uuid>()?);
    let state = query.state.unwrap_or_default().name();
    let found = matches::list(data.spine().pool(), state, &permitted, before, limit + 1).await?;
    let items = found.into_iter().map(MatchView::from).collect();
    Ok(Json(Page::cut(items, limit, |last: &MatchView| last.id)?))
}

/// A proposal, if the caller may read both entities.
async fn visible(data: &Data, access: &Access, id: Uuid) -> Result<Match, Problem> {
    let Some(found) = matches::find(data.spine().pool(), id).await? else {
        return Err(seen::absent(access));
    };
    seen::readable_history(data, access, found.one).await?;
    seen::readable_history(data, access, found.other).await?;
    Ok(found)
}

/// One proposal.
#[utoipa::path(
    get, path = "/matches/{id}", operation_id = "getMatch", tag = "data",
    params(("id" = Uuid, Path, description = "The proposal")),
    responses(
        (status = 200, description = "The proposal", body = MatchView),
        OfOne
    )
)]
pub(super) async fn get(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
) -> Result<Json<MatchView>, Problem> {
    Ok(Json(visible(&data, &access, id).await?.into()))
}

/// Says that the two are one: they are merged, under the proposal's id.
#[utoipa::path(
    post, path = "/matches/{id}/accept", operation_id = "acceptMatch", tag = "data",
    params(("id" = Uuid, Path, description = "The proposal")),
    responses(
        (status = 200, description = "The proposal, accepted", body = MatchView),
        OfDecisions
    )
)]
pub(super) async fn accept(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
) -> Result<Json<MatchView>, Problem> {
    decide(&access, &data, id, Standing::Accepted).await
}

/// Says that the two are not one: it is not proposed again.
#[utoipa::path(
    post, path = "/matches/{id}/refuse", operation_id = "refuseMatch", tag = "data",
    params(("id" = Uuid, Path, description = "The proposal")),
    responses(
        (status = 200, description = "The proposal, refused", body = MatchView),
        OfDecisions
    )
)]
pub(super) async fn refuse(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
) -> Result<Json<MatchView>, Problem> {
    decide(&access, &data, id, Standing::Refused).await
}

async fn decide(
    access: &Access,
    data: &Data,
    id: Uuid,
    state: Standing,
) -> Result<Json<MatchView>, Problem> {
    let found = visible(data, access, id).await?;
    for end in [found.one, found.other] {
        let (_, resource) = seen::readable_history(data, access, end).await?;
        access.require(actions::ENTITY_WRITE, &resource)?;
    }
    let by = access.caller().principal.to_string();
    let now = data.clock().now();
    let mut tx = data.spine().begin(access.caller().cause()).await?;
    if matches!(state, Standing::Accepted) {
        // Turns come before rows.
        turns::hold_back_writes(tx.conn()).await?;
    }
    if matches::decide(tx.conn(), id, state.name(), &by, now).await? {
        if matches!(state, Standing::Accepted) {
            let reason = found.evidence.join(", ");
            merge::merge(&mut tx, id, found.one, found.other, by, reason).await?;
        }
        tx.commit().await?;
    } else if found.state != state.name() {
        return Err(DataError::Decided("This proposal is decided already").into());
    }
    Ok(Json(visible(data, access, id).await?.into()))
}
