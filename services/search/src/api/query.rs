//! `GET /search`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::{Access, SpaceId, actions};
use contracts::api::problems::OfLists;
use contracts::api::{Cursor, PageQuery, Query};
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::document::is_storable;
use crate::question::LONGEST;
use crate::{
    FacetKind, FacetValue, Filters, Highlight, Hit, Place, Question, Search, SearchError, TextQuery,
};

/// The most values of one filter.
const MOST_VALUES: usize = 20;
/// The longest value of a filter.
const LONGEST_VALUE: usize = 200;

/// What is searched for.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Words, the last of which may be unfinished; `"a phrase"`; `-without`. Typing errors are forgiven.
    /// Left out or empty: everything, the newest first.
    #[serde(default)]
    #[param(max_length = 200)]
    q: Option<String>,
    /// One of these types, with commas between: `Event,Message`.
    #[serde(default)]
    r#type: Option<String>,
    /// In one of these spaces, with commas between.
    #[serde(default)]
    space: Option<String>,
    /// With all of these labels, with commas between.
    #[serde(default)]
    label: Option<String>,
    /// Happens then or later.
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    /// Happens before.
    #[serde(default)]
    to: Option<DateTime<Utc>>,
    /// Which counts are wanted, with commas between: `type`, `space`, `label`.
    #[serde(default)]
    #[param(pattern = "^((type|space|label)(,(type|space|label))*)?$")]
    facets: Option<String>,
    /// Whether matches are marked.
    #[serde(default)]
    highlight: Option<bool>,
    /// Where to go on, as the answer before said in `next`.
    #[serde(default)]
    cursor: Option<String>,
    /// At most so many hits; 50 where nothing is said.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What was found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SearchAnswer {
    /// The hits, the best first.
    items: Vec<SearchHit>,
    /// The counts that were asked for, each with the most frequent value first.
    facets: BTreeMap<String, Vec<FacetValue>>,
    /// Where the next part begins (parameter `cursor`); absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// About how many there are in all; 10,000 may stand for more.
    estimated_total: u64,
}

/// A hit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SearchHit {
    /// What was found.
    entity: FoundEntity,
    /// How well it fits: greater is better, within one answer.
    score: f64,
    /// Its matches, where they were asked for. Plain text in parts, never markup.
    highlights: Vec<Highlight>,
}

/// An entity as the index knows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FoundEntity {
    /// Its id.
    id: Uuid,
    /// Its type, by schema.org's name.
    r#type: String,
    /// Where it is.
    space: SpaceId,
    /// The version that was found.
    version: u32,
    /// Its labels.
    labels: Vec<String>,
    /// What it is called.
    title: String,
    /// Who has to do with it.
    people: Vec<String>,
    /// When it happens in the world, where known.
    when: Option<DateTime<Utc>>,
    /// Its web address, where it has one.
    url: Option<String>,
    /// Its language, where it says so.
    language: Option<String>,
    /// Since when this version is known.
    recorded_at: DateTime<Utc>,
}

impl From<Hit> for SearchHit {
    fn from(hit: Hit) -> Self {
        let document = hit.document;
        Self {
            entity: FoundEntity {
                id: document.id,
                r#type: document.r#type,
                space: document.space,
                version: document.version,
                labels: document.labels,
                title: document.title,
                people: document.people,
                when: document.when,
                url: document.url,
                language: document.language,
                recorded_at: document.recorded_at,
            },
            score: hit.score,
            highlights: hit.highlights,
        }
    }
}

impl SearchQuery {
    fn into_question(self) -> Result<Question, Problem> {
        let text = self.q.unwrap_or_default();
        if text.chars().count() > LONGEST {
            return Err(invalid(
                "invalid-query",
                format!("`q` is longer than {LONGEST} characters"),
            ));
        }
        let page = PageQuery { cursor: self.cursor, limit: self.limit };
        let spaces = values("space", self.space)?
            .into_iter()
            .map(|space| space.parse::<SpaceId>())
            .collect::<Result<_, _>>()
            .map_err(|error| invalid("invalid-space", error.to_string()))?;
        let mut facets = Vec::new();
        for name in values("facets", self.facets)? {
            let kind = FacetKind::ALL.into_iter().find(|kind| kind.name() == name);
            let kind = kind.ok_or_else(|| {
                invalid("invalid-facets", "`facets` names `type`, `space` or `label`".to_owned())
            })?;
            if !facets.contains(&kind) {
                facets.push(kind);
            }
        }
        let after: Option<Place> = page.place()?;
        let within = match &after {
            Some(Place::Score { at, .. } | Place::Recorded { at, .. }) => Some(at),
            Some(Place::Offset(_)) | None => None,
        };
        if ![self.from.as_ref(), self.to.as_ref(), within].into_iter().flatten().all(is_storable) {
            return Err(invalid(
                "invalid-time",
                "times lie between the years 1 and 9999".to_owned(),
            ));
        }
        Ok(Question {
            text: TextQuery::parse(&text),
            filters: Filters {
                types: values("type", self.r#type)?,
                spaces,
                labels: values("label", self.label)?,
                from: self.from,
                to: self.to,
            },
            facets,
            highlight: self.highlight.unwrap_or(false),
            after,
            limit: page.limit()?,
        })
    }
}

fn invalid(kind: &'static str, detail: String) -> Problem {
    SearchError::Invalid { kind, detail }.into()
}

/// Values with commas between; none of them empty, strange or endless.
fn values(name: &str, text: Option<String>) -> Result<Vec<String>, Problem> {
    let text = text.unwrap_or_default();
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<String> = text.split(',').map(|value| value.trim().to_owned()).collect();
    let fine = |value: &String| {
        (1..=LONGEST_VALUE).contains(&value.chars().count()) && !value.chars().any(char::is_control)
    };
    if values.len() > MOST_VALUES || !values.iter().all(fine) {
        let detail =
            format!("`{name}` takes up to {MOST_VALUES} values of 1 to {LONGEST_VALUE} characters");
        return Err(invalid("invalid-filter", detail));
    }
    Ok(values)
}

/// Searches everything that the caller may see.
#[utoipa::path(
    get, path = "/search", operation_id = "search", tag = "search",
    params(SearchQuery),
    responses(
        (status = 200, description = "What was found", body = SearchAnswer),
        OfLists,
    )
)]
pub(crate) async fn search(
    access: Access,
    State(search): State<Search>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<SearchAnswer>, Problem> {
    let permitted = access.permitted(actions::SEARCH_QUERY)?;
    let question = query.into_question()?;
    let found = search.search(&question, &permitted).await?;
    let next = found.next.as_ref().map(Cursor::write).transpose()?;
    let named = |(kind, values): (FacetKind, _)| (kind.name().to_owned(), values);
    Ok(Json(SearchAnswer {
        items: found.hits.into_iter().map(SearchHit::from).collect(),
        facets: found.facets.into_iter().map(named).collect(),
        next,
        estimated_total: found.total,
    }))
}
