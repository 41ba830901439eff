//! The way back from an outside service's sign-in: a person let a plugin's account in there, and comes home.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use contracts::access::{Access, Caller};
use http::StatusCode;
use plugins::SignInAnswer;
use spine::Problem;
use web::pages::Done;

use crate::edge::login::session::{Visitor, page, problem_page};
use crate::services::Services;

/// The route.
pub fn routes() -> Router<Services> {
    Router::new().route("/oauth/plugins/callback", get(callback))
}

async fn callback(
    State(services): State<Services>,
    visitor: Visitor,
    Query(answer): Query<SignInAnswer>,
) -> Response {
    match finish(&services, &visitor, answer).await {
        Ok(plugin) => page(
            StatusCode::OK,
            &Done {
                frame: visitor.frame(&services),
                title: "You are signed in".to_owned(),
                text: format!("The plugin {plugin} can work for you now; you may close this page."),
            },
        ),
        Err(problem) => {
            problem_page(visitor.frame(&services), problem, "Please begin the sign-in again.")
        }
    }
}

async fn finish(
    services: &Services,
    visitor: &Visitor,
    answer: SignInAnswer,
) -> Result<String, Problem> {
    let session = visitor.session().ok_or_else(|| {
        Problem::unauthorized(
            "unauthorized",
            "Please sign in to this node in the same browser first",
        )
    })?;
    let policy = services.platform.policy.port();
    let caller = Caller::person(session.person.account_id);
    let access = Access::new(caller, policy);
    let signed_in = services.platform.plugins.finish_sign_in(&access, answer).await?;
    access.settled().await?;
    Ok(signed_in.plugin)
}
