//! Hashtags.

use axum::Router;
use axum::routing::{get, post};
use spine::Problem;

use super::super::call::Call;
use super::super::path::PathText;
use super::super::reply::{Reply, empty_list, json};
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::anyone("tag.read", "read");
const READ_FOLLOWED: Action = Action::person("followed_tag.read", "read:follows");
const FOLLOW: Action = Action::person("tag.follow", "write:follows");
const READ_FEATURED: Action = Action::person("featured_tag.read", "read:accounts");
const FEATURE: Action = Action::person("tag.feature", "write:accounts");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/tags/{name}", get(show))
        .route("/api/v1/tags/{name}/follow", post(follow))
        .route("/api/v1/tags/{name}/unfollow", post(unfollow))
        .route("/api/v1/tags/{name}/feature", post(refuse_to_feature))
        .route("/api/v1/tags/{name}/unfeature", post(unfeature))
        .route("/api/v1/followed_tags", get(followed))
        .route("/api/v1/featured_tags", get(featured).post(refuse_to_feature_by_name))
        .route("/api/v1/featured_tags/suggestions", get(featured))
}

async fn show(PathText(name): PathText, call: Call) -> Reply {
    let viewer = call.may(&READ, &name)?;
    json(&call.social().tag_info(viewer, &name).await?)
}

async fn follow(PathText(name): PathText, call: Call) -> Reply {
    let me = call.person(&FOLLOW, &name)?;
    call.social().follow_tag(me, &name).await?;
    json(&call.social().tag_info(Some(me), &name).await?)
}

async fn unfollow(PathText(name): PathText, call: Call) -> Reply {
    let me = call.person(&FOLLOW, &name)?;
    call.social().unfollow_tag(me, &name).await?;
    json(&call.social().tag_info(Some(me), &name).await?)
}

async fn followed(call: Call) -> Reply {
    let me = call.person(&READ_FOLLOWED, "followed_tags")?;
    call.paged(&call.social().followed_tags(me, &call.page()?).await?)
}

async fn featured(call: Call) -> Reply {
    call.person(&READ_FEATURED, "featured_tags")?;
    Ok(empty_list())
}

async fn refuse_to_feature(PathText(name): PathText, call: Call) -> Reply {
    call.person(&FEATURE, name)?;
    Err(no_featured_tags())
}

async fn refuse_to_feature_by_name(call: Call) -> Reply {
    call.person(&FEATURE, "featured_tags")?;
    Err(no_featured_tags())
}

async fn unfeature(PathText(name): PathText, call: Call) -> Reply {
    let me = call.person(&FEATURE, &name)?;
    json(&call.social().tag_info(Some(me), &name).await?)
}

fn no_featured_tags() -> Problem {
    Problem::unprocessable("no-featured-tags", "This node does not keep featured hashtags yet")
}
