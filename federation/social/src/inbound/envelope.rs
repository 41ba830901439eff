//! An activity as far as the inbox must understand it before it trusts it: who acts, on what, and
//! which hosts that involves. What it means is read later, by its job.

use activitypub::origin::same_origin;
use activitypub::vocabulary::{
    Activity, ActivityKind, Post, VocabularyError, is_public, parse_url,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::InboxRefusal;

/// Hosts looked at in one activity.
const INVOLVED: usize = 256;
/// How far objects within objects are looked at: an `Undo` of an `Announce` of a post.
const DEPTH: usize = 3;

/// What the inbox reads.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// The activity. One without an id has one made of its actor and its body, so that a repeat is
    /// recognised.
    pub(crate) activity: Activity,
    /// Everyone and everything whose host must not be blocked.
    pub(crate) involved: Vec<Url>,
    /// Whether it came with an id of its own.
    has_id: bool,
}

impl Envelope {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// It is no activity, or its id is of another host than its actor.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InboxRefusal> {
        let (activity, has_id) = read(body)?;
        if !same_origin(&activity.id, &activity.actor) {
            return Err(InboxRefusal::Malformed("its id is not of its actor's host".to_owned()));
        }
        let mut involved = vec![activity.actor.clone()];
        for key in ["object", "target", "origin"] {
            if let Some(value) = activity.raw.get(key) {
                collect_hosts(value, &mut involved, DEPTH);
            }
        }
        Ok(Self { activity, involved, has_id })
    }

    /// Only the names in it: the document is many times the size of its body.
    pub(super) fn into_names(self, here: &Url) -> Names {
        let about = sealed_under(&self.activity, here);
        let may_recur = self.may_recur();
        let Activity { id, actor, kind, .. } = self.activity;
        Names { activity: id, kind: kind_name(&kind).to_owned(), actor, about, may_recur }
    }

    /// Whether it publishes a post that is not for everyone and does not name this receiver, a local
    /// actor whose own inbox it came to. Everyone else gets all there is from the first copy.
    pub(crate) fn is_for_receiver(&self, receiver: &str) -> bool {
        let activity = &self.activity;
        if activity.kind != ActivityKind::Create
            || is_public(&activity.to)
            || is_public(&activity.cc)
        {
            return false;
        }
        let post = activity.object.embedded().map(|post| Post::parse_within(post, activity));
        let Some(Ok(post)) = post else { return false };
        !post.visibility(None).is_for_everyone()
            && post.to.iter().chain(&post.cc).all(|recipient| recipient.as_str() != receiver)
    }

    /// Whether an actor says of itself that it is gone, or changed.
    pub(crate) fn is_about_its_actor(&self) -> bool {
        matches!(self.activity.kind, ActivityKind::Delete | ActivityKind::Update)
            && self.activity.object.id().is_none_or(|object| object == self.activity.actor)
    }

    /// Whether another activity may come under the same id: whoever follows, unfollows and follows
    /// again does so under one id on some servers, and what has no id is named by its content. Only
    /// the very same request is then a repeat of what came. Applying one of these twice changes
    /// nothing that once did not.
    pub(crate) fn may_recur(&self) -> bool {
        use ActivityKind::{Add, Block, Follow, Like, Remove, Undo};
        !self.has_id || matches!(self.activity.kind, Follow | Undo | Like | Block | Add | Remove)
    }
}

/// Under what the body of an activity is sealed, so that everything in the ledger goes with the one
/// it is about:
///
/// - what shows a post of the actor's, under the post;
/// - a boost under its own id, which goes with the boost and so with what it boosts;
/// - what shows another's post under its own id: nothing is kept of it, the post is read from where
///   it is;
/// - a report under the account or post of ours that it is about;
/// - everything else, what the actor does to others, under the actor.
///
/// Where it is neither the actor nor ours and no post is stored under it once the activity was
/// applied, it is erased at once: nobody would later.
pub(crate) fn sealed_under(activity: &Activity, here: &Url) -> Url {
    let object_of = |whose: &Url| activity.object.id().filter(|id| same_origin(id, whose));
    match activity.kind {
        ActivityKind::Create | ActivityKind::Update | ActivityKind::Delete => {
            object_of(&activity.actor).unwrap_or_else(|| activity.id.clone())
        }
        ActivityKind::Announce => activity.id.clone(),
        ActivityKind::Flag => object_of(here).unwrap_or_else(|| activity.id.clone()),
        _ => activity.actor.clone(),
    }
}

/// What an activity is called, who acts, under what its body is sealed, and whether another may come
/// under its name.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) activity: Url,
    pub(super) kind: String,
    pub(super) actor: Url,
    pub(super) about: Url,
    pub(super) may_recur: bool,
}

/// Reads an activity; gives it a name where it has none.
pub(crate) fn parse_activity(body: &[u8]) -> Result<Activity, InboxRefusal> {
    read(body).map(|(activity, _)| activity)
}

/// An activity, and whether its name is its own.
fn read(body: &[u8]) -> Result<(Activity, bool), InboxRefusal> {
    let mut value: Value = serde_json::from_slice(body)
        .map_err(|_| InboxRefusal::Malformed("it is not JSON".to_owned()))?;
    let has_id = value.get("id").is_some_and(|id| !id.is_null());
    if let Some(members) = value.as_object_mut()
        && !has_id
        && let Some(actor) = members.get("actor").and_then(Value::as_str).and_then(parse_url)
    {
        members.insert("id".to_owned(), name_by_content(actor, body).into());
    }
    Activity::parse(value)
        .map(|activity| (activity, has_id))
        .map_err(|error: VocabularyError| InboxRefusal::Malformed(error.to_string()))
}

/// A fragment of the actor, so that it is of the actor's host and names nothing that exists.
fn name_by_content(mut actor: Url, body: &[u8]) -> String {
    actor.set_fragment(Some(&format!("sha256-{}", hex::encode(Sha256::digest(body)))));
    actor.into()
}

/// The stable name of a kind of activity.
pub(crate) fn kind_name(kind: &ActivityKind) -> &str {
    match kind {
        ActivityKind::Follow => "Follow",
        ActivityKind::Accept => "Accept",
        ActivityKind::Reject => "Reject",
        ActivityKind::Undo => "Undo",
        ActivityKind::Create => "Create",
        ActivityKind::Update => "Update",
        ActivityKind::Delete => "Delete",
        ActivityKind::Like => "Like",
        ActivityKind::Announce => "Announce",
        ActivityKind::Block => "Block",
        ActivityKind::Move => "Move",
        ActivityKind::Flag => "Flag",
        ActivityKind::Add => "Add",
        ActivityKind::Remove => "Remove",
        ActivityKind::Other(name) => name,
    }
}

/// Ids and owners within an object and the objects in it.
fn collect_hosts(value: &Value, involved: &mut Vec<Url>, depth: usize) {
    if involved.len() >= INVOLVED {
        return;
    }
    match value {
        Value::String(text) => involved.extend(parse_url(text)),
        Value::Array(items) => {
            for item in items.iter().take(INVOLVED) {
                collect_hosts(item, involved, depth);
            }
        }
        Value::Object(object) => {
            for key in ["id", "actor", "attributedTo", "object", "quote", "quoteUrl", "quoteUri"] {
                match object.get(key) {
                    Some(Value::String(text)) => involved.extend(parse_url(text)),
                    Some(inner) if depth > 0 => collect_hosts(inner, involved, depth - 1),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<Envelope, InboxRefusal> {
        Envelope::parse(value.to_string().as_bytes())
    }

    #[test]
    fn an_envelope_names_the_actor_and_every_host() {
        let envelope = parse(&json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": "https://a.example/1", "type": "Create", "actor": {"id": "https://a.example/x"},
            "object": {"id": "https://a.example/n/1", "attributedTo": ["https://b.example/y"],
                       "quote": "https://c.example/q"},
        }))
        .unwrap();
        assert_eq!(envelope.activity.actor.as_str(), "https://a.example/x");
        let hosts: Vec<_> = envelope.involved.iter().filter_map(Url::host_str).collect();
        assert_eq!(hosts, ["a.example", "a.example", "b.example", "c.example"]);
    }

    #[test]
    fn a_body_is_sealed_under_whom_or_what_it_is_about() {
        let here = Url::parse("https://here.example/").unwrap();
        let (actor, own, foreign, ours) = (
            "https://a.example/x",
            "https://a.example/n/1",
            "https://b.example/n/1",
            "https://here.example/users/ana",
        );
        let id = "https://a.example/1";
        for (kind, object, expected) in [
            ("Create", json!({"id": own}), own),
            ("Create", json!(foreign), id),
            ("Create", json!({"content": "nameless"}), id),
            ("Update", json!(actor), actor),
            ("Delete", json!(own), own),
            ("Announce", json!(foreign), id),
            ("Flag", json!([ours, own]), ours),
            ("Flag", json!([foreign]), id),
            ("Like", json!(ours), actor),
            ("Follow", json!(ours), actor),
            ("Undo", json!({"id": own, "type": "Like"}), actor),
            ("Dance", json!(own), actor),
        ] {
            let activity = json!({"id": id, "type": kind, "actor": actor, "object": object});
            let activity = parse(&activity).unwrap().activity;
            assert_eq!(sealed_under(&activity, &here).as_str(), expected, "{kind} {object}");
        }
    }

    #[test]
    fn a_copy_is_its_receivers_own_where_only_the_inbox_says_whom_it_is_for() {
        let ana = "https://here.example/users/ana";
        let is_his = |kind: &str, to: Value| {
            let envelope = parse(&json!({
                "id": "https://a.example/1", "type": kind, "actor": "https://a.example/x", "to": to,
                "object": {"id": "https://a.example/n/1", "type": "Note",
                           "attributedTo": "https://a.example/x"},
            }));
            envelope.unwrap().is_for_receiver(ana)
        };
        assert!(is_his("Create", json!([])));
        assert!(is_his("Create", json!("https://a.example/x/followers")));
        for to in [json!(ana), json!("as:Public")] {
            assert!(!is_his("Create", to));
        }
        assert!(!is_his("Like", json!([])));
    }

    #[test]
    fn graph_keywords_are_refused_at_any_depth() {
        for keyword in ["@graph", "@included", "@reverse"] {
            let activity = json!({
                "id": "https://a.example/1", "type": "Create", "actor": "https://a.example/x",
                "object": {"tag": [{keyword: []}]},
            });
            assert!(matches!(parse(&activity), Err(InboxRefusal::Malformed(_))), "{keyword}");
        }
    }

    #[test]
    fn what_is_no_activity_is_refused() {
        let object = "https://a.example/n";
        for odd in [
            json!([]),
            json!("x"),
            json!({}),
            json!({"type": "Create"}),
            json!({"type": "Create", "actor": "nobody", "object": object}),
            json!({"type": "Create", "actor": "https://a.example/x", "id": 1, "object": object}),
            json!({"type": "Create", "actor": "https://a.example/x", "id": "https://b.example/1",
                   "object": object}),
        ] {
            assert!(matches!(parse(&odd), Err(InboxRefusal::Malformed(_))), "{odd}");
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        let body = format!(r#"{{"type":"Like","actor":"https://a.example/x","object":{deep}}}"#);
        assert!(matches!(Envelope::parse(body.as_bytes()), Err(InboxRefusal::Malformed(_))));
    }

    #[test]
    fn an_activity_without_id_is_named_by_its_content() {
        let follow = json!({
            "type": "Follow", "actor": "https://a.example/x", "object": "https://b.example/y",
        });
        let name = parse(&follow).unwrap().activity.id;
        assert!(name.as_str().starts_with("https://a.example/x#sha256-"));
        assert_eq!(parse(&follow).unwrap().activity.id, name);
    }

    #[test]
    fn only_what_may_be_done_again_recurs() {
        let recurs = |kind: &str, id: Value| {
            let activity = json!({"type": kind, "id": id, "actor": "https://a.example/x",
                                  "object": "https://b.example/y"});
            parse(&activity).unwrap().may_recur()
        };
        for kind in ["Follow", "Undo", "Like", "EmojiReact", "Block", "Add", "Remove"] {
            assert!(recurs(kind, json!("https://a.example/1")), "{kind}");
        }
        for kind in ["Create", "Update", "Delete", "Announce", "Accept", "Reject", "Move", "Flag"] {
            assert!(!recurs(kind, json!("https://a.example/1")), "{kind}");
            assert!(recurs(kind, json!(null)), "{kind} without id");
        }
    }
}
