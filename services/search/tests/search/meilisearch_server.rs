//! A server that speaks Meilisearch's HTTP as its reference documents it, for the routes that the adapter
//! uses: indexes, settings, documents, tasks and search, with its filter language, typing errors, facets,
//! highlighting and cropping. Writes are tasks, and take effect only when a task is done, in their order.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use search::MeilisearchSettings;
use serde_json::{Map, Value, json};
use strsim::osa_distance;
use tokio::net::TcpListener;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::meilisearch_filter::Filter;

const KEY: &str = "a key of sixteen or more";
const TIME: &str = "2026-11-26T09:00:00.123456Z";

pub(super) type Document = Map<String, Value>;

#[derive(Default)]
struct Index {
    /// Its number among all that were made.
    number: usize,
    documents: BTreeMap<String, Document>,
    settings: Map<String, Value>,
}

enum Work {
    Create,
    Remove,
    Settings(Map<String, Value>),
    Add(Vec<Document>),
    Delete(Vec<String>),
}

struct Task {
    index: String,
    kind: &'static str,
    work: Option<Work>,
    error: Option<Value>,
    looks: u32,
}

#[derive(Default)]
struct Node {
    indexes: HashMap<String, Index>,
    tasks: Vec<Task>,
    made: usize,
    fail_tasks: u32,
    fail_additions: u32,
    away: bool,
    requests: Vec<String>,
}

type Shared = Arc<Mutex<Node>>;

pub(crate) struct MeilisearchServer {
    node: Shared,
    address: String,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for MeilisearchServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl MeilisearchServer {
    pub(crate) async fn start() -> Self {
        let node = Shared::default();
        let app = Router::new()
            .route("/indexes", post(create_index))
            .route("/indexes/{uid}", get(get_index).delete(delete_index))
            .route("/indexes/{uid}/settings", patch(set_settings))
            .route("/indexes/{uid}/documents", post(add_documents))
            .route("/indexes/{uid}/documents/delete-batch", post(delete_documents))
            .route("/indexes/{uid}/search", post(search))
            .route("/tasks/{uid}", get(get_task))
            .layer(middleware::from_fn_with_state(Arc::clone(&node), guard))
            .with_state(Arc::clone(&node));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { node, address, serving }
    }

    pub(crate) fn settings(&self) -> MeilisearchSettings {
        MeilisearchSettings {
            url: self.address.parse().unwrap(),
            key: Some(KEY.to_owned()),
            prefix: "home".to_owned(),
        }
    }

    /// The next tasks fail, as where the disk is full.
    pub(crate) fn fail_tasks(&self, count: u32) {
        self.node.lock().unwrap().fail_tasks = count;
    }

    /// The next tasks that add documents fail.
    pub(crate) fn fail_additions(&self, count: u32) {
        self.node.lock().unwrap().fail_additions = count;
    }

    /// How many requests there were that add documents.
    pub(crate) fn additions(&self) -> usize {
        let node = self.node.lock().unwrap();
        let adds = |line: &&String| line.starts_with("POST") && line.contains("/documents?");
        node.requests.iter().filter(adds).count()
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.node.lock().unwrap().away = away;
    }

    /// Everything it holds is lost.
    pub(crate) fn lose_everything(&self) {
        self.node.lock().unwrap().indexes.clear();
    }

    pub(crate) fn indexes(&self) -> Vec<String> {
        let mut names: Vec<String> = self.node.lock().unwrap().indexes.keys().cloned().collect();
        names.sort();
        names
    }

    /// How many requests there were whose line begins so.
    pub(crate) fn requests(&self, beginning: &str) -> usize {
        let node = self.node.lock().unwrap();
        node.requests.iter().filter(|line| line.starts_with(beginning)).count()
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let kind = if status == StatusCode::FORBIDDEN { "auth" } else { "invalid_request" };
    let link = format!("https://docs.meilisearch.com/errors#{code}");
    (status, Json(json!({"message": message, "code": code, "type": kind, "link": link})))
        .into_response()
}

async fn guard(State(node): State<Shared>, request: Request, next: Next) -> Response {
    let away = {
        let mut node = node.lock().unwrap();
        node.requests.push(format!("{} {}", request.method(), request.uri()));
        node.away
    };
    if away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if given != Some(&format!("Bearer {KEY}")) {
        return error(StatusCode::FORBIDDEN, "invalid_api_key", "The provided API key is invalid.");
    }
    next.run(request).await
}

fn enqueue(node: &Shared, index: &str, kind: &'static str, work: Work) -> Response {
    let mut node = node.lock().unwrap();
    let addition = matches!(work, Work::Add(_)) && node.fail_additions > 0;
    let error = (addition || node.fail_tasks > 0).then(|| {
        if addition {
            node.fail_additions -= 1;
        } else {
            node.fail_tasks -= 1;
        }
        json!({"message": "No space left on device", "code": "no_space_left_on_device", "type": "system", "link": ""})
    });
    let uid = node.tasks.len();
    node.tasks.push(Task { index: index.to_owned(), kind, work: Some(work), error, looks: 0 });
    let info = json!({"taskUid": uid, "indexUid": index, "status": "enqueued", "type": kind, "enqueuedAt": TIME});
    (StatusCode::ACCEPTED, Json(info)).into_response()
}

async fn create_index(State(node): State<Shared>, Json(body): Json<Value>) -> Response {
    assert_eq!(body["primaryKey"], "id");
    enqueue(&node, body["uid"].as_str().unwrap(), "indexCreation", Work::Create)
}

async fn get_index(State(node): State<Shared>, Path(uid): Path<String>) -> Response {
    let node = node.lock().unwrap();
    let Some(index) = node.indexes.get(&uid) else { return not_found(&uid) };
    let made = format!("2026-11-26T09:00:00.{:06}Z", index.number);
    Json(json!({"uid": uid, "createdAt": made, "updatedAt": TIME, "primaryKey": "id"}))
        .into_response()
}

async fn delete_index(State(node): State<Shared>, Path(uid): Path<String>) -> Response {
    enqueue(&node, &uid, "indexDeletion", Work::Remove)
}

async fn set_settings(
    State(node): State<Shared>,
    Path(uid): Path<String>,
    Json(body): Json<Map<String, Value>>,
) -> Response {
    enqueue(&node, &uid, "settingsUpdate", Work::Settings(body))
}

async fn add_documents(
    State(node): State<Shared>,
    Path(uid): Path<String>,
    Json(body): Json<Vec<Document>>,
) -> Response {
    enqueue(&node, &uid, "documentAdditionOrUpdate", Work::Add(body))
}

async fn delete_documents(
    State(node): State<Shared>,
    Path(uid): Path<String>,
    Json(body): Json<Vec<String>>,
) -> Response {
    enqueue(&node, &uid, "documentDeletion", Work::Delete(body))
}

fn not_found(uid: &str) -> Response {
    error(StatusCode::NOT_FOUND, "index_not_found", &format!("Index `{uid}` not found."))
}

async fn get_task(State(node): State<Shared>, Path(uid): Path<usize>) -> Response {
    let mut node = node.lock().unwrap();
    if uid >= node.tasks.len() {
        return error(StatusCode::NOT_FOUND, "task_not_found", "no such task");
    }
    node.tasks[uid].looks += 1;
    let looks = node.tasks[uid].looks;
    if looks > 2 {
        (0..=uid).for_each(|earlier| node.perform(earlier));
    }
    let task = &node.tasks[uid];
    let status = match looks {
        1 => "enqueued",
        2 => "processing",
        _ if task.error.is_some() => "failed",
        _ => "succeeded",
    };
    let mut told = json!({
        "uid": uid, "indexUid": task.index, "status": status, "type": task.kind, "details": null,
        "canceledBy": null, "error": null, "enqueuedAt": TIME,
    });
    if looks > 1 {
        told["startedAt"] = TIME.into();
    }
    if looks > 2 {
        told["finishedAt"] = TIME.into();
        told["duration"] = "PT0.018372S".into();
        told["error"] = task.error.clone().unwrap_or_default();
    }
    Json(told).into_response()
}

impl Node {
    fn perform(&mut self, uid: usize) {
        let task = &mut self.tasks[uid];
        let Some(work) = task.work.take() else { return };
        if task.error.is_some() {
            return;
        }
        let name = task.index.clone();
        // Documents and settings make an index that is not there.
        let makes = matches!(work, Work::Create | Work::Add(_) | Work::Settings(_));
        let creates = matches!(work, Work::Create);
        if makes && !self.indexes.contains_key(&name) {
            self.made += 1;
            let index = Index { number: self.made, ..Index::default() };
            self.indexes.insert(name.clone(), index);
            if creates {
                return;
            }
        }
        match (work, self.indexes.get_mut(&name)) {
            (Work::Remove, Some(_)) => drop(self.indexes.remove(&name)),
            (Work::Settings(settings), Some(index)) => index.settings.extend(settings),
            (Work::Add(documents), Some(index)) => {
                for document in documents {
                    index.documents.insert(document["id"].as_str().unwrap().to_owned(), document);
                }
            }
            (Work::Delete(ids), Some(index)) => {
                ids.iter().for_each(|id| drop(index.documents.remove(id)));
            }
            (work, _) => {
                let code = if matches!(work, Work::Create) {
                    "index_already_exists"
                } else {
                    "index_not_found"
                };
                task.error = Some(
                    json!({"message": code, "code": code, "type": "invalid_request", "link": ""}),
                );
            }
        }
    }
}

async fn search(
    State(node): State<Shared>,
    Path(uid): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let node = node.lock().unwrap();
    let Some(index) = node.indexes.get(&uid) else { return not_found(&uid) };
    match index.search(&body) {
        Ok(answer) => Json(answer).into_response(),
        Err((code, message)) => error(StatusCode::BAD_REQUEST, code, &message),
    }
}

type Refused = (&'static str, String);

impl Index {
    fn names(&self, setting: &str) -> Vec<String> {
        let names =
            self.settings.get(setting).and_then(Value::as_array).cloned().unwrap_or_default();
        names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    fn search(&self, body: &Value) -> Result<Value, Refused> {
        let filterable = self.names("filterableAttributes");
        let filter = match body["filter"].as_str() {
            Some(text) => {
                Some(Filter::parse(text, &filterable).map_err(|m| ("invalid_search_filter", m))?)
            }
            None => None,
        };
        let query = Query::parse(body["q"].as_str().unwrap_or_default(), self);
        let searched = self.names("searchableAttributes");
        let mut found: Vec<(f64, &Document)> = self
            .documents
            .values()
            .filter(|document| filter.as_ref().is_none_or(|filter| filter.holds(document)))
            .filter_map(|document| Some((query.score(document, &searched)?, document)))
            .collect();
        let recorded = |document: &Document| document["recorded"].as_i64().unwrap();
        match body["sort"][0].as_str() {
            None => {}
            Some("recorded:desc") if self.names("sortableAttributes") == ["recorded"] => {}
            Some(other) => return Err(("invalid_search_sort", other.to_owned())),
        }
        assert_eq!(self.names("rankingRules").last().unwrap(), "recorded:desc");
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(recorded(b.1).cmp(&recorded(a.1))));

        let mut facets = Map::new();
        for facet in body["facets"].as_array().into_iter().flatten() {
            let facet = facet.as_str().unwrap();
            if !filterable.iter().any(|name| name == facet) {
                return Err(("invalid_search_facets", facet.to_owned()));
            }
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for (_, document) in &found {
                for value in values(&document[facet]) {
                    *counts.entry(value).or_default() += 1;
                }
            }
            let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
            let faceting = self.settings.get("faceting").cloned().unwrap_or_default();
            if faceting["sortFacetValuesBy"]["*"] == "count" {
                counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            }
            let most = faceting["maxValuesPerFacet"].as_u64().unwrap_or(100);
            counts.truncate(usize::try_from(most).unwrap());
            let counts: BTreeMap<String, u64> = counts.into_iter().collect();
            facets.insert(facet.to_owned(), json!(counts));
        }
        let number =
            |name: &str, usual| body[name].as_u64().map_or(usual, |n| usize::try_from(n).unwrap());
        let (offset, limit) = (number("offset", 0), number("limit", 20));
        let total = found.len();
        let hits: Vec<Value> = found
            .into_iter()
            .skip(offset)
            .take(limit)
            .map(|(score, document)| query.hit(score, document, body))
            .collect();
        Ok(json!({
            "hits": hits, "query": body["q"], "processingTimeMs": 0, "limit": limit, "offset": offset,
            "estimatedTotalHits": total, "facetDistribution": facets,
        }))
    }
}

/// The texts of a value.
pub(super) fn values(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(values).collect(),
        _ => Vec::new(),
    }
}

fn normal(word: &str) -> String {
    word.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .collect::<String>()
        .to_lowercase()
        .replace('ß', "ss")
}

/// Words with their places.
fn words(text: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((normal(&text[from..at]), from..at));
                start = None;
            }
            _ => {}
        }
    }
    words
}

struct Query {
    /// Each a word or a phrase.
    wanted: Vec<Vec<String>>,
    unwanted: Vec<Vec<String>>,
    one_typo: usize,
    two_typos: usize,
}

impl Query {
    fn parse(text: &str, index: &Index) -> Self {
        let sizes = &index.settings.get("typoTolerance").cloned().unwrap_or_default()["minWordSizeForTypos"];
        let size =
            |name: &str, usual| sizes[name].as_u64().map_or(usual, |n| usize::try_from(n).unwrap());
        let mut query = Self {
            wanted: Vec::new(),
            unwanted: Vec::new(),
            one_typo: size("oneTypo", 5),
            two_typos: size("twoTypos", 9),
        };
        for (number, piece) in text.split('"').enumerate() {
            let list: Vec<String> = words(piece).into_iter().map(|(word, _)| word).collect();
            if number % 2 == 1 {
                query.wanted.extend((!list.is_empty()).then_some(list));
                continue;
            }
            for piece in piece.split_whitespace() {
                let minus = piece.starts_with('-');
                for (word, _) in words(piece) {
                    if minus {
                        query.unwanted.push(vec![word])
                    } else {
                        query.wanted.push(vec![word])
                    }
                }
            }
        }
        query
    }

    /// How many typing errors lie between a word asked for and one that is there.
    fn errors(&self, asked: &str, there: &str, open: bool) -> Option<usize> {
        let length = asked.chars().count();
        let allowed = match length {
            _ if asked.chars().any(char::is_numeric) => 0,
            length if length >= self.two_typos => 2,
            length if length >= self.one_typo => 1,
            _ => 0,
        };
        let beginning: String = there.chars().take(length).collect();
        let mut distance = osa_distance(asked, there);
        if open {
            distance = distance.min(osa_distance(asked, &beginning));
        }
        (distance <= allowed).then_some(distance)
    }

    fn score(&self, document: &Document, searched: &[String]) -> Option<f64> {
        let fields: Vec<Vec<String>> = searched
            .iter()
            .map(|field| {
                let texts = values(document.get(field).unwrap_or(&Value::Null)).join(" . ");
                words(&texts).into_iter().map(|(word, _)| word).collect()
            })
            .collect();
        let phrase =
            |words: &[String], phrase: &[String]| words.windows(phrase.len()).any(|w| w == phrase);
        if self.unwanted.iter().any(|term| fields.iter().any(|words| phrase(words, term))) {
            return None;
        }
        let mut score = 1.0;
        for (number, term) in self.wanted.iter().enumerate() {
            let open = number + 1 == self.wanted.len();
            let best = fields
                .iter()
                .enumerate()
                .filter_map(|(place, words)| {
                    let errors = match term.as_slice() {
                        [word] => {
                            words.iter().filter_map(|there| self.errors(word, there, open)).min()?
                        }
                        several => phrase(words, several).then_some(0)?,
                    };
                    Some(f64::from(u32::try_from(errors * 10 + place).unwrap()))
                })
                .min_by(f64::total_cmp)?;
            score -= best / 100.0;
        }
        Some(score)
    }

    fn finds(&self, there: &str) -> bool {
        self.wanted.iter().enumerate().any(|(number, term)| {
            let open = number + 1 == self.wanted.len();
            term.iter().any(|word| self.errors(word, there, open).is_some())
        })
    }

    fn marked(&self, text: &str, body: &Value, most: Option<usize>) -> String {
        let (pre, post) =
            (body["highlightPreTag"].as_str().unwrap(), body["highlightPostTag"].as_str().unwrap());
        let all = words(text);
        let first = all.iter().position(|(word, _)| self.finds(word)).unwrap_or(0);
        let (from, to) = match most {
            Some(most) if all.len() > most => {
                (first.saturating_sub(most / 2), (first + most / 2).min(all.len()))
            }
            _ => (0, all.len()),
        };
        let begin = if from == 0 { 0 } else { all[from].1.start };
        let end = if to == all.len() { text.len() } else { all[to - 1].1.end };
        let marker = body["cropMarker"].as_str().unwrap_or("…");
        let mut out = if begin > 0 { marker.to_owned() } else { String::new() };
        let mut at = begin;
        for (_, range) in all[from..to].iter().filter(|(word, _)| self.finds(word)) {
            out.push_str(&text[at..range.start]);
            out.push_str(&format!("{pre}{}{post}", &text[range.clone()]));
            at = range.end;
        }
        out.push_str(&text[at..end]);
        if end < text.len() {
            out.push_str(marker);
        }
        out
    }

    fn hit(&self, score: f64, document: &Document, body: &Value) -> Value {
        let shown: Vec<&str> = body["attributesToRetrieve"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let mut hit: Document = document
            .iter()
            .filter(|(name, _)| shown.contains(&name.as_str()))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        hit.insert("_rankingScore".to_owned(), score.into());
        if let Some(fields) = body["attributesToHighlight"].as_array() {
            let mut formatted = Document::new();
            for field in fields.iter().filter_map(Value::as_str) {
                let crop = body["attributesToCrop"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str);
                let most = crop.filter_map(|c| c.split_once(':')).find(|(name, _)| *name == field);
                let most = most.map(|(_, most)| most.parse().unwrap());
                let value = match &document[field] {
                    Value::Array(items) => items
                        .iter()
                        .map(|item| self.marked(item.as_str().unwrap(), body, most))
                        .collect(),
                    text => Value::from(self.marked(text.as_str().unwrap(), body, most)),
                };
                formatted.insert(field.to_owned(), value);
            }
            hit.insert("_formatted".to_owned(), formatted.into());
        }
        hit.into()
    }
}
