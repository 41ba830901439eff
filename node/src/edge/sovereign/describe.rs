//! The API's description (OpenAPI 3.1), made from its routes, and a page to try it on.

use axum::Router;
use axum::routing::get;
use contracts::api::{PREFIX, ProblemDocument};
use http::{HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::Modify;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa_swagger_ui::SwaggerUi;

use crate::edge::reply;

/// Swagger UI is scripts and styles of the node's own, and styles that the scripts write.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     frame-ancestors 'none'",
);

/// Where the page is: not below `/api/`, where a slash at the end means nothing, while the page's own files
/// lie below it.
const PAGE: &str = "/api-docs";

/// What the description says beside the routes.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Sovereign API",
        description = "The data platform of a Sovereign node: entities and edges of the knowledge \
            graph, search, the state of now, rules, connectors and channels, plugins, policies, \
            consent and audit.\n\nEvery call needs a token (OAuth 2; scopes `sovereign:read`, \
            `sovereign:write`, `sovereign:admin` and their parts) and may say what it is for \
            (`Sovereign-Purpose`). Errors are problem documents (RFC 9457). Lists are paged with \
            `cursor`. `Idempotency-Key` makes a creation safe to send again; `ETag`, `If-Match` and \
            `If-None-Match` tell versions.",
        license(name = "AGPL-3.0-or-later", identifier = "AGPL-3.0-or-later")
    ),
    components(schemas(ProblemDocument)),
    modifiers(&Security)
)]
pub struct Description;

/// Every route takes a bearer token.
struct Security;

impl Modify for Security {
    fn modify(&self, description: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        description.security =
            Some(vec![SecurityRequirement::new("token", std::iter::empty::<String>())]);
    }
}

/// The document and the page.
pub fn routes(description: OpenApi) -> Router {
    let document = description.to_json().map_err(|error| error.to_string());
    let answer =
        move || async move { document.map(reply::written).map_err(spine::Problem::internal) };
    let explorer = SwaggerUi::new(PAGE)
        .config(utoipa_swagger_ui::Config::from(format!("{PREFIX}/openapi.json")));
    let explorer = Router::from(explorer)
        .layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, PAGE_POLICY));
    Router::new().route(&format!("{PREFIX}/openapi.json"), get(answer)).merge(explorer)
}
