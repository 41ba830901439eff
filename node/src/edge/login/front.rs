//! The front page, the welcome page and static files.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use social::read::{Page, PublicFilter};
use spine::Problem;
use web::pages::{Home, Setup, Welcome};

use super::session::{Visitor, page};
use crate::edge::pages::post_view;
use crate::edge::permissive::Permissive;
use crate::services::Services;

/// How many posts the front page shows.
const LATEST: u32 = 10;

/// What the welcome page is opened with.
#[derive(Deserialize)]
pub struct WelcomeQuery {
    #[serde(default)]
    new: bool,
}

/// `GET /`: set-up while the node is new, else its public face.
///
/// # Errors
/// The database is away.
pub async fn front(
    State(services): State<Services>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let frame = visitor.frame(&services);
    if services.identity.is_empty().await? {
        let (username, display_name) = (String::new(), String::new());
        return Ok(page(StatusCode::OK, &Setup { frame, problem: None, username, display_name }));
    }
    let filter = PublicFilter { local: true, ..PublicFilter::default() };
    let latest = services.social.public(None, &filter, &Page::first(LATEST)).await?;
    let numbers = services.social.instance_v1().await?.stats;
    let settings = services.social.settings();
    Ok(page(
        StatusCode::OK,
        &Home {
            frame,
            description: settings.description.clone(),
            people: numbers.user_count,
            posts: numbers.status_count,
            registrations: settings.registrations_open,
            latest: latest.items.iter().map(post_view).collect(),
        },
    ))
}

/// `GET /welcome`
///
/// # Errors
/// The database is away.
pub async fn welcome(
    State(services): State<Services>,
    visitor: Visitor,
    Permissive(query): Permissive<WelcomeQuery>,
) -> Result<Response, Problem> {
    let Some(session) = visitor.session() else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    Ok(page(
        StatusCode::OK,
        &Welcome {
            frame: visitor.frame(&services),
            username: session.person.username.clone(),
            is_new: query.new,
            csrf: visitor.csrf(),
        },
    ))
}

/// `GET /static/{file}`
///
/// # Errors
/// 404.
pub async fn static_file(
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let file = web::static_file(&name).ok_or_else(Problem::not_found)?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known == Some(file.etag.as_str()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    Ok((
        [
            (header::CONTENT_TYPE, file.content_type),
            (header::CACHE_CONTROL, "public, max-age=3600"),
            (header::ETAG, file.etag.as_str()),
        ],
        file.body.into_owned(),
    )
        .into_response())
}
