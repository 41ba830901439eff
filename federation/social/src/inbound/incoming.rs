//! An activity as its job reads it, and what it may say about its object.

use std::iter;
use std::ops::Deref;

use activitypub::origin::same_origin;
use activitypub::vocabulary::{Activity, ActivityKind, Post, parse_url};
use serde_json::{Map, Value};
use spine::Cause;
use url::Url;

/// An activity whose signer is known to be its actor.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    /// The activity.
    pub(crate) activity: Activity,
    /// The local actor whose own inbox it came to.
    pub(crate) delivered_to: Option<Url>,
    /// Why what follows from it happens: the event of its arrival.
    pub(crate) cause: Cause,
    /// Whether one with its id was applied before: it was sent again, or done again under the same
    /// id.
    pub(crate) came_before: bool,
}

impl Deref for Incoming {
    type Target = Activity;

    fn deref(&self) -> &Activity {
        &self.activity
    }
}

impl Incoming {
    /// The object, where it comes with the activity and its actor may speak for it: its id and all
    /// its owners are of the actor's host, and the actor is one of them (FEP-fe34). `None` means
    /// that it must be read from its own id.
    pub(crate) fn own_object(&self) -> Option<&Value> {
        let value = self.object.embedded()?;
        let object = value.as_object()?;
        let id = parse_url(object.get("id")?.as_str()?)?;
        let owners = owners(object);
        let owned = owners.contains(&self.actor)
            && owners.iter().all(|owner| same_origin(owner, &self.actor));
        (owned && same_origin(&id, &self.actor)).then_some(value)
    }

    /// What an Announce passes on: a post, or, as groups do (FEP-1b12), the Create of one.
    pub(crate) fn boosted(&self) -> Option<Url> {
        match self.passed_on() {
            Some(("Create", inner)) => url_of(inner),
            // What else is done in a group is no boost.
            Some(_) => None,
            None => self.object.id(),
        }
    }

    /// The post of which an Announce passes on that it was changed or deleted, as groups do. That is
    /// hearsay: the post's own host knows.
    pub(crate) fn changed_in_group(&self) -> Option<Url> {
        match self.passed_on() {
            Some(("Update" | "Delete", inner)) => url_of(inner),
            _ => None,
        }
    }

    /// The type and the object of an activity within this one.
    fn passed_on(&self) -> Option<(&str, &Value)> {
        let object = self.object.embedded()?.as_object()?;
        Some((object.get("type")?.as_str()?, object.get("object")?))
    }

    /// What this activity shares with those that it must not be applied beside: the object that is
    /// made, changed or deleted, with the post that this answers, and what an Undo takes back;
    /// else it stands for itself.
    pub(crate) fn turns(&self) -> impl Iterator<Item = Url> {
        let object = match self.kind {
            ActivityKind::Create
            | ActivityKind::Update
            | ActivityKind::Delete
            | ActivityKind::Undo => self.object.id(),
            _ => None,
        };
        let answered = match self.kind {
            ActivityKind::Create | ActivityKind::Update => {
                self.own_object().and_then(Post::answered)
            }
            _ => None,
        };
        iter::once(object.unwrap_or_else(|| self.id.clone())).chain(answered)
    }

    /// Whether this id is of the actor's host.
    pub(crate) fn may_speak_for(&self, id: &Url) -> bool {
        same_origin(id, &self.actor)
    }
}

/// Whoever an object says it is by.
fn owners(object: &Map<String, Value>) -> Vec<Url> {
    let mut owners = Vec::new();
    for key in ["attributedTo", "actor"] {
        match object.get(key) {
            Some(Value::Array(items)) => owners.extend(items.iter().filter_map(url_of)),
            Some(value) => owners.extend(url_of(value)),
            None => {}
        }
    }
    owners
}

fn url_of(value: &Value) -> Option<Url> {
    match value {
        Value::String(text) => parse_url(text),
        Value::Object(object) => parse_url(object.get("id")?.as_str()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create(object: Value) -> Incoming {
        let activity = Activity::parse(json!({
            "id": "https://a.example/1", "type": "Create", "actor": "https://a.example/x",
            "object": object,
        }))
        .unwrap();
        Incoming { activity, delivered_to: None, cause: Cause::system(), came_before: false }
    }

    #[test]
    fn a_group_passes_on_the_post_of_a_create() {
        let boosted = |object: Value| create(object).boosted().map(String::from);
        let post = "https://b.example/n";
        assert_eq!(boosted(json!(post)).as_deref(), Some(post));
        let whole = json!({"id": "https://b.example/c", "type": "Create", "object": {"id": post}});
        assert_eq!(boosted(whole).as_deref(), Some(post));
        let like = json!({"id": "https://b.example/l", "type": "Like", "object": post});
        assert_eq!(boosted(like), None);
    }

    #[test]
    fn a_group_passes_on_that_a_post_was_changed_or_deleted() {
        let changed = |kind: &str, post: Value| {
            let inner = json!({"id": "https://b.example/1", "type": kind, "object": post});
            create(inner).changed_in_group().map(String::from)
        };
        let post = "https://b.example/n";
        assert_eq!(changed("Update", json!({"id": post, "type": "Page"})).as_deref(), Some(post));
        assert_eq!(changed("Delete", json!(post)).as_deref(), Some(post));
        assert_eq!(changed("Like", json!(post)), None);
        assert_eq!(create(json!(post)).changed_in_group(), None);
    }

    #[test]
    fn an_object_is_the_actors_own_only_on_his_host_and_under_his_name() {
        let own = json!({"id": "https://a.example/n", "attributedTo": "https://a.example/x"});
        assert!(create(own).own_object().is_some());
        let film = json!({"id": "https://a.example/n", "attributedTo": [
            {"type": "Person", "id": "https://a.example/x"}, "https://a.example/channel"]});
        assert!(create(film).own_object().is_some());
        for foreign in [
            json!({"id": "https://b.example/n", "attributedTo": "https://a.example/x"}),
            json!({"id": "https://a.example/n", "attributedTo": "https://a.example/y"}),
            json!({"id": "https://a.example/n",
                   "attributedTo": ["https://a.example/x", "https://b.example/y"]}),
            json!({"id": "https://a.example/n"}),
            json!({"attributedTo": "https://a.example/x"}),
            json!("https://a.example/n"),
        ] {
            assert!(create(foreign.clone()).own_object().is_none(), "{foreign}");
        }
    }
}
