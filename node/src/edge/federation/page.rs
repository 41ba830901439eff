//! The pages that people see where servers see documents.

use axum::response::Response;
use http::StatusCode;
use social::PostId;
use social::read::{AccountFilter, Page, PublicFilter, TagFilter};
use spine::Problem;
use web::pages::{Hashtag, PostPage, Profile};

use crate::edge::login::session::{Visitor, page};
use crate::edge::pages::post_view;
use crate::services::Services;

/// Posts on a person's page.
const POSTS: u32 = 20;
/// What is longer is no hashtag, in characters.
const LONGEST_HASHTAG: usize = 100;

/// The public page of an account of ours.
pub async fn profile(
    services: &Services,
    visitor: &Visitor,
    name: &str,
) -> Result<Response, Problem> {
    let account = services.social.account_by_acct(None, name).await?;
    let filter = AccountFilter { exclude_replies: true, ..AccountFilter::default() };
    let posts =
        services.social.account_statuses(None, account.id, &filter, &Page::first(POSTS)).await?;
    let shown =
        if account.display_name.is_empty() { &account.username } else { &account.display_name };
    Ok(page(
        StatusCode::OK,
        &Profile {
            frame: visitor.frame(services),
            name: shown.clone(),
            handle: handle(services, &account.acct),
            avatar: account.avatar.clone(),
            header: account.header.clone(),
            note_html: account.note.clone(),
            fields: account
                .fields
                .iter()
                .map(|field| (field.name.clone(), field.value.clone()))
                .collect(),
            counts: (account.statuses_count, account.following_count, account.followers_count),
            uri: account.uri.clone(),
            posts: posts.items.iter().map(post_view).collect(),
        },
    ))
}

/// The public page of a post of this account.
pub async fn post(
    services: &Services,
    visitor: &Visitor,
    name: &str,
    id: PostId,
) -> Result<Response, Problem> {
    let status = services.social.status(None, id).await?;
    if !status.account.acct.eq_ignore_ascii_case(name) {
        return Err(Problem::not_found());
    }
    let context = services.social.context(None, id).await?;
    Ok(page(
        StatusCode::OK,
        &PostPage {
            frame: visitor.frame(services),
            uri: status.body.uri.clone(),
            post: post_view(&status),
            before: context.ancestors.iter().map(post_view).collect(),
            after: context.descendants.iter().map(post_view).collect(),
        },
    ))
}

/// The public page of a hashtag: what people here wrote with it.
pub async fn tag(services: &Services, visitor: &Visitor, name: &str) -> Result<Response, Problem> {
    let name = name.to_lowercase();
    if name.is_empty() || name.chars().count() > LONGEST_HASHTAG {
        return Err(Problem::not_found());
    }
    let public = PublicFilter { local: true, ..PublicFilter::default() };
    let filter = TagFilter { public, ..TagFilter::default() };
    let posts = services.social.tag(None, &name, &filter, &Page::first(POSTS)).await?;
    Ok(page(
        StatusCode::OK,
        &Hashtag {
            frame: visitor.frame(services),
            name,
            posts: posts.items.iter().map(post_view).collect(),
        },
    ))
}

/// A handle with its host, as others write it.
fn handle(services: &Services, acct: &str) -> String {
    match acct.contains('@') {
        true => format!("@{acct}"),
        false => format!("@{acct}@{}", services.social.settings().domain()),
    }
}
