//! The service's part of the Sovereign API.

mod body;
mod catalogue;
mod evaluations;
mod problems;
mod rules;
mod tries;
mod views;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Rules;

/// The routes, below the API's prefix.
pub fn routes() -> OpenApiRouter<Rules> {
    OpenApiRouter::new()
        .routes(routes!(rules::list_rules, rules::create_rule))
        .routes(routes!(rules::get_rule, rules::replace_rule, rules::delete_rule))
        .routes(routes!(rules::enable_rule))
        .routes(routes!(rules::disable_rule))
        .routes(routes!(rules::list_versions))
        .routes(routes!(rules::get_version))
        .routes(routes!(tries::try_rule))
        .routes(routes!(tries::dry_run_rule))
        .routes(routes!(evaluations::list_evaluations))
        .routes(routes!(evaluations::get_evaluation))
        .routes(routes!(catalogue::rule_schema))
        .routes(routes!(catalogue::rule_operators))
}
