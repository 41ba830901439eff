//! The service's part of the Sovereign API.

mod change_mapping;
mod mappings;
mod problems;
mod records;
mod reruns;
mod trial;

use contracts::access::{Access, Resource, actions};
use spine::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Etl;

/// The routes, below the API's prefix.
pub fn routes() -> OpenApiRouter<Etl> {
    OpenApiRouter::new()
        .routes(routes!(records::list))
        .routes(routes!(records::get))
        .routes(routes!(mappings::list))
        .routes(routes!(mappings::schema))
        .routes(routes!(trial::try_mapping))
        .routes(routes!(mappings::get, change_mapping::put))
        .routes(routes!(mappings::get_version))
        .routes(routes!(reruns::begin))
        .routes(routes!(reruns::list))
}

/// A mapping, as it is read: by whoever may read the household's records.
fn may_read_mapping(access: &Access, name: &str) -> Result<(), Problem> {
    access.require(actions::RECORD_READ, &Resource::of_node("record", format!("mapping:{name}")))
}

/// A mapping, as it is changed.
fn may_write_mapping(access: &Access, name: &str) -> Result<(), Problem> {
    access.require(actions::MAPPING_WRITE, &Resource::of_node("mapping", name))
}

/// The name of a mapping, where it can be one.
fn mapping_name(name: &str) -> Result<&str, Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        true => Ok(name),
        false => Err(Problem::not_found()),
    }
}
