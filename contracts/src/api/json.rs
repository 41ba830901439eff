//! Extractors whose refusals are problem documents.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use spine::Problem;

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(error)) => Err(Problem::unprocessable(
                "invalid-body",
                "The body is not of the shape it should be",
            )
            .with_detail(error.body_text())),
            Err(JsonRejection::JsonSyntaxError(error)) => {
                Err(Problem::bad_request("invalid-json", "The body is not JSON")
                    .with_detail(error.body_text()))
            }
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "Please send JSON, with `Content-Type: application/json`",
            )),
            Err(other) if other.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is larger than this takes",
            )),
            Err(other) => Err(Problem::bad_request("unreadable-body", "The body cannot be read")
                .with_detail(other.body_text())),
        }
    }
}

/// Parameters of the query.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => {
                Err(Problem::unprocessable(
                    "invalid-query",
                    "A parameter is not of the kind it should be",
                )
                .with_detail(error.body_text()))
            }
            Err(other) => {
                Err(Problem::bad_request("unreadable-query", "The parameters cannot be read")
                    .with_detail(other.body_text()))
            }
        }
    }
}
