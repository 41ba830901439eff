//! From the client API's entities to what the web pages show.

use social::read::entities::Status;
use web::pages::Post;

/// A post (or the post that a boost is about) as pages show it.
pub fn post_view(status: &Status) -> Post {
    if let Some(boosted) = &status.reblog {
        return post_view(boosted);
    }
    let (body, author) = (&status.body, &status.account);
    let name = if author.display_name.is_empty() { &author.username } else { &author.display_name };
    Post {
        url: body.url.clone(),
        author: name.clone(),
        handle: format!("@{}", author.acct),
        author_url: author.url.clone(),
        avatar: author.avatar.clone(),
        content_html: body.content.clone(),
        spoiler: body.spoiler_text.clone(),
        time: body.created_at.0.to_rfc3339(),
        time_text: body.created_at.0.format("%-d %B %Y, %H:%M").to_string(),
        pictures: body
            .media_attachments
            .iter()
            .filter_map(|media| {
                let preview = media.preview_url.as_ref().or(media.url.as_ref())?;
                Some((preview.clone(), media.description.clone().unwrap_or_default()))
            })
            .collect(),
    }
}
