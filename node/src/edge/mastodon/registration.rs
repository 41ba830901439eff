//! Joining the node through an app.

use axum::Router;
use axum::routing::get;
use identity::{RegistrationMode, Role};
use serde::Deserialize;
use serde_json::json;
use spine::{Cause, Problem};

use super::super::call::Call;
use super::super::login::register::{Application, Registration, apply_in, register_in};
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

/// Makes an account and a token for it, together or not at all. Where people are approved first, the
/// token is good for nothing else than to learn when that happened.
async fn join(call: Call) -> Reply {
    call.may(&JOIN, "account")?;
    let identity = &call.services.identity;
    let mode = identity.settings().registration;
    if mode == RegistrationMode::Closed {
        return Err(Problem::forbidden(
            "registration-closed",
            "This node takes no new accounts; ask the people who run it",
        ));
    }
    let joining: Joining = call.typed()?;
    if !joining.agreement {
        return Err(invalid("agreement must be accepted"));
    }
    if joining.email.trim().is_empty() {
        return Err(invalid("email can't be blank"));
    }
    let grant = call.caller.grant().ok_or(Refusal::NoToken)?;
    let app = identity.app_by_number(grant.app_id).await?.ok_or(Refusal::NoToken)?;
    let Joining { username, password, reason, .. } = joining;
    let email = joining.email.trim().to_owned();
    let locale = if joining.locale.is_empty() { "en".to_owned() } else { joining.locale };
    let social = call.social();
    let mut tx = call.services.spine.begin(Cause::by(format!("app:{}", app.id))).await?;
    let account = if mode == RegistrationMode::Approval {
        let application = Application { username, email, password, reason, locale };
        apply_in(social, identity, &mut tx, application).await?
    } else {
        let (email, display_name, role) = (Some(email), String::new(), Role::Member);
        let registration = Registration { username, display_name, email, password, role, locale };
        register_in(social, identity, &mut tx, registration).await?
    };
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
