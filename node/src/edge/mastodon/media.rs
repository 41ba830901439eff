//! Uploads.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use social::MediaId;
use social::media::Upload;
use social::read::entities::Focus;
use spine::Problem;

use super::super::call::Call;
use super::super::path::{PathId, PathText};
use super::super::permissive::{Limits, UploadedFile};
use super::super::reply::{Reply, json};
use crate::policy::Action;
use crate::services::Services;

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
        .route("/api/v1/media/{id}", get(show).put(update))
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

/// Serves a stored file, whole or a range of it (RFC 9110, section 14).
async fn serve(
    PathText(path): PathText,
    headers: HeaderMap,
    call: Call,
) -> Result<Response, Problem> {
    call.may(&READ, &path)?;
    let range = headers.get(header::RANGE).and_then(|range| single_range(range.to_str().ok()?));
    let file = call.social().open_media(&path, range).await?;
    let length = u64::try_from(file.bytes.len()).unwrap_or(u64::MAX);
    let mut answer = HeaderMap::new();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    answer.insert(header::CACHE_CONTROL, FOR_EVER);
    answer.insert(header::CONTENT_SECURITY_POLICY, INERT);
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let Some((first, _)) = range else {
        return Ok((answer, file.bytes).into_response());
    };
    if length == 0 {
        let whole = format!("bytes */{}", file.size);
        answer.insert(
            header::CONTENT_RANGE,
            HeaderValue::try_from(whole).map_err(Problem::internal)?,
        );
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, answer).into_response());
    }
    let part = format!("bytes {first}-{}/{}", first + length - 1, file.size);
    answer.insert(header::CONTENT_RANGE, HeaderValue::try_from(part).map_err(Problem::internal)?);
    Ok((StatusCode::PARTIAL_CONTENT, answer, file.bytes).into_response())
}

/// `bytes=first-last` or `bytes=first-`; several ranges, or the last so many bytes, get the whole
/// file, which is always allowed.
fn single_range(header: &str) -> Option<(u64, Option<u64>)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.trim().parse().ok()?;
    let last = match last.trim() {
        "" => None,
        last => Some(last.parse().ok().filter(|last| *last >= first)?),
    };
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_or_ignored() {
        assert_eq!(single_range("bytes=0-99"), Some((0, Some(99))));
        assert_eq!(single_range("bytes=100-"), Some((100, None)));
        for other in ["bytes=-5", "bytes=5-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b"] {
            assert_eq!(single_range(other), None, "{other}");
        }
    }

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
