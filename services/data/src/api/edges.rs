//! Edges that somebody draws, and any edge by its id.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, SubsecRound as _, Utc};
use contracts::access::{Access, actions};
use contracts::api::problems::{OfBodies, OfOne};
use contracts::api::{Body, NewId, Path};
use contracts::events::data::EdgeChanged;
use contracts::model::{SourceKey, check_data, check_rel, check_times};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spine::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use super::seen;
use super::types::{OriginView, kept, own_provenance, own_source};
use crate::store::edges::{self, Edge};
use crate::store::entities::{self, Origins};
use crate::store::neighbours::Link;
use crate::store::{history, keys, turns};
use crate::{Data, DataError};

/// An edge between two entities as they are now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct EdgeView {
    /// Its id.
    pub(super) id: Uuid,
    /// From which entity.
    pub(super) from: Uuid,
    /// The relation, by schema.org's property.
    rel: String,
    /// To which entity.
    pub(super) to: Uuid,
    /// More about it.
    #[schema(value_type = Object)]
    props: Map<String, Value>,
    /// How sure it is, above 0 and up to 1.
    confidence: f32,
    /// Whose word it is.
    source: String,
    /// Since when it holds in the world, where known.
    valid_from: Option<DateTime<Utc>>,
    /// Until when.
    valid_to: Option<DateTime<Utc>>,
    /// Since when it is known here.
    recorded_at: DateTime<Utc>,
}

impl From<Link> for EdgeView {
    fn from(link: Link) -> Self {
        Self {
            id: link.id,
            from: link.from,
            rel: link.rel,
            to: link.to,
            props: link.props.0,
            confidence: link.confidence,
            source: link.source,
            valid_from: link.valid_from,
            valid_to: link.valid_to,
            recorded_at: link.recorded_at,
        }
    }
}

impl EdgeView {
    /// An edge, its ends as they are now.
    fn between(edge: Edge, from: Uuid, to: Uuid) -> Self {
        Self {
            id: edge.id,
            from,
            rel: edge.rel,
            to,
            props: edge.props,
            confidence: edge.confidence,
            source: edge.source,
            valid_from: edge.valid_from,
            valid_to: edge.valid_to,
            recorded_at: edge.recorded_at,
        }
    }
}

/// A new edge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEdge {
    /// From which entity.
    from: Uuid,
    /// The relation, by schema.org's property.
    #[schema(pattern = "^[A-Za-z0-9_:.-]{1,64}$", example = "knows")]
    rel: String,
    /// To which entity.
    to: Uuid,
    /// More about it.
    #[serde(default)]
    #[schema(value_type = Object)]
    props: Map<String, Value>,
    /// How sure it is.
    #[serde(default = "certain")]
    #[schema(exclusive_minimum = 0, maximum = 1)]
    confidence: f32,
    /// Since when it holds in the world.
    #[serde(default)]
    valid_from: Option<DateTime<Utc>>,
    /// Until when.
    #[serde(default)]
    valid_to: Option<DateTime<Utc>>,
}

fn certain() -> f32 {
    1.0
}

impl NewEdge {
    fn check(&self) -> Result<(), DataError> {
        check_rel(&self.rel)?;
        check_data("props", &self.props)?;
        check_times(self.valid_from, self.valid_to)?;
        if !(self.confidence > 0.0 && self.confidence <= 1.0) {
            let problem = "must be above 0 and at most 1".to_owned();
            return Err(contracts::model::Unacceptable { field: "confidence", problem }.into());
        }
        if self.from == self.to {
            let problem = "must be another entity than `from`".to_owned();
            return Err(contracts::model::Unacceptable { field: "to", problem }.into());
        }
        Ok(())
    }
}

/// Draws an edge. The caller must be allowed to write the entity where it begins and to read the one where
/// it ends.
#[utoipa::path(
    post, path = "/edges", operation_id = "createEdge", tag = "data",
    request_body = NewEdge,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key, nothing is made twice", min_length = 1, max_length = 200)),
    responses(
        (status = 201, description = "The edge", body = EdgeView),
        OfBodies
    )
)]
pub(super) async fn create(
    access: Access,
    State(data): State<Data>,
    NewId(id): NewId,
    Body(new): Body<NewEdge>,
) -> Result<(StatusCode, Json<EdgeView>), Problem> {
    new.check()?;
    let (from, _) = seen::writable(&data, &access, new.from).await?;
    let (to, _) = seen::readable(&data, &access, new.to).await?;
    if from.id == to.id {
        let title = "The two are one entity";
        return Err(Problem::unprocessable("unacceptable", title));
    }
    let caller = access.caller();
    let now = data.clock().now().trunc_subsecs(6);
    let edge = Edge {
        id,
        key: None,
        source: own_source(caller),
        from: new.from,
        rel: new.rel,
        to: new.to,
        props: new.props,
        confidence: new.confidence,
        valid_from: new.valid_from.map(kept),
        valid_to: new.valid_to.map(kept),
        recorded_at: now,
    };
    let mut tx = data.spine().begin(caller.cause()).await?;
    turns::hold_back_merges(tx.conn()).await?;
    // It may have been erased while the caller was looked at.
    if keys::roots(tx.conn(), &[edge.from, edge.to]).await?.len() < 2 {
        return Err(Problem::not_found());
    }
    if edges::insert(tx.conn(), std::slice::from_ref(&edge)).await?.contains(&id) {
        let mut origins = Origins::default();
        let key = SourceKey {
            source: edge.source.clone(),
            kind: "edge".to_owned(),
            external_id: id.to_string(),
        };
        origins.push(id, 0, &key, &own_provenance(caller));
        entities::save_origins(tx.conn(), &origins).await?;
        tx.record(&EdgeChanged {
            edge: id,
            from: from.id,
            rel: edge.rel.clone(),
            to: to.id,
            closed: false,
        })?;
        tx.commit().await?;
        return Ok((StatusCode::CREATED, Json(EdgeView::between(edge, from.id, to.id))));
    }
    tx.rollback().await?;
    // The same call came before.
    let (edge, from, to) = visible(&data, &access, id).await?;
    Ok((StatusCode::CREATED, Json(EdgeView::between(edge, from, to))))
}

/// An edge that holds now and whose ends the caller may see, and its ends as they are now.
async fn visible(data: &Data, access: &Access, id: Uuid) -> Result<(Edge, Uuid, Uuid), Problem> {
    let Some(edge) = edges::find(data.spine().pool(), id).await? else {
        return Err(seen::absent(access));
    };
    let (from, _) = seen::readable(data, access, edge.from).await?;
    let (to, _) = seen::readable(data, access, edge.to).await?;
    Ok((edge, from.id, to.id))
}

/// An edge with where it comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EdgeWithOrigin {
    /// The edge.
    #[serde(flatten)]
    edge: EdgeView,
    /// Where it comes from.
    provenance: Vec<OriginView>,
}

/// One edge.
#[utoipa::path(
    get, path = "/edges/{id}", operation_id = "getEdge", tag = "data",
    params(("id" = Uuid, Path, description = "The edge")),
    responses(
        (status = 200, description = "The edge", body = EdgeWithOrigin),
        OfOne
    )
)]
pub(super) async fn get(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
) -> Result<Json<EdgeWithOrigin>, Problem> {
    let (edge, from, to) = visible(&data, &access, id).await?;
    let origins = history::origins(data.spine().pool(), id, &[0]).await?;
    let provenance = origins.into_values().flatten().map(OriginView::from).collect();
    Ok(Json(EdgeWithOrigin { edge: EdgeView::between(edge, from, to), provenance }))
}

/// Ends an edge. A source that says it anew brings it back.
#[utoipa::path(
    delete, path = "/edges/{id}", operation_id = "deleteEdge", tag = "data",
    params(("id" = Uuid, Path, description = "The edge")),
    responses(
        (status = 204, description = "It has ended"),
        OfOne
    )
)]
pub(super) async fn delete(
    access: Access,
    State(data): State<Data>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let (edge, from, to) = visible(&data, &access, id).await?;
    let (_, resource) = seen::readable(&data, &access, from).await?;
    access.require(actions::ENTITY_WRITE, &resource)?;
    let now = data.clock().now().trunc_subsecs(6);
    let mut tx = data.spine().begin(access.caller().cause()).await?;
    if edges::close(tx.conn(), &[id], now).await?.contains(&id) {
        tx.record(&EdgeChanged { edge: id, from, rel: edge.rel, to, closed: true })?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
