//! A rule as a body, in JSON or YAML; ids in paths.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::request::Parts;
use http::{StatusCode, header};
use serde::de::DeserializeOwned;
use spine::Problem;

use crate::RulesError;
use crate::commands::Sent;
use crate::document::{DOCUMENT_BYTES, DocumentError, MediaType, read};

/// A rule's document, as it was sent and as it was read.
pub(crate) struct RuleBody(pub(crate) Sent);

impl<S: Send + Sync> FromRequest<S> for RuleBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let content_type =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = content_type.and_then(MediaType::parse).ok_or_else(|| {
            Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "neither-json-nor-yaml",
                "Please send the rule as `application/json` or `application/yaml`",
            )
        })?;
        let bytes = to_bytes(request.into_body(), DOCUMENT_BYTES)
            .await
            .map_err(|_| Problem::from(RulesError::from(DocumentError::TooLarge)))?;
        let document = read(&bytes, media_type).map_err(RulesError::from)?;
        // It was read as text just now.
        let source = String::from_utf8_lossy(&bytes).into_owned();
        if source.contains('\0') {
            return Err(Problem::unprocessable(
                "invalid-rule",
                "A rule cannot hold the character NUL",
            ));
        }
        Ok(Self(Sent { media_type, source, document }))
    }
}

/// What a path names; what cannot be read is told as a problem.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(error) => Err(Problem::unprocessable(
                "invalid-id",
                "The path names nothing that could be an id",
            )
            .with_detail(error.body_text())),
        }
    }
}
