//! `/api/v2/filters`.

use axum::Router;
use axum::routing::get;
use serde::Deserialize;
use social::commands::{FilterChange, FilterExpiry, KeywordChange};
use social::{FilterId, FilterKeywordId, FilterPostId, PostId};
use spine::Problem;

use super::{READ, WRITE, expiry, expiry_of};
use crate::edge::call::Call;
use crate::edge::path::PathId;
use crate::edge::permissive::absent_if_empty;
use crate::edge::reply::{Reply, empty_object, json};
use crate::services::Services;

pub fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v2/filters", get(all).post(create))
        .route("/api/v2/filters/{id}", get(show).put(update).delete(remove))
        .route("/api/v2/filters/{id}/keywords", get(keywords).post(add_keyword))
        .route("/api/v2/filters/{id}/statuses", get(statuses).post(add_status))
        .route(
            "/api/v2/filters/keywords/{id}",
            get(keyword).put(update_keyword).delete(remove_keyword),
        )
        .route("/api/v2/filters/statuses/{id}", get(status).delete(remove_status))
}

/// A filter as a client writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    title: Option<String>,
    context: Option<Vec<String>>,
    filter_action: Option<String>,
    #[serde(deserialize_with = "expiry")]
    expires_in: Option<FilterExpiry>,
    keywords_attributes: Vec<Keyword>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Keyword {
    #[serde(deserialize_with = "absent_if_empty")]
    id: Option<FilterKeywordId>,
    keyword: Option<String>,
    whole_word: Option<bool>,
    #[serde(rename = "_destroy")]
    remove: bool,
}

impl From<Keyword> for KeywordChange {
    fn from(word: Keyword) -> Self {
        let Keyword { id, keyword, whole_word, remove } = word;
        Self { id, keyword, whole_word, remove }
    }
}

#[derive(Debug, Deserialize)]
struct Status {
    status_id: PostId,
}

fn change(call: &Call) -> Result<FilterChange, Problem> {
    let parameters: Parameters = call.typed()?;
    Ok(FilterChange {
        title: parameters.title,
        contexts: parameters.context,
        action: parameters.filter_action,
        expiry: expiry_of(call, parameters.expires_in),
        keywords: parameters.keywords_attributes.into_iter().map(Into::into).collect(),
    })
}

async fn all(call: Call) -> Reply {
    let me = call.person(&READ, "filters")?;
    json(&call.social().filters(me).await?)
}

async fn show(PathId(id): PathId<FilterId>, call: Call) -> Reply {
    let me = call.person(&READ, id)?;
    json(&call.social().filter(me, id).await?)
}

async fn create(call: Call) -> Reply {
    let me = call.person(&WRITE, "filters")?;
    let id = call.social().create_filter(me, change(&call)?).await?;
    json(&call.social().filter(me, id).await?)
}

async fn update(PathId(id): PathId<FilterId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    call.social().update_filter(me, id, change(&call)?).await?;
    json(&call.social().filter(me, id).await?)
}

async fn remove(PathId(id): PathId<FilterId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    call.social().delete_filter(me, id).await?;
    Ok(empty_object())
}

async fn keywords(PathId(id): PathId<FilterId>, call: Call) -> Reply {
    let me = call.person(&READ, id)?;
    json(&call.social().filter(me, id).await?.keywords.unwrap_or_default())
}

async fn statuses(PathId(id): PathId<FilterId>, call: Call) -> Reply {
    let me = call.person(&READ, id)?;
    json(&call.social().filter(me, id).await?.statuses.unwrap_or_default())
}

async fn add_keyword(PathId(id): PathId<FilterId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let Keyword { keyword, whole_word, .. } = call.typed()?;
    let (word, whole) = (keyword.unwrap_or_default(), whole_word.unwrap_or(false));
    let id = call.social().add_filter_keyword(me, id, word, whole).await?;
    keyword_answer(&call, me, id).await
}

async fn add_status(PathId(id): PathId<FilterId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let Status { status_id } = call.typed()?;
    let entry = call.social().add_filter_post(me, id, status_id).await?;
    status_answer(&call, me, entry).await
}

async fn keyword(PathId(id): PathId<FilterKeywordId>, call: Call) -> Reply {
    let me = call.person(&READ, id)?;
    keyword_answer(&call, me, id).await
}

async fn update_keyword(PathId(id): PathId<FilterKeywordId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let word = Keyword { id: Some(id), remove: false, ..call.typed()? };
    change_keyword(&call, me, word.into()).await?;
    keyword_answer(&call, me, id).await
}

async fn remove_keyword(PathId(id): PathId<FilterKeywordId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let gone = KeywordChange { id: Some(id), remove: true, ..KeywordChange::default() };
    change_keyword(&call, me, gone).await?;
    Ok(empty_object())
}

async fn change_keyword(
    call: &Call,
    me: social::AccountId,
    change: KeywordChange,
) -> Result<(), Problem> {
    let Some(id) = change.id else { return Err(Problem::not_found()) };
    let filter = call.social().filter_with_keyword(me, id).await?;
    let change = FilterChange { keywords: vec![change], ..FilterChange::default() };
    Ok(call.social().update_filter(me, filter.id, change).await?)
}

async fn keyword_answer(call: &Call, me: social::AccountId, id: FilterKeywordId) -> Reply {
    let filter = call.social().filter_with_keyword(me, id).await?;
    let word = filter.keywords.into_iter().flatten().find(|word| word.id == id);
    json(&word.ok_or_else(Problem::not_found)?)
}

async fn status(PathId(id): PathId<FilterPostId>, call: Call) -> Reply {
    let me = call.person(&READ, id)?;
    status_answer(&call, me, id).await
}

async fn status_answer(call: &Call, me: social::AccountId, id: FilterPostId) -> Reply {
    let filter = call.social().filter_with_post(me, id).await?;
    let entry = filter.statuses.into_iter().flatten().find(|entry| entry.id == id);
    json(&entry.ok_or_else(Problem::not_found)?)
}

/// Answers the entry as it was, as the API's documentation has it.
async fn remove_status(PathId(id): PathId<FilterPostId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let entry = status_answer(&call, me, id).await?;
    call.social().delete_filter_post(me, id).await?;
    Ok(entry)
}
