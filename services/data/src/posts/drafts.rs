//! A post as the unified model has it.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::model::{Alias, EdgeDraft, EntityDraft, Operation, Provenance, Target};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::handler::{account_key, post_key};

/// A post, as `GET /social/posts/{id}` answers.
#[derive(Debug, Deserialize)]
pub(super) struct Post {
    uri: String,
    #[serde(default)]
    url: Option<String>,
    author: Author,
    #[serde(default)]
    content_html: String,
    #[serde(default)]
    content_text: String,
    #[serde(default)]
    summary: Option<String>,
    published: DateTime<Utc>,
    #[serde(default)]
    edited: Option<DateTime<Utc>>,
    #[serde(default)]
    visibility: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    in_reply_to_uri: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    language: Option<String>,
    space: SpaceId,
}

#[derive(Debug, Deserialize)]
struct Author {
    uri: String,
    acct: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    bot: bool,
}

#[derive(Debug, Deserialize)]
struct Attachment {
    url: String,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

fn provenance(event: Option<Uuid>, source_time: Option<DateTime<Utc>>) -> Provenance {
    Provenance { by: "service:social".to_owned(), event, source_time, ..Provenance::default() }
}

/// Properties without those that are absent.
fn properties(all: Value) -> Map<String, Value> {
    let mut data = match all {
        Value::Object(data) => data,
        _ => Map::new(),
    };
    data.retain(|_, value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    });
    clean(&mut data);
    data
}

/// Postgres keeps any text but for the character NUL.
fn clean(data: &mut Map<String, Value>) {
    for value in data.values_mut() {
        match value {
            Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::Object(object) => clean(object),
                        Value::String(text) if text.contains('\0') => {
                            *text = text.replace('\0', "\u{fffd}");
                        }
                        _ => {}
                    }
                }
            }
            Value::Object(object) => clean(object),
            _ => {}
        }
    }
}

/// The post and its author.
pub(super) fn of_post(post: &Post, event: Option<Uuid>) -> Vec<EntityDraft> {
    let author = &post.author;
    let handle = author.acct.trim_start_matches('@').to_lowercase();
    let name = if author.display_name.is_empty() { &author.acct } else { &author.display_name };
    let person = EntityDraft {
        key: account_key(&author.uri),
        operation: Operation::Upsert,
        r#type: "Person".to_owned(),
        // A profile is public, whoever the post is for.
        space: SpaceId::public(),
        data: properties(json!({
            "name": name,
            "alternateName": author.acct,
            "url": author.url.as_ref().unwrap_or(&author.uri),
            "additionalType": author.bot.then_some("bot"),
        })),
        labels: Vec::new(),
        aliases: vec![Alias { scheme: "acct".to_owned(), value: handle }],
        edges: Vec::new(),
        valid_from: None,
        valid_to: None,
        provenance: provenance(event, None),
    };
    let edge = |rel: &str, key| EdgeDraft {
        rel: rel.to_owned(),
        to: Target::Key(key),
        props: Map::new(),
        confidence: 1.0,
    };
    let mut edges = vec![edge("author", person.key.clone())];
    edges.extend(post.in_reply_to_uri.as_ref().map(|uri| edge("parentItem", post_key(uri))));
    let media: Vec<Value> = post
        .attachments
        .iter()
        .map(|file| {
            Value::Object(properties(json!({
                "contentUrl": file.url,
                "encodingFormat": file.media_type,
                "description": file.description,
            })))
        })
        .collect();
    let posting = EntityDraft {
        key: post_key(&post.uri),
        operation: Operation::Upsert,
        r#type: "SocialMediaPosting".to_owned(),
        space: post.space.clone(),
        data: properties(json!({
            "articleBody": post.content_text,
            "text": post.content_html,
            "abstract": post.summary,
            "url": post.url.as_ref().unwrap_or(&post.uri),
            "datePublished": post.published,
            "dateModified": post.edited,
            "keywords": post.tags,
            "sharedContent": media,
            "inLanguage": post.language,
            "audience": post.visibility,
        })),
        labels: Vec::new(),
        aliases: Vec::new(),
        edges,
        valid_from: Some(post.published),
        valid_to: None,
        provenance: provenance(event, post.edited.or(Some(post.published))),
    };
    vec![person, posting]
}

/// A post that is not to be read any more.
pub(super) fn gone(uri: &str, event: Option<Uuid>) -> EntityDraft {
    EntityDraft {
        key: post_key(uri),
        operation: Operation::Delete,
        r#type: "SocialMediaPosting".to_owned(),
        space: SpaceId::public(),
        data: Map::new(),
        labels: Vec::new(),
        aliases: Vec::new(),
        edges: Vec::new(),
        valid_from: None,
        valid_to: None,
        provenance: provenance(event, None),
    }
}
