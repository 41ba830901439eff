//! What rules can be written with.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, actions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::Problem;
use utoipa::ToSchema;

use super::problems::OfCatalogue;
use crate::{Rules, RulesError, document};

/// The JSON Schema of a rule.
#[utoipa::path(
    get, path = "/rules/schema", operation_id = "ruleSchema", tag = "rules",
    responses(
        (status = 200, description = "The schema (draft 2020-12)", body = Object),
        OfCatalogue,
    )
)]
pub(super) async fn rule_schema(access: Access) -> Result<Json<Value>, Problem> {
    access.permitted(actions::RULE_READ)?;
    Ok(Json(document::schema()))
}

/// An operator that conditions may call.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct OperatorView {
    /// As `operator("…", …)` names it.
    name: String,
    /// JSON Schema of what it takes.
    #[schema(value_type = Object)]
    args_schema: Value,
    /// JSON Schema of what it gives.
    #[schema(value_type = Object)]
    result_schema: Value,
}

/// The operators of plugins that conditions may call.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Operators {
    /// The operators.
    items: Vec<OperatorView>,
}

/// The operators of plugins that conditions may call.
#[utoipa::path(
    get, path = "/rules/operators", operation_id = "ruleOperators", tag = "rules",
    responses(
        (status = 200, description = "The operators", body = Operators),
        OfCatalogue,
    )
)]
pub(super) async fn rule_operators(
    access: Access,
    State(rules): State<Rules>,
) -> Result<Json<Operators>, Problem> {
    access.permitted(actions::RULE_READ)?;
    let operators = rules.0.operators.operators().await.map_err(RulesError::from)?;
    let items = operators.into_iter().map(|operator| OperatorView {
        name: format!("{}/{}", operator.plugin, operator.name),
        args_schema: operator.args_schema,
        result_schema: operator.result_schema,
    });
    Ok(Json(Operators { items: items.collect() }))
}
