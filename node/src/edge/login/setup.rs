//! The first start: the owner's account, made with the code from the terminal.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use identity::Role;
use serde::Deserialize;
use spine::{Cause, Problem};
use web::pages::Setup;

use super::register::{Registration, register_in};
use super::session::{Visitor, page, same_site, signed_in};
use crate::edge::permissive::Permissive;
use crate::services::Services;

/// The form.
#[derive(Deserialize)]
pub struct SetupForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    password: String,
}

/// `POST /setup`
///
/// # Errors
/// A part is away, or the form came from elsewhere.
pub async fn setup(
    State(services): State<Services>,
    visitor: Visitor,
    headers: HeaderMap,
    Permissive(form): Permissive<SetupForm>,
) -> Result<Response, Problem> {
    same_site(&services, &headers)?;
    let (username, display_name) = (form.username.clone(), form.display_name.clone());
    match make_owner(&services, form).await {
        Ok(account_id) => {
            let agent = headers
                .get(header::USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            let token = services.identity.open_session(account_id, agent).await?;
            Ok((signed_in(&services, token), Redirect::to("/welcome?new=1")).into_response())
        }
        Err(problem) if problem.status().is_client_error() => Ok(page(
            StatusCode::UNPROCESSABLE_ENTITY,
            &Setup {
                frame: visitor.frame(&services),
                problem: Some(problem.title().to_owned()),
                username,
                display_name,
            },
        )),
        Err(problem) => Err(problem),
    }
}

async fn make_owner(services: &Services, form: SetupForm) -> Result<spine::Snowflake, Problem> {
    let mut tx = services.spine.begin(Cause::system()).await?;
    services.identity.use_setup_code(&mut tx, &form.code).await?;
    let owner = Registration {
        username: form.username,
        display_name: form.display_name,
        email: None,
        password: form.password,
        role: Role::Owner,
        locale: "en".to_owned(),
    };
    let account = register_in(&services.social, &services.identity, &mut tx, owner).await?;
    tx.commit().await?;
    Ok(account.0)
}
