//! Routes of the Sovereign API.

mod query;
mod rebuild;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Search;

/// The service's routes, without the API's prefix.
pub fn routes() -> OpenApiRouter<Search> {
    OpenApiRouter::new()
        .routes(routes!(query::search))
        .routes(routes!(rebuild::status))
        .routes(routes!(rebuild::rebuild))
}
