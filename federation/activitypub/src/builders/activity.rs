//! One small function for each activity.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use url::Url;

use super::addressing::put_recipient;
use super::{Addressing, context, put, texts, time};

/// Wants to see what `object` publishes.
pub fn follow(id: &Url, actor: &Url, object: &Url) -> Value {
    let mut activity = begin("Follow", id, actor, object.as_str());
    put_recipient(&mut activity, object);
    Value::Object(activity)
}

/// Grants a request, usually a follow. The request is repeated whole, because some servers forget
/// its id.
pub fn accept(id: &Url, actor: &Url, request: &Value) -> Value {
    answer("Accept", id, actor, request)
}

/// Refuses a request, or takes back the grant.
pub fn reject(id: &Url, actor: &Url, request: &Value) -> Value {
    answer("Reject", id, actor, request)
}

/// Takes back an earlier activity, which is repeated whole and keeps its recipients.
pub fn undo(id: &Url, actor: &Url, activity: &Value) -> Value {
    let mut undo = begin("Undo", id, actor, inner(activity));
    copy_recipients(activity, &mut undo);
    Value::Object(undo)
}

/// Publishes an object, to the object's recipients.
pub fn create(id: &Url, actor: &Url, object: &Value) -> Value {
    let mut create = begin("Create", id, actor, inner(object));
    put(&mut create, "published", object.get("published").cloned());
    copy_recipients(object, &mut create);
    Value::Object(create)
}

/// Replaces an object of the actor's, or the actor itself.
pub fn update(id: &Url, actor: &Url, object: &Value, addressing: &Addressing) -> Value {
    let mut update = begin("Update", id, actor, inner(object));
    addressing.put(&mut update);
    Value::Object(update)
}

/// Removes an object and leaves a tombstone.
pub fn delete(id: &Url, actor: &Url, object: &Url, addressing: &Addressing) -> Value {
    let tombstone = json!({"id": object.as_str(), "type": "Tombstone"});
    let mut delete = begin("Delete", id, actor, tombstone);
    addressing.put(&mut delete);
    Value::Object(delete)
}

/// Removes the actor with everything it published.
pub fn delete_actor(id: &Url, actor: &Url) -> Value {
    let mut delete = begin("Delete", id, actor, actor.as_str());
    Addressing::everyone().put(&mut delete);
    Value::Object(delete)
}

/// Likes a post; `author` is told.
pub fn like(id: &Url, actor: &Url, object: &Url, author: &Url) -> Value {
    let mut like = begin("Like", id, actor, object.as_str());
    put_recipient(&mut like, author);
    Value::Object(like)
}

/// Passes a post on.
pub fn announce(
    id: &Url,
    actor: &Url,
    object: &Url,
    published: DateTime<Utc>,
    addressing: &Addressing,
) -> Value {
    let mut announce = begin("Announce", id, actor, object.as_str());
    put(&mut announce, "published", Some(time(published)));
    addressing.put(&mut announce);
    Value::Object(announce)
}

/// Wants nothing to do with `object` any more.
pub fn block(id: &Url, actor: &Url, object: &Url) -> Value {
    let mut block = begin("Block", id, actor, object.as_str());
    put_recipient(&mut block, object);
    Value::Object(block)
}

/// Tells followers to follow `target`, which must list `actor` among its aliases.
pub fn move_account(id: &Url, actor: &Url, target: &Url, followers: &Url) -> Value {
    let mut moved = begin("Move", id, actor, actor.as_str());
    put(&mut moved, "target", Some(target.as_str()));
    put_recipient(&mut moved, followers);
    Value::Object(moved)
}

/// Reports an account and its posts to its server. `actor` is the instance actor: who reported is
/// nobody's business there.
pub fn flag(id: &Url, actor: &Url, objects: &[Url], comment: &str, account: &Url) -> Value {
    let mut flag = begin("Flag", id, actor, texts(objects));
    put(&mut flag, "content", Some(comment));
    put_recipient(&mut flag, account);
    Value::Object(flag)
}

/// Puts `object` into the collection `target`: a pinned post.
pub fn add(id: &Url, actor: &Url, object: &Url, target: &Url, addressing: &Addressing) -> Value {
    collect("Add", id, actor, object, target, addressing)
}

/// Takes `object` out of the collection `target`.
pub fn remove(id: &Url, actor: &Url, object: &Url, target: &Url, addressing: &Addressing) -> Value {
    collect("Remove", id, actor, object, target, addressing)
}

fn begin(kind: &str, id: &Url, actor: &Url, object: impl Into<Value>) -> Map<String, Value> {
    let mut activity = Map::new();
    put(&mut activity, "@context", Some(context()));
    put(&mut activity, "id", Some(id.as_str()));
    put(&mut activity, "type", Some(kind));
    put(&mut activity, "actor", Some(actor.as_str()));
    put(&mut activity, "object", Some(object));
    activity
}

fn answer(kind: &str, id: &Url, actor: &Url, request: &Value) -> Value {
    let mut answer = begin(kind, id, actor, inner(request));
    if let Some(asker) = request.get("actor") {
        put(&mut answer, "to", Some(json!([asker])));
    }
    Value::Object(answer)
}

fn collect(
    kind: &str,
    id: &Url,
    actor: &Url,
    object: &Url,
    target: &Url,
    addressing: &Addressing,
) -> Value {
    let mut activity = begin(kind, id, actor, object.as_str());
    put(&mut activity, "target", Some(target.as_str()));
    addressing.put(&mut activity);
    Value::Object(activity)
}

/// A document inside another needs no context of its own.
fn inner(document: &Value) -> Value {
    let mut document = document.clone();
    if let Value::Object(object) = &mut document {
        object.remove("@context");
    }
    document
}

fn copy_recipients(from: &Value, to: &mut Map<String, Value>) {
    for name in ["to", "cc"] {
        put(to, name, from.get(name).cloned());
    }
}
