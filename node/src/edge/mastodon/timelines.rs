//! Timelines.

use axum::Router;
use axum::routing::get;
use serde::Deserialize;
use social::ListId;
use social::read::{PublicFilter, TagFilter};

use super::super::call::Call;
use super::super::path::{PathId, PathText};
use super::super::reply::{Reply, empty_list, written};
use crate::policy::Action;
use crate::services::Services;

const HOME: Action = Action::person("timeline.home", "read:statuses");
const PUBLIC: Action = Action::anyone("timeline.public", "read:statuses");
const LIST: Action = Action::person("timeline.list", "read:lists");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/timelines/home", get(home))
        .route("/api/v1/timelines/public", get(public))
        .route("/api/v1/timelines/tag/{tag}", get(tag))
        .route("/api/v1/timelines/list/{id}", get(list))
        .route("/api/v1/timelines/link", get(link))
        .route("/api/v1/timelines/direct", get(direct))
}

/// Whose public posts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PublicParameters {
    local: bool,
    remote: bool,
    only_media: bool,
    any: Vec<String>,
    all: Vec<String>,
    none: Vec<String>,
}

impl PublicParameters {
    fn filter(&self) -> PublicFilter {
        PublicFilter { local: self.local, remote: self.remote, only_media: self.only_media }
    }
}

async fn home(call: Call) -> Reply {
    let me = call.person(&HOME, "home")?;
    let page = call.social().home_json(me, &call.page()?).await?;
    Ok(call.linked(written(page.body), page.links))
}

async fn public(call: Call) -> Reply {
    let viewer = call.may(&PUBLIC, "public")?;
    let filter = call.typed::<PublicParameters>()?.filter();
    call.paged(&call.social().public(viewer, &filter, &call.page()?).await?)
}

async fn tag(PathText(name): PathText, call: Call) -> Reply {
    let viewer = call.may(&PUBLIC, &name)?;
    let parameters: PublicParameters = call.typed()?;
    let public = parameters.filter();
    let PublicParameters { any, all, none, .. } = parameters;
    let filter = TagFilter { any, all, none, public };
    call.paged(&call.social().tag(viewer, &name, &filter, &call.page()?).await?)
}

async fn list(PathId(id): PathId<ListId>, call: Call) -> Reply {
    let me = call.person(&LIST, id)?;
    call.paged(&call.social().list_timeline(me, id, &call.page()?).await?)
}

/// Posts that link to a page: not collected.
async fn link(call: Call) -> Reply {
    call.may(&PUBLIC, "link")?;
    Ok(empty_list())
}

/// Long gone from Mastodon; `conversations` took its place.
async fn direct(call: Call) -> Reply {
    call.person(&HOME, "direct")?;
    Ok(empty_list())
}
