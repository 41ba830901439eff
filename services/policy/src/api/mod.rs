//! The service's part of the Sovereign API.

mod audit;
mod circles;
mod consents;
mod explain;
mod policies;
mod spaces;

use axum::extract::FromRequestParts;
use contracts::access::{Access, Action, Resource, SpaceId};
use http::request::Parts;
use spine::{Problem, Snowflake};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::PolicyService;

/// The routes, below the API's prefix.
pub fn routes() -> OpenApiRouter<PolicyService> {
    OpenApiRouter::new()
        .routes(routes!(spaces::list, circles::make))
        .routes(routes!(spaces::read, circles::remove))
        .routes(routes!(circles::put_member, circles::remove_member))
        .routes(routes!(consents::list, consents::give))
        .routes(routes!(consents::read, consents::withdraw))
        .routes(routes!(policies::list))
        .routes(routes!(policies::read, policies::put, policies::remove))
        .routes(routes!(policies::validate))
        .routes(routes!(explain::explain))
        .routes(routes!(audit::list))
        .routes(routes!(audit::checkpoint))
        .routes(routes!(audit::key))
}

/// Parts of the path. What is not of their shape names nothing.
struct PathOf<T>(T);

impl<T, S> FromRequestParts<S> for PathOf<T>
where
    T: serde::de::DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(_) => Err(Problem::not_found()),
        }
    }
}

/// The person who asks, or for whom is asked, about what is their own.
fn person(access: &Access, action: Action, kind: &'static str) -> Result<Snowflake, Problem> {
    let Some(person) = access.caller().responsible() else {
        access.require(action, &Resource::of_node(kind, "*"))?;
        return Err(Problem::forbidden("no-person", "There is no person behind this call"));
    };
    access.require(action, &Resource::new(kind, "*", SpaceId::of_person(person)))?;
    Ok(person)
}
