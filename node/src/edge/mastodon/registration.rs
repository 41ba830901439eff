//! Joining the node through an app.

use axum::Router;
use axum::routing::get;
use identity::{PersonState, RegistrationMode, Role};
use serde::Deserialize;
use serde_json::json;
use spine::{Cause, Problem};

use super::super::call::Call;
use super::super::login::register::{Registration, register_in};
use super::super::reply::{Reply, json};
use super::accounts;
use crate::policy::{Action, Refusal};
use crate::services::Services;

const JOIN: Action = Action::token("account.create", "write:accounts");

pub(super) fn routes() -> Router<Services> {
    Router::new().route("/api/v1/accounts", get(accounts::several).post(join))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Joining {
    username: String,
    email: String,
    password: String,
    agreement: bool,
    locale: String,
    reason: String,
}

/// Makes an account and a token for it, together or not at all.
async fn join(call: Call) -> Reply {
    call.may(&JOIN, "account")?;
    let identity = &call.services.identity;
    let state = match identity.settings().registration {
        RegistrationMode::Open => PersonState::Active,
        RegistrationMode::Approval => PersonState::Pending,
        RegistrationMode::Closed => {
            return Err(Problem::forbidden(
                "registration-closed",
                "This node takes no new accounts; ask the people who run it",
            ));
        }
    };
    let joining: Joining = call.typed()?;
    if !joining.agreement {
        return Err(invalid("agreement must be accepted"));
    }
    if joining.email.trim().is_empty() {
        return Err(invalid("email can't be blank"));
    }
    let grant = call.caller.grant().ok_or(Refusal::NoToken)?;
    let app = identity.app_by_number(grant.app_id).await?.ok_or(Refusal::NoToken)?;
    let registration = Registration {
        username: joining.username,
        display_name: String::new(),
        email: Some(joining.email.trim().to_owned()),
        password: joining.password,
        role: Role::Member,
        state,
        reason: joining.reason,
        locale: if joining.locale.is_empty() { "en".to_owned() } else { joining.locale },
    };
    let services = &call.services;
    let mut tx = services.spine.begin(Cause::by(format!("app:{}", app.id))).await?;
    let account = register_in(&services.social, identity, &mut tx, registration).await?;
    let scopes = grant.scopes.clone();
    let token = identity.grant_to_registration(&mut tx, &app, account.0, scopes).await?;
    tx.commit().await?;
    json(&json!({
        "access_token": token.access_token,
        "token_type": "Bearer",
        "scope": token.scopes.to_string(),
        "created_at": token.created_at.timestamp(),
    }))
}

fn invalid(what: &str) -> Problem {
    Problem::unprocessable("invalid-parameter", format!("Validation failed: {what}"))
}
