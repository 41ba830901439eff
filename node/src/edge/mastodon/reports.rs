//! Complaints about accounts.

use axum::Router;
use axum::routing::post;
use serde::Deserialize;
use social::commands::NewComplaint;
use social::{AccountId, PostId};

use super::super::call::Call;
use super::super::reply::{Reply, json};
use crate::policy::Action;
use crate::services::Services;

const WRITE: Action = Action::person("report.write", "write:reports");

pub(super) fn routes() -> Router<Services> {
    Router::new().route("/api/v1/reports", post(create))
}

#[derive(Debug, Deserialize)]
struct Complaint {
    account_id: AccountId,
    #[serde(default)]
    status_ids: Vec<PostId>,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    forward: bool,
    #[serde(default)]
    category: Option<String>,
}

async fn create(call: Call) -> Reply {
    let Complaint { account_id, status_ids, comment, forward, category } = call.typed()?;
    let me = call.person(&WRITE, account_id)?;
    let complaint = NewComplaint {
        target: account_id,
        posts: status_ids,
        comment,
        forward,
        category: category.unwrap_or_else(|| "other".to_owned()),
    };
    let id = call.social().report_account(me, complaint).await?;
    json(&call.social().report(me, id).await?)
}
