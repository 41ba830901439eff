//! The part of the Sovereign API that is about the graph.

mod batch;
mod change;
mod changes;
mod create;
mod edges;
mod entities;
mod history;
mod matches;
mod merges;
mod neighbours;
mod problems;
mod seen;
mod types;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Data;

/// The routes, below the API's prefix.
pub fn routes() -> OpenApiRouter<Data> {
    OpenApiRouter::new()
        .routes(routes!(entities::list, create::create))
        .routes(routes!(entities::count))
        .routes(routes!(batch::batch))
        .routes(routes!(entities::get, change::change, change::delete))
        .routes(routes!(history::history))
        .routes(routes!(neighbours::neighbours))
        .routes(routes!(edges::create))
        .routes(routes!(edges::get, edges::delete))
        .routes(routes!(changes::changes))
        .routes(routes!(merges::list, merges::create))
        .routes(routes!(merges::get))
        .routes(routes!(merges::undo))
        .routes(routes!(matches::list))
        .routes(routes!(matches::get))
        .routes(routes!(matches::accept))
        .routes(routes!(matches::refuse))
}
