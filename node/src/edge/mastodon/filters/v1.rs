//! `/api/v1/filters`: every word is a filter, its id the word's.

use axum::Router;
use axum::routing::get;
use serde::Deserialize;
use social::commands::{FilterChange, FilterExpiry, KeywordChange};
use social::read::entities::{Filter, FilterV1};
use social::{AccountId, FilterKeywordId};
use spine::Problem;

use super::{READ, WRITE, expiry, expiry_of};
use crate::edge::call::Call;
use crate::edge::path::PathId;
use crate::edge::reply::{Reply, empty_object, json};
use crate::services::Services;

pub fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/filters", get(all).post(create))
        .route("/api/v1/filters/{id}", get(show).put(update).delete(remove))
}

/// A filter as an older client writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    phrase: Option<String>,
    context: Option<Vec<String>>,
    irreversible: Option<bool>,
    whole_word: Option<bool>,
    #[serde(deserialize_with = "expiry")]
    expires_in: Option<FilterExpiry>,
}

async fn all(call: Call) -> Reply {
    let me = call.person(&READ, "filters")?;
    let filters = call.social().filters(me).await?;
    json(&filters.iter().flat_map(Filter::v1).collect::<Vec<_>>())
}

async fn show(PathId(id): PathId<FilterKeywordId>, call: Call) -> Reply {
    let me = call.person(&READ, id)?;
    answer(&call, me, id).await
}

async fn create(call: Call) -> Reply {
    let me = call.person(&WRITE, "filters")?;
    let change = change(&call, None)?;
    let id = call.social().create_filter(me, change).await?;
    let filter = call.social().filter(me, id).await?;
    let word = filter.v1().next().ok_or_else(Problem::not_found)?;
    json(&word)
}

async fn update(PathId(id): PathId<FilterKeywordId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let filter = call.social().filter_with_keyword(me, id).await?;
    let mut change = change(&call, Some(id))?;
    if filter.keywords.as_ref().is_some_and(|words| words.len() > 1) {
        let same = change.contexts.as_ref().is_none_or(|it| *it == filter.context)
            && change.action.as_ref().is_none_or(|it| *it == filter.filter_action)
            && is_same_expiry(change.expiry, filter.expires_at.is_some());
        if !same {
            return Err(Problem::unprocessable(
                "several-keywords",
                "This filter has several words; change it in an app that knows such filters",
            ));
        }
        change.title = None;
    }
    call.social().update_filter(me, filter.id, change).await?;
    answer(&call, me, id).await
}

/// Removes the word, and its filter with the last one.
async fn remove(PathId(id): PathId<FilterKeywordId>, call: Call) -> Reply {
    let me = call.person(&WRITE, id)?;
    let filter = call.social().filter_with_keyword(me, id).await?;
    let is_last = filter.keywords.is_none_or(|words| words.len() <= 1)
        && filter.statuses.is_none_or(|posts| posts.is_empty());
    if is_last {
        call.social().delete_filter(me, filter.id).await?;
    } else {
        let gone = KeywordChange { id: Some(id), remove: true, ..KeywordChange::default() };
        let change = FilterChange { keywords: vec![gone], ..FilterChange::default() };
        call.social().update_filter(me, filter.id, change).await?;
    }
    Ok(empty_object())
}

/// Whether a filter that ends (or does not) still does so.
fn is_same_expiry(wanted: Option<FilterExpiry>, ends: bool) -> bool {
    match wanted {
        None => true,
        Some(FilterExpiry::Never) => !ends,
        Some(FilterExpiry::After(_)) => false,
    }
}

fn change(call: &Call, id: Option<FilterKeywordId>) -> Result<FilterChange, Problem> {
    let Parameters { phrase, context, irreversible, whole_word, expires_in } = call.typed()?;
    let word =
        KeywordChange { id, keyword: phrase.clone(), whole_word, ..KeywordChange::default() };
    let action = irreversible.map(|hide| if hide { "hide" } else { "warn" }.to_owned());
    Ok(FilterChange {
        title: phrase.map(|phrase| phrase.chars().take(256).collect()),
        contexts: context,
        action,
        expiry: expiry_of(call, expires_in),
        keywords: vec![word],
    })
}

async fn answer(call: &Call, me: AccountId, id: FilterKeywordId) -> Reply {
    let filter = call.social().filter_with_keyword(me, id).await?;
    let word: Option<FilterV1> = filter.v1().find(|word| word.id == id);
    json(&word.ok_or_else(Problem::not_found)?)
}
