//! The change feed.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::{Access, SpaceId, actions};
use contracts::api::problems::OfLists;
use contracts::api::{Cursor, Query};
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Data;
use crate::store::changes::{self, Place, ReadChange};

/// From where on.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesQuery {
    /// After this place, as an earlier call said in `next`; from the beginning where it is absent.
    #[serde(default)]
    after: Option<String>,
    /// At most so many; 100 where nothing is said.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Part of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changes {
    /// The changes, in the order in which they took effect.
    items: Vec<ChangeView>,
    /// Where the next call goes on (parameter `after`); also given where there is nothing new.
    next: String,
}

/// A change of an entity.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeView {
    /// Which entity.
    entity: Uuid,
    /// Its version.
    version: u32,
    /// `created`, `changed`, or `deleted`; what moves to where the caller does not see it, or away under
    /// another label, is deleted first.
    change: String,
    /// Its type.
    r#type: String,
    /// Where it is, or was when it was deleted.
    space: SpaceId,
    /// When.
    at: DateTime<Utc>,
    /// This place in the feed, for `after`.
    cursor: String,
}

/// What changed that the caller may see, in commit order without gaps.
#[utoipa::path(
    get, path = "/changes", operation_id = "listChanges", tag = "data",
    params(ChangesQuery),
    responses(
        (status = 200, description = "Part of the feed", body = Changes),
        OfLists
    )
)]
pub(super) async fn changes(
    access: Access,
    State(data): State<Data>,
    Query(query): Query<ChangesQuery>,
) -> Result<Json<Changes>, Problem> {
    let permitted = access.permitted(actions::ENTITY_READ)?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        let title = "`limit` must be between 1 and 1000";
        return Err(Problem::unprocessable("invalid-limit", title));
    }
    let place: Place = match &query.after {
        Some(cursor) => Cursor::read(cursor)?,
        None => (0, 0),
    };
    let pool = data.spine().pool();
    let (found, end) = changes::after(pool, place, &permitted, limit as usize).await?;
    let view = |change: ReadChange| {
        Ok(ChangeView {
            entity: change.entity,
            version: u32::try_from(change.version).unwrap_or_default(),
            change: change.kind,
            r#type: change.class,
            space: change.space,
            at: change.recorded_at,
            cursor: Cursor::write(&change.place)?,
        })
    };
    let items = found.into_iter().map(view).collect::<Result<_, Problem>>()?;
    Ok(Json(Changes { items, next: Cursor::write(&end)? }))
}
