//! The service's part of the Sovereign API.

mod audit;
mod circles;
mod consents;
mod explain;
mod policies;
mod spaces;

use contracts::access::{Access, Action, Resource, SpaceId};
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

/// The person who asks, or for whom is asked, about what is their own.
fn person(access: &Access, action: Action, kind: &'static str) -> Result<Snowflake, Problem> {
    let Some(person) = access.caller().responsible() else {
        access.require(action, &Resource::of_node(kind, "*"))?;
        return Err(Problem::forbidden("no-person", "There is no person behind this call"));
    };
    access.require(action, &Resource::new(kind, "*", SpaceId::of_person(person)))?;
    Ok(person)
}
