//! What is around an entity.

use std::collections::{HashMap, HashSet};

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, actions};
use contracts::api::problems::OfOne;
use contracts::api::{Path, Query};
use contracts::model::check_rel;
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::edges::EdgeView;
use super::seen;
use super::types::Entity;
use crate::store::neighbours::{Direction, layer};
use crate::store::read;
use crate::{Data, DataError};

/// How far, and along which edges.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct NeighboursQuery {
    /// How many edges away, 1 where nothing is said.
    #[serde(default)]
    #[param(minimum = 1, maximum = 4)]
    depth: Option<u8>,
    /// Along these relations only, separated by commas.
    #[serde(default)]
    #[param(max_length = 1000)]
    rel: Option<String>,
    /// Which way: `out`, `in`, or `both`, which is the default.
    #[serde(default)]
    #[param(inline)]
    direction: Option<Way>,
    /// At most so many entities; 100 where nothing is said.
    #[serde(default)]
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    Out,
    In,
    #[default]
    Both,
}

/// A part of the graph.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Neighbourhood {
    /// The entities around, the nearest first.
    entities: Vec<Neighbour>,
    /// The edges that led there, and those between them that were seen on the way.
    edges: Vec<EdgeView>,
    /// Whether there is more than is shown.
    truncated: bool,
}

/// An entity nearby.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Neighbour {
    /// How many edges away.
    #[schema(minimum = 1, maximum = 4)]
    depth: u8,
    /// The entity.
    entity: Entity,
}

/// The entities around one, over edges whose both ends the caller may see.
#[utoipa::path(
    get, path = "/entities/{id}/neighbours", operation_id = "getNeighbours", tag = "data",
    params(("id" = Uuid, Path, description = "The entity"), NeighboursQuery),
    responses(
        (status = 200, description = "What is around it", body = Neighbourhood),
        OfOne
    )
)]
pub(super) async fn neighbours(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
    Query(query): Query<NeighboursQuery>,
) -> Result<Json<Neighbourhood>, Problem> {
    let depth = query.depth.unwrap_or(1);
    let limit = usize::from(query.limit.unwrap_or(100));
    if !(1..=4).contains(&depth) || !(1..=500).contains(&limit) {
        let title = "`depth` must be 1 to 4, and `limit` 1 to 500";
        return Err(Problem::unprocessable("invalid-limit", title));
    }
    let rels: Option<Vec<String>> =
        query.rel.map(|rels| rels.split(',').map(|rel| rel.trim().to_owned()).collect());
    for rel in rels.iter().flatten() {
        check_rel(rel).map_err(DataError::from)?;
    }
    let direction = match query.direction.unwrap_or_default() {
        Way::Out => Direction::Out,
        Way::In => Direction::In,
        Way::Both => Direction::Both,
    };
    let (start, _) = seen::readable(&data, &access, id).await?;
    let permitted = access.permitted(actions::ENTITY_READ)?;
    let pool = data.spine().pool();

    let mut depths: HashMap<Uuid, u8> = HashMap::from([(start.id, 0)]);
    let mut frontier = vec![start.id];
    let mut edges = Vec::new();
    let mut known = HashSet::new();
    let mut truncated = false;
    for away in 1..=depth {
        let most = limit * 4;
        let links =
            layer(pool, &frontier, rels.as_deref(), direction, &permitted, most + 1).await?;
        truncated |= links.len() > most;
        frontier.clear();
        for link in links.into_iter().take(most) {
            if !depths.contains_key(&link.reached) {
                if depths.len() > limit {
                    truncated = true;
                    continue;
                }
                depths.insert(link.reached, away);
                frontier.push(link.reached);
            }
            if known.insert(link.id) {
                edges.push(EdgeView::from(link));
            }
        }
        if frontier.is_empty() {
            break;
        }
    }
    depths.remove(&start.id);
    let ids: Vec<Uuid> = depths.keys().copied().collect();
    let mut entities: Vec<Neighbour> = read::many(pool, &ids)
        .await?
        .into_iter()
        // It may have moved since the edges were read.
        .filter(|version| permitted.admits(&version.content.space, &version.content.labels))
        .map(|version| Neighbour {
            depth: depths.get(&version.id).copied().unwrap_or(depth),
            entity: version.into(),
        })
        .collect();
    entities.sort_unstable_by_key(|neighbour| (neighbour.depth, neighbour.entity.id));
    let shown: HashSet<Uuid> =
        entities.iter().map(|neighbour| neighbour.entity.id).chain([start.id]).collect();
    edges.retain(|edge| shown.contains(&edge.from) && shown.contains(&edge.to));
    Ok(Json(Neighbourhood { entities, edges, truncated }))
}
