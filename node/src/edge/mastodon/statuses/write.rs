//! Writing, editing and deleting posts.

use http::HeaderMap;
use serde::Deserialize;
use social::commands::{MediaChange, NewPoll, NewPost, PostEdit};
use social::{MediaId, PostId, Visibility};
use spine::Problem;

use super::super::media;
use super::WRITE;
use crate::edge::call::Call;
use crate::edge::path::PathId;
use crate::edge::permissive::absent_if_empty;
use crate::edge::reply::{Reply, json};

/// Longest `Idempotency-Key`.
const LONGEST_KEY: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    status: Option<String>,
    spoiler_text: Option<String>,
    sensitive: Option<bool>,
    language: Option<String>,
    visibility: Option<String>,
    #[serde(deserialize_with = "absent_if_empty")]
    in_reply_to_id: Option<PostId>,
    media_ids: Option<Vec<MediaId>>,
    media_attributes: Vec<MediaAttributes>,
    poll: Option<PollParameters>,
    scheduled_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct MediaAttributes {
    id: MediaId,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    focus: Option<String>,
}

impl MediaAttributes {
    fn change(self) -> Result<MediaChange, Problem> {
        let focus = media::focus(self.focus.as_deref())?.map(|focus| (focus.x, focus.y));
        Ok(MediaChange { id: self.id, description: self.description, focus })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PollParameters {
    options: Vec<String>,
    expires_in: Option<u32>,
    multiple: bool,
    hide_totals: bool,
}

impl PollParameters {
    /// A poll without options is what some clients send for "no poll".
    fn poll(self) -> Result<Option<NewPoll>, Problem> {
        if self.options.is_empty() {
            return Ok(None);
        }
        let seconds = self.expires_in.ok_or_else(|| invalid("poll.expires_in can't be blank"))?;
        Ok(Some(NewPoll {
            options: self.options,
            expires_in: std::time::Duration::from_secs(seconds.into()),
            multiple: self.multiple,
            hide_totals: self.hide_totals,
        }))
    }
}

pub async fn create(headers: HeaderMap, call: Call) -> Reply {
    let me = call.person(&WRITE, "status")?;
    let parameters: Parameters = call.typed()?;
    if parameters.scheduled_at.is_some_and(|time| !time.is_empty()) {
        // Posting now what should come later would be worse than saying no.
        return Err(invalid("scheduled_at: this node does not schedule posts yet"));
    }
    let visibility = parameters
        .visibility
        .filter(|visibility| !visibility.is_empty())
        .map(|name| visibility_of(&name))
        .transpose()?;
    let idempotency_key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY)
        .map(str::to_owned);
    let new = NewPost {
        text: parameters.status.unwrap_or_default(),
        spoiler_text: parameters.spoiler_text.unwrap_or_default(),
        sensitive: parameters.sensitive,
        language: parameters.language.filter(|language| !language.is_empty()),
        visibility,
        in_reply_to: parameters.in_reply_to_id,
        media: parameters.media_ids.unwrap_or_default(),
        poll: parameters.poll.map(PollParameters::poll).transpose()?.flatten(),
        application: call
            .caller
            .app()
            .map(|app| (app.name.to_owned(), app.website.map(str::to_owned))),
        idempotency_key,
    };
    json(&call.social().publish_post(me, new).await?)
}

pub async fn edit(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let parameters: Parameters = call.typed()?;
    let media_changes = parameters
        .media_attributes
        .into_iter()
        .map(MediaAttributes::change)
        .collect::<Result<_, Problem>>()?;
    let edit = PostEdit {
        text: parameters.status,
        spoiler_text: parameters.spoiler_text,
        sensitive: parameters.sensitive,
        language: parameters.language.filter(|language| !language.is_empty()),
        media: parameters.media_ids,
        media_changes,
        poll: parameters.poll.map(PollParameters::poll).transpose()?.flatten(),
    };
    call.social().edit_post(me, id, edit).await?;
    json(&call.social().status(Some(me), id).await?)
}

/// Answers the post as it was, with its source, so that "delete and redraft" has what it needs.
pub async fn delete(PathId(id): PathId<PostId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let source = call.social().status_source(me, id).await?;
    let status = call.social().status(Some(me), id).await?;
    let mut answer = serde_json::to_value(&status).map_err(Problem::internal)?;
    answer["text"] = source.text.into();
    answer["spoiler_text"] = source.spoiler_text.into();
    call.social().delete_post(me, id).await?;
    json(&answer)
}

fn visibility_of(name: &str) -> Result<Visibility, Problem> {
    match name {
        "public" => Ok(Visibility::Public),
        "unlisted" => Ok(Visibility::Unlisted),
        "private" => Ok(Visibility::Private),
        "direct" => Ok(Visibility::Direct),
        _ => Err(invalid("visibility must be one of public, unlisted, private, direct")),
    }
}

fn invalid(what: &str) -> Problem {
    Problem::unprocessable("invalid-parameter", format!("Validation failed: {what}"))
}
