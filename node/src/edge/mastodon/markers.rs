//! How far someone has read, and what they prefer.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::get;
use serde::Deserialize;

use super::super::call::Call;
use super::super::reply::{Reply, json};
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::person("marker.read", "read:statuses");
const WRITE: Action = Action::person("marker.write", "write:statuses");
const PREFERENCES: Action = Action::person("preferences.read", "read:accounts");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/markers", get(show).post(save))
        .route("/api/v1/preferences", get(preferences))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    timeline: Vec<String>,
}

/// New positions by timeline; what else a client sends is not for us.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Positions {
    home: Option<Position>,
    notifications: Option<Position>,
}

#[derive(Debug, Deserialize)]
struct Position {
    last_read_id: String,
}

async fn show(call: Call) -> Reply {
    let me = call.person(&READ, "markers")?;
    let Wanted { timeline } = call.typed()?;
    json(&call.social().markers(me, &timeline).await?)
}

async fn save(call: Call) -> Reply {
    let me = call.person(&WRITE, "markers")?;
    let Positions { home, notifications } = call.typed()?;
    let positions: BTreeMap<String, String> = [("home", home), ("notifications", notifications)]
        .into_iter()
        .filter_map(|(name, position)| Some((name.to_owned(), position?.last_read_id)))
        .collect();
    call.social().save_markers(me, &positions).await?;
    let names: Vec<String> = positions.into_keys().collect();
    json(&call.social().markers(me, &names).await?)
}

async fn preferences(call: Call) -> Reply {
    let me = call.person(&PREFERENCES, "preferences")?;
    json(&call.social().preferences(me).await?)
}
