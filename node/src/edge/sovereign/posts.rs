//! Posts as the graph takes them in: what the social service holds, in the words of this API.

use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::{Access, Resource, SpaceId, actions};
use contracts::api::ProblemDocument;
use serde::Serialize;
use social::read::entities::Status;
use social::text::plain_text;
use social::{AccountId, PostId, Visibility};
use spine::Problem;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::edge::path::PathText;
use crate::services::Services;

/// The routes.
pub fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(post))
}

/// A post, of this node or from the fediverse.
#[derive(Debug, Serialize, ToSchema)]
struct Post {
    /// Its id here, a decimal string.
    id: String,
    /// Its ActivityPub id.
    uri: String,
    /// Its page for people.
    url: String,
    /// Who wrote it.
    author: Author,
    /// Its text as HTML, cleaned.
    content_html: String,
    /// Its text.
    content_text: String,
    /// The warning in front of it.
    summary: Option<String>,
    /// When it was written.
    published: DateTime<Utc>,
    /// When it was last edited.
    edited: Option<DateTime<Utc>>,
    /// `public`, `unlisted`, `private`, `direct`.
    #[schema(value_type = String)]
    visibility: Visibility,
    /// Its hashtags.
    tags: Vec<String>,
    /// The ActivityPub id of the post that it replies to, where the caller may see that.
    in_reply_to_uri: Option<String>,
    /// Its attachments.
    attachments: Vec<PostAttachment>,
    /// Its language, ISO 639-1.
    language: Option<String>,
    /// Where it belongs: `public`, or its author's own space.
    #[schema(value_type = String)]
    space: SpaceId,
}

/// Who wrote a post.
#[derive(Debug, Serialize, ToSchema)]
struct Author {
    /// The account's id here.
    id: String,
    /// The account's ActivityPub id.
    uri: String,
    /// `name`, or `name@domain` for accounts of other servers.
    acct: String,
    /// What they call themselves.
    display_name: String,
    /// Their page.
    url: String,
    /// Whether a program writes.
    bot: bool,
}

/// A file of a post.
#[derive(Debug, Serialize, ToSchema)]
struct PostAttachment {
    /// Where it is.
    url: Option<String>,
    /// `image`, `gifv`, `video`, `audio` or `unknown`.
    kind: String,
    /// What it shows.
    description: Option<String>,
}

/// A post that the caller may see.
#[utoipa::path(
    get,
    path = "/social/posts/{id}",
    operation_id = "get_post",
    tag = "social",
    params(("id" = String, Path, description = "The post's id here", pattern = "^[0-9]{1,19}$")),
    responses(
        (status = 200, body = Post),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
async fn post(
    access: Access,
    State(services): State<Services>,
    PathText(id): PathText,
) -> Result<axum::Json<Post>, Problem> {
    let id: PostId = id.parse().map_err(|_| Problem::not_found())?;
    let viewer = access.caller().responsible().map(AccountId);
    let status = services.social.status(viewer, id).await?;
    let parent = match status.body.in_reply_to_id {
        Some(parent) => services.social.statuses(viewer, &[parent]).await?.pop(),
        None => None,
    };
    let post = view(&status, parent.as_ref());
    let resource = Resource::new("post", post.id.clone(), post.space.clone());
    access.require_visible(actions::POST_READ, &resource)?;
    Ok(axum::Json(post))
}

fn view(status: &Status, parent: Option<&Status>) -> Post {
    let (body, account) = (&status.body, &status.account);
    let space = match body.visibility {
        Visibility::Public | Visibility::Unlisted => SpaceId::public(),
        Visibility::Private | Visibility::Direct => SpaceId::of_person(account.id.0),
    };
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Post {
        id: body.id.to_string(),
        uri: body.uri.clone(),
        url: body.url.clone(),
        author: Author {
            id: account.id.to_string(),
            uri: account.uri.clone(),
            acct: account.acct.clone(),
            display_name: account.display_name.clone(),
            url: account.url.clone(),
            bot: account.bot,
        },
        content_html: body.content.clone(),
        content_text: plain_text(&body.content),
        summary: text(&body.spoiler_text),
        published: body.created_at.0,
        edited: body.edited_at.map(|time| time.0),
        visibility: body.visibility,
        tags: body.tags.iter().map(|tag| tag.name.clone()).collect(),
        in_reply_to_uri: parent.map(|parent| parent.body.uri.clone()),
        attachments: body
            .media_attachments
            .iter()
            .map(|file| PostAttachment {
                url: file.url.clone(),
                kind: file.kind.clone(),
                description: file.description.clone(),
            })
            .collect(),
        language: body.language.clone(),
        space,
    }
}
