//! A mapping, as it is changed.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use contracts::access::Access;
use contracts::api::{Conditions, NewId, Path, Query};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use spine::Problem;
use utoipa::IntoParams;

use super::mappings::{MappingDetail, detail};
use super::may_write_mapping;
use super::problems::OfBodies;
use crate::mapping::{Form, LONGEST_DOCUMENT, MappingDocument, ReadError, read};
use crate::mappings::{Saved, save};
use crate::{Etl, EtlError};

/// What else.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Also {
    /// Whether the history is mapped again with it.
    #[serde(default)]
    rerun: bool,
}

/// Makes a mapping, or a new version of it, which is used from now on.
///
/// Sending what it says already changes nothing.
#[utoipa::path(
    put,
    path = "/mappings/{name}",
    operation_id = "put_mapping",
    tag = "etl",
    params(
        ("name" = String, Path, description = "The mapping", pattern = "^[a-z0-9][a-z0-9._-]{0,63}$"),
        Also,
        ("If-Match" = Option<String>, Header, description = "The version that was seen"),
        ("Idempotency-Key" = Option<String>, Header, description = "With `rerun`: the same key starts one run", max_length = 200),
    ),
    request_body(
        description = "The mapping, as `GET /mappings/schema` describes it; at most 64 KiB",
        content((Object = "application/json"), (String = "application/yaml"))
    ),
    responses(
        (status = 200, body = MappingDetail, description = "It has a new version, or says what it said"),
        (status = 201, body = MappingDetail, description = "It is new"),
        OfBodies,
    )
)]
#[expect(clippy::too_many_arguments, reason = "they are the parts of a request")]
pub(super) async fn put(
    access: Access,
    conditions: Conditions,
    NewId(rerun): NewId,
    headers: HeaderMap,
    State(etl): State<Etl>,
    Path(name): Path<String>,
    Query(also): Query<Also>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    may_write_mapping(&access, &name.chars().take(64).collect::<String>())?;
    let document = document(&headers, body)?;
    if document.mapping != name {
        let words = "`mapping` must be the name in the path";
        return Err(Problem::unprocessable("other-name", words));
    }
    let caller = access.caller();
    let by = caller.principal.to_string();
    let rerun = also.rerun.then_some(rerun);
    let check = |current: Option<i32>| conditions.check(current.unwrap_or_default());
    let saved = save::<Problem>(&etl, &document, (&by, caller.cause()), rerun, check).await?;
    let status = if saved == Saved::Made { StatusCode::CREATED } else { StatusCode::OK };
    Ok(detail(&etl, &name).await?.answer(status))
}

fn document(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<MappingDocument, Problem> {
    let form = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = form.and_then(Form::parse).ok_or_else(|| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-a-mapping",
            "Please send `application/json` or `application/yaml`",
        )
    })?;
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => EtlError::TooLarge.into(),
        _ => Problem::bad_request("unreadable-body", "The body cannot be read"),
    })?;
    if body.len() > LONGEST_DOCUMENT {
        return Err(EtlError::TooLarge.into());
    }
    Ok(read(&body, form).map_err(EtlError::from)?)
}

impl From<ReadError> for EtlError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge => Self::TooLarge,
            ReadError::Syntax(words) => Self::Syntax(words),
            ReadError::Shape(words) => Self::UnusableMapping(words),
        }
    }
}
