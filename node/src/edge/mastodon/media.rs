//! Uploads.

mod range;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::TryStreamExt as _;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use social::MediaId;
use social::media::Upload;
use social::read::entities::Focus;
use spine::Problem;

use super::super::call::Call;
use super::super::path::{PathId, PathText};
use super::super::permissive::{Limits, UploadedFile};
use super::super::reply::{Reply, empty_object, json};
use crate::policy::Action;
use crate::services::Services;
use range::Wanted;

const WRITE: Action = Action::person("media.write", "write:media");
/// Media is public by its unguessable address, as everywhere in the fediverse.
const READ: Action = Action::anyone("media.read", "");
/// Stored files never change: a changed picture has another address.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What somebody uploaded must never run in anybody's browser.
const INERT: HeaderValue =
    HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/media", post(upload))
        .route("/api/v2/media", post(upload))
        .route("/api/v1/media/{id}", get(show).put(update).delete(delete))
        .route("/media/{*path}", get(serve))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Description {
    description: Option<String>,
    focus: Option<String>,
}

/// Reads `x,y`, each from -1 to 1.
pub(super) fn focus(text: Option<&str>) -> Result<Option<Focus>, Problem> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let invalid = || {
        Problem::unprocessable(
            "invalid-parameter",
            "Validation failed: focus must be two numbers from -1 to 1, separated by a comma",
        )
    };
    let (x, y) = text.split_once(',').ok_or_else(invalid)?;
    let coordinate = |text: &str| {
        let number: f32 = text.trim().parse().map_err(|_| invalid())?;
        if number.is_finite() { Ok(number.clamp(-1.0, 1.0)) } else { Err(invalid()) }
    };
    Ok(Some(Focus { x: coordinate(x)?, y: coordinate(y)? }))
}

fn limits(services: &Services) -> Limits {
    let config = &services.config;
    let largest = config.media.max_video_bytes.max(config.media.max_image_bytes);
    Limits {
        text: config.http.max_body_bytes,
        files: largest.saturating_add(config.media.max_image_bytes),
    }
}

async fn upload(State(services): State<Services>, request: Request) -> Reply {
    let mut call = Call::read(request, &services, limits(&services), |caller| {
        caller.person(&WRITE, "media").map(drop)
    })
    .await?;
    let me = call.person(&WRITE, "media")?;
    let description: Description = call.typed()?;
    let focus = focus(description.focus.as_deref())?;
    let Some(UploadedFile { bytes, content_type, file_name, .. }) =
        call.parameters.take_file("file")
    else {
        return Err(Problem::unprocessable("no-file", "Validation failed: file can't be blank"));
    };
    let thumbnail = call.parameters.take_file("thumbnail").map(|file| file.bytes);
    let file_name = Some(file_name).filter(|name| !name.is_empty());
    let description = description.description;
    let upload = Upload { bytes, content_type, file_name, description, focus, thumbnail };
    json(&call.social().upload(me, upload).await?)
}

async fn show(PathId(id): PathId<MediaId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    json(&call.social().media(me, id).await?)
}

async fn update(
    PathId(id): PathId<MediaId>,
    State(services): State<Services>,
    request: Request,
) -> Reply {
    let call = Call::read(request, &services, limits(&services), |caller| {
        caller.person(&WRITE, id).map(drop)
    })
    .await?;
    let me = call.person(&WRITE, id)?;
    let description: Description = call.typed()?;
    let focus = focus(description.focus.as_deref())?;
    json(&call.social().update_media(me, id, description.description, focus).await?)
}

async fn delete(PathId(id): PathId<MediaId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    call.social().delete_media(me, id).await?;
    Ok(empty_object())
}

/// Serves a stored file, whole or a range of it (RFC 9110, section 14).
async fn serve(
    PathText(path): PathText,
    method: Method,
    headers: HeaderMap,
    call: Call,
) -> Result<Response, Problem> {
    call.may(&READ, &path)?;
    let file = call.social().open_media(&path).await?;
    let (status, part) = match Wanted::of(&method, &headers, file.size) {
        Wanted::Whole => (StatusCode::OK, 0..file.size),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::PastTheEnd => return past_the_end(file.size),
    };
    let mut answer = HeaderMap::new();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    answer.insert(header::CONTENT_LENGTH, (part.end - part.start).into());
    answer.insert(header::CACHE_CONTROL, FOR_EVER);
    answer.insert(header::CONTENT_SECURITY_POLICY, INERT);
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{}", part.start, part.end - 1, file.size);
        answer.insert(header::CONTENT_RANGE, text(range)?);
    }
    // What cannot be read any more breaks the connection off: the length is told already, so
    // nobody takes what came for the whole.
    let body = file.read(part).inspect_err(|error| {
        tracing::warn!(error = error as &dyn std::error::Error, "a file could not be served whole");
    });
    Ok((status, answer, Body::from_stream(body)).into_response())
}

fn past_the_end(size: u64) -> Result<Response, Problem> {
    let problem = Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "range-not-satisfiable",
        "The file ends before that range",
    );
    let mut answer = problem.into_response();
    answer.headers_mut().insert(header::CONTENT_RANGE, text(format!("bytes */{size}"))?);
    Ok(answer)
}

fn text(value: String) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(value).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_focus_is_two_numbers() {
        let focus = |text: &str| super::focus(Some(text));
        assert_eq!(focus("0.5, -2").unwrap(), Some(Focus { x: 0.5, y: -1.0 }));
        assert_eq!(focus("").unwrap(), None);
        for bad in ["1", "a,b", "NaN,0", "1,2,3"] {
            assert!(focus(bad).is_err(), "{bad}");
        }
    }
}
