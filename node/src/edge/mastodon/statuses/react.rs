//! Favourites, boosts, bookmarks, pins and mutes, each with its undoing. All answer the post as it
//! then is.

use serde::Deserialize;
use social::read::entities::Status;
use social::{AccountId, PostId, SocialError, Visibility};

use crate::edge::call::Call;
use crate::edge::path::PathId;
use crate::edge::reply::{Reply, json};
use crate::policy::Action;

const FAVOURITE: Action = Action::person("status.favourite", "write:favourites");
const REBLOG: Action = Action::person("status.reblog", "write:statuses");
const BOOKMARK: Action = Action::person("status.bookmark", "write:bookmarks");
const PIN: Action = Action::person("status.pin", "write:accounts");
const MUTE: Action = Action::person("status.mute", "write:mutes");
const READ_FAVOURITES: Action = Action::person("favourite.read", "read:favourites");
const READ_BOOKMARKS: Action = Action::person("bookmark.read", "read:bookmarks");

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Boost {
    visibility: Option<Visibility>,
}

async fn status(call: &Call, me: AccountId, id: PostId) -> Result<Status, SocialError> {
    call.social().status(Some(me), id).await
}

macro_rules! reactions {
    ($($route:ident => $command:ident, $action:expr;)*) => {$(
        pub async fn $route(PathId(id): PathId<PostId>, call: Call) -> Reply {
            let me = call.person(&$action, id)?;
            call.social().$command(me, id).await?;
            json(&status(&call, me, id).await?)
        }
    )*};
}

reactions! {
    favourite => favourite, FAVOURITE;
    unfavourite => unfavourite, FAVOURITE;
    bookmark => bookmark, BOOKMARK;
    unbookmark => unbookmark, BOOKMARK;
    pin => pin, PIN;
    unpin => unpin, PIN;
    mute => mute_conversation, MUTE;
    unmute => unmute_conversation, MUTE;
}

/// Answers the boost, which is a post of its own around the boosted one.
pub async fn reblog(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let me = call.person(&REBLOG, id)?;
    let Boost { visibility } = call.typed()?;
    let boost = call.social().boost(me, id, visibility).await?;
    json(&status(&call, me, boost).await?)
}

pub async fn unreblog(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let me = call.person(&REBLOG, id)?;
    call.social().unboost(me, id).await?;
    json(&status(&call, me, id).await?)
}

pub async fn favourites(call: Call) -> Reply {
    let me = call.person(&READ_FAVOURITES, "favourites")?;
    call.paged(&call.social().favourites(me, &call.page()?).await?)
}

pub async fn bookmarks(call: Call) -> Reply {
    let me = call.person(&READ_BOOKMARKS, "bookmarks")?;
    call.paged(&call.social().bookmarks(me, &call.page()?).await?)
}
