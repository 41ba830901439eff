//! Making entities.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use contracts::access::{Access, Resource, actions};
use contracts::api::problems::OfBodies;
use contracts::api::{Body, NewId, etag};
use spine::Problem;

use super::seen;
use super::types::{Entity, NewEntity};
use crate::store::read;
use crate::write::{Intent, apply};
use crate::{Data, DataError};

/// Writes down an entity, as the word of the person who asks.
#[utoipa::path(
    post, path = "/entities", operation_id = "createEntity", tag = "data",
    request_body = NewEntity,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key, nothing is made twice", min_length = 1, max_length = 200)),
    responses(
        (status = 201, description = "The entity; `ETag` is its version", body = Entity),
        OfBodies
    )
)]
pub(super) async fn create(
    access: Access,
    State(data): State<Data>,
    NewId(id): NewId,
    Body(new): Body<NewEntity>,
) -> Result<(StatusCode, [(header::HeaderName, HeaderValue); 1], Json<Entity>), Problem> {
    let draft = new.into_draft(id, access.caller());
    draft.check().map_err(DataError::from)?;
    let resource = Resource::new("entity", id.to_string(), draft.space.clone())
        .labelled(draft.labels.iter().cloned())
        .of_class(draft.r#type.clone());
    access.require(actions::ENTITY_WRITE, &resource)?;
    // A call that is sent again answers what the first one made.
    if read::current(data.spine().pool(), id).await?.is_none() {
        let mut tx = data.spine().begin(access.caller().cause()).await?;
        apply(&mut tx, vec![Intent::make(draft, id)]).await?;
        tx.commit().await?;
    }
    let (made, _) = seen::readable(&data, &access, id).await?;
    let tag = etag(seen::tag(id, &made));
    Ok((StatusCode::CREATED, [(header::ETAG, tag)], Json(made.into())))
}
