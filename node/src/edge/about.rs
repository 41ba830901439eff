//! The page that says what the node is, which version of the program runs, and where its source is:
//! the licence wants that offered to everyone who uses it (AGPL-3.0, section 13).

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use spine::Problem;
use web::pages::About;

use super::login::session::{Visitor, page};
use super::mastodon::VERSION;
use crate::policy::{self, Access, Action, Principal, Purpose};
use crate::services::Services;

const READ: Action = Action::anyone("about.read", "");

/// The route.
pub fn routes() -> Router<Services> {
    Router::new().route("/about", get(about))
}

async fn about(State(services): State<Services>, visitor: Visitor) -> Result<Response, Problem> {
    policy::decide(&Access {
        principal: Principal::Anonymous,
        action: &READ,
        resource: &"about",
        purpose: Purpose::Use,
    })?;
    let settings = services.social.settings();
    Ok(page(
        StatusCode::OK,
        &About {
            frame: visitor.frame(&services),
            description: settings.description.clone(),
            version: VERSION,
            source_url: settings.source_url.as_ref().map(ToString::to_string),
            contact_email: settings.contact_email.clone(),
        },
    ))
}
