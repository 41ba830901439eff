//! The authorize page: a person allows an app (RFC 6749, section 4.1.1).

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use identity::{AuthorizationRequest, Identity};
use serde::Deserialize;
use spine::Problem;
use url::Url;
use web::pages::{Authorize, Code};

use super::abilities::in_plain_words;
use super::session::{Visitor, page, problem_page, same_site, signed_out};
use crate::edge::permissive::Permissive;
use crate::services::Services;

/// What an app sends a person with.
#[derive(Clone, Deserialize)]
pub struct AuthorizeQuery {
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    client_id: String,
    redirect_uri: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    #[serde(default)]
    force_login: bool,
}

impl AuthorizeQuery {
    /// The parameters as the form carries them on.
    fn parameters(&self) -> Vec<(String, String)> {
        let optional = [
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.scope),
            ("state", &self.state),
            ("code_challenge", &self.code_challenge),
            ("code_challenge_method", &self.code_challenge_method),
        ];
        [("response_type", &self.response_type), ("client_id", &self.client_id)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .chain(optional.into_iter().filter_map(|(name, value)| {
                value.as_ref().map(|value| (name.to_owned(), value.clone()))
            }))
            .collect()
    }

    /// The address of this very page, to come back to after signing in.
    fn here(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.parameters() {
            query.append_pair(&name, &value);
        }
        format!("/oauth/authorize?{}", query.finish())
    }
}

/// The answer of the form.
#[derive(Deserialize)]
pub struct AuthorizeForm {
    #[serde(flatten)]
    query: AuthorizeQuery,
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    decision: String,
}

async fn check(
    services: &Services,
    query: &AuthorizeQuery,
) -> Result<AuthorizationRequest, Problem> {
    let request = services
        .identity
        .check_authorization(
            &query.client_id,
            query.redirect_uri.as_deref(),
            query.scope.as_deref(),
            query.code_challenge.as_deref(),
            query.code_challenge_method.as_deref(),
        )
        .await?;
    if query.response_type != "code" {
        return Err(Problem::bad_request(
            "unsupported-response-type",
            "The app must ask with response_type=code",
        ));
    }
    Ok(request)
}

/// `GET /oauth/authorize`
///
/// # Errors
/// The database is away. What an app did wrong is told to the person on a page, and never sent to
/// an address that is not the app's own.
pub async fn ask(
    State(services): State<Services>,
    visitor: Visitor,
    Permissive(query): Permissive<AuthorizeQuery>,
) -> Result<Response, Problem> {
    let frame = visitor.frame(&services);
    let request = match check(&services, &query).await {
        Ok(request) => request,
        Err(problem) => {
            let advice = "The app asked in a way that this node cannot accept. Please go back to \
                          the app and try again.";
            return Ok(problem_page(frame, problem, advice));
        }
    };
    let Some(session) = visitor.session().filter(|_| !query.force_login) else {
        return Ok(Redirect::to(&to_sign_in(&query, &request)).into_response());
    };
    Ok(page(
        StatusCode::OK,
        &Authorize {
            frame,
            app: request.app.name.clone(),
            website: request.app.website.clone(),
            username: session.person.username.clone(),
            abilities: in_plain_words(&request.scopes),
            parameters: query.parameters(),
            csrf: visitor.csrf(),
        },
    ))
}

/// The sign-in page that leads back here, without `force_login`: once is enough.
fn to_sign_in(query: &AuthorizeQuery, request: &AuthorizationRequest) -> String {
    let mut sign_in = url::form_urlencoded::Serializer::new(String::from("/sign-in?"));
    sign_in.append_pair("next", &query.here()).append_pair("app", &request.app.name);
    sign_in.finish()
}

/// `POST /oauth/authorize`
///
/// # Errors
/// The form came from elsewhere, or a part is away.
pub async fn answer(
    State(services): State<Services>,
    visitor: Visitor,
    headers: HeaderMap,
    Permissive(form): Permissive<AuthorizeForm>,
) -> Result<Response, Problem> {
    same_site(&services, &headers)?;
    let request = check(&services, &form.query).await?;
    let Some(session) = visitor.session().filter(|_| visitor.owns(&form.csrf)) else {
        return Ok(Redirect::to(&to_sign_in(&form.query, &request)).into_response());
    };
    let state = form.query.state.as_deref();
    match form.decision.as_str() {
        "allow" => {
            let code = services.identity.authorize(&request, session.person.account_id).await?;
            if Identity::is_out_of_band(&request.redirect_uri) {
                let frame = visitor.frame(&services);
                return Ok(page(StatusCode::OK, &Code { frame, app: request.app.name, code }));
            }
            send_back(&request, state, &[("code", &code)])
        }
        "switch" => {
            if let Some(token) = visitor.token() {
                services.identity.close_session(token).await?;
            }
            let to = to_sign_in(&form.query, &request);
            Ok((signed_out(), Redirect::to(&to)).into_response())
        }
        _ if Identity::is_out_of_band(&request.redirect_uri) => {
            Ok(Redirect::to("/").into_response())
        }
        _ => {
            let why =
                [("error", "access_denied"), ("error_description", "The person did not allow it.")];
            send_back(&request, state, &why)
        }
    }
}

/// Sends the browser to the app with the answer, keeping the address's own parameters.
fn send_back(
    request: &AuthorizationRequest,
    state: Option<&str>,
    answer: &[(&str, &str)],
) -> Result<Response, Problem> {
    let mut address = Url::parse(&request.redirect_uri).map_err(Problem::internal)?;
    {
        let mut query = address.query_pairs_mut();
        query.extend_pairs(answer);
        if let Some(state) = state {
            query.append_pair("state", state);
        }
    }
    let location = http::HeaderValue::try_from(address.as_str()).map_err(Problem::internal)?;
    Ok((
        StatusCode::SEE_OTHER,
        [
            (header::LOCATION, location),
            (header::CACHE_CONTROL, http::HeaderValue::from_static("no-store")),
        ],
    )
        .into_response())
}
