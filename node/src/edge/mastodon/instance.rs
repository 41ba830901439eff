//! The node itself. Public: apps ask before anyone has logged in.

use axum::Router;
use axum::routing::get;
use serde_json::json;

use super::super::call::Call;
use super::super::reply::{Reply, empty_list, json};
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::anyone("instance.read", "");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/instance", get(v1))
        .route("/api/v2/instance", get(v2))
        .route("/api/v1/instance/peers", get(peers))
        .route("/api/v1/instance/activity", get(activity))
        .route("/api/v1/instance/rules", get(rules))
        .route("/api/v1/instance/domain_blocks", get(nothing))
        .route("/api/v1/instance/languages", get(languages))
        .route("/api/v1/instance/translation_languages", get(translations))
        .route("/api/v1/instance/extended_description", get(description))
        .route("/api/v1/instance/privacy_policy", get(description))
        .route("/api/v1/custom_emojis", get(nothing))
}

async fn v1(call: Call) -> Reply {
    call.may(&READ, "instance")?;
    json(&call.social().instance_v1().await?)
}

async fn v2(call: Call) -> Reply {
    call.may(&READ, "instance")?;
    json(&call.social().instance_v2().await?)
}

async fn peers(call: Call) -> Reply {
    call.may(&READ, "peers")?;
    json(&call.social().instance_peers().await?)
}

async fn activity(call: Call) -> Reply {
    call.may(&READ, "activity")?;
    json(&call.social().activity().await?)
}

async fn rules(call: Call) -> Reply {
    call.may(&READ, "rules")?;
    json(&call.social().instance_rules())
}

async fn nothing(call: Call) -> Reply {
    call.may(&READ, "instance")?;
    Ok(empty_list())
}

async fn languages(call: Call) -> Reply {
    call.may(&READ, "languages")?;
    json(&call.social().instance_languages())
}

async fn translations(call: Call) -> Reply {
    call.may(&READ, "languages")?;
    json(&json!({}))
}

async fn description(call: Call) -> Reply {
    call.may(&READ, "description")?;
    json(&json!({
        "updated_at": "2026-01-01T00:00:00.000Z",
        "content": call.social().settings().description,
    }))
}
