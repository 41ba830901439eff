//! Parts of a path as typed values. What is no id names nothing: 404, never 500.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use spine::Problem;

/// The one id in a path.
#[derive(Clone, Copy, Debug)]
pub struct PathId<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let PathText(text) = PathText::from_request_parts(parts, state).await?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// The first part of a path that varies.
#[derive(Clone, Debug)]
pub struct PathText(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let [text] = read(parts, state).await?;
        Ok(Self(text))
    }
}

/// The two parts of a path that vary.
#[derive(Clone, Debug)]
pub struct PathPair(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathPair {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let [first, second] = read(parts, state).await?;
        Ok(Self(first, second))
    }
}

async fn read<S: Send + Sync, const N: usize>(
    parts: &mut Parts,
    state: &S,
) -> Result<[String; N], Problem> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| Problem::bad_request("bad-path", "The address is not valid UTF-8"))?;
    let texts: Vec<String> = params.iter().take(N).map(|(_, text)| text.to_owned()).collect();
    texts.try_into().map_err(|_| Problem::internal("a route lacks a part of its path"))
}
