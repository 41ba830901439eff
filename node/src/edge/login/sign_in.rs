//! Signing in and out with a browser.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use spine::Problem;
use url::{Position, Url};
use web::pages::SignIn;

use super::session::{Visitor, page, same_site, signed_in, signed_out};
use crate::edge::permissive::Permissive;
use crate::services::Services;

/// What the sign-in page is opened with.
#[derive(Deserialize)]
pub struct SignInQuery {
    next: Option<String>,
    app: Option<String>,
}

/// The form.
#[derive(Deserialize)]
pub struct SignInForm {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    next: Option<String>,
}

/// The form for signing out.
#[derive(Deserialize)]
pub struct SignOutForm {
    #[serde(default)]
    csrf: String,
}

/// Only a path of this node: never somewhere else (an open redirect).
///
/// It is read as browsers read it, which skip tabs and take `\` for `/`, and what goes out is what
/// was read. That is read once more, for a path may begin with what alone would name a host.
fn local_path(origin: &Url, next: Option<&str>) -> String {
    let read = |path: &str| {
        let address = origin.join(path).ok()?;
        let path = &address[Position::BeforePath..Position::AfterQuery];
        (address.origin() == origin.origin()).then(|| path.to_owned())
    };
    next.filter(|next| next.starts_with('/') && !next.contains(char::is_control))
        .and_then(read)
        .filter(|path| read(path).as_ref() == Some(path))
        .unwrap_or_else(|| "/welcome".to_owned())
}

/// `GET /sign-in`
///
/// # Errors
/// The database is away.
pub async fn form(
    State(services): State<Services>,
    visitor: Visitor,
    Permissive(query): Permissive<SignInQuery>,
) -> Result<Response, Problem> {
    Ok(page(
        StatusCode::OK,
        &SignIn {
            frame: visitor.frame(&services),
            problem: None,
            login: String::new(),
            next: local_path(&services.social.settings().origin, query.next.as_deref()),
            app: query.app,
        },
    ))
}

/// `POST /sign-in`
///
/// # Errors
/// A part is away, or the form came from elsewhere.
pub async fn sign_in(
    State(services): State<Services>,
    visitor: Visitor,
    headers: HeaderMap,
    Permissive(form): Permissive<SignInForm>,
) -> Result<Response, Problem> {
    same_site(&services, &headers)?;
    let next = local_path(&services.social.settings().origin, form.next.as_deref());
    match services.identity.log_in(&form.login, &form.password).await.map_err(Problem::from) {
        Ok(person) => {
            let agent = headers
                .get(header::USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            let token = services.identity.open_session(person.account_id, agent).await?;
            Ok((signed_in(&services, token), Redirect::to(&next)).into_response())
        }
        Err(problem) if problem.status().is_client_error() => Ok(page(
            StatusCode::UNPROCESSABLE_ENTITY,
            &SignIn {
                frame: visitor.frame(&services),
                problem: Some(problem.title().to_owned()),
                login: form.login,
                next,
                app: None,
            },
        )),
        Err(problem) => Err(problem),
    }
}

/// `POST /sign-out`
///
/// # Errors
/// A part is away, or the form came from elsewhere.
pub async fn sign_out(
    State(services): State<Services>,
    visitor: Visitor,
    headers: HeaderMap,
    Permissive(form): Permissive<SignOutForm>,
) -> Result<Response, Problem> {
    same_site(&services, &headers)?;
    if let (Some(token), true) = (visitor.token(), visitor.owns(&form.csrf)) {
        services.identity.close_session(token).await?;
    }
    Ok((signed_out(), Redirect::to("/")).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_on_this_node() {
        let origin = Url::parse("https://here.example").unwrap();
        let path = |text: &str| local_path(&origin, Some(text));
        for (asked, given) in [
            ("/oauth/authorize?x=1", "/oauth/authorize?x=1"),
            ("/oauth/authorize?next=//a.example", "/oauth/authorize?next=//a.example"),
            ("/ä b?ö=ü#part", "/%C3%A4%20b?%C3%B6=%C3%BC"),
            ("/a/../welcome", "/welcome"),
        ] {
            assert_eq!(path(asked), given);
            assert!(http::HeaderValue::try_from(path(asked)).is_ok());
        }
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\u{1}evil",
            "/\u{85}evil",
            " //evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "/.\\/evil.example",
            "/%2e//evil.example",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(path(elsewhere), "/welcome", "{elsewhere:?}");
        }
        assert_eq!(local_path(&origin, None), "/welcome");
    }
}
