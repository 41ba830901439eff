//! Whole documents, as other servers see them; what we say, we can read.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::vocabulary::{
    Activity, ActivityKind, Actor, ActorKind, Collection, CollectionPage, FocalPoint, PUBLIC, Post,
    ProfileField, Tag, Tombstone, Visibility,
};
use crate::webfinger::Handle;

const ALICE: &str = "https://a.example/users/alice";
const BOB: &str = "https://b.example/users/bob";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn when() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_345_537, 0).unwrap()
}

/// The document without its context, which has a test of its own.
fn bare(mut value: Value) -> Value {
    assert!(value["@context"].is_array());
    value.as_object_mut().unwrap().remove("@context");
    value
}

fn sample_actor() -> ActorDocument {
    let at = |path: &str| url(&format!("{ALICE}{path}"));
    ActorDocument {
        id: at(""),
        kind: ActorKind::Person,
        preferred_username: "alice".into(),
        name: "Alice".into(),
        summary: "<p>hello</p>".into(),
        url: url("https://a.example/@alice"),
        inbox: at("/inbox"),
        outbox: at("/outbox"),
        followers: at("/followers"),
        following: at("/following"),
        featured: Some(at("/featured")),
        shared_inbox: url("https://a.example/inbox"),
        key_id: at("#main-key"),
        public_key_pem: "PEM".into(),
        ed25519_key: Some(Ed25519KeyDocument { id: at("#ed25519-key"), multibase: "z6Mk".into() }),
        manually_approves_followers: false,
        discoverable: true,
        indexable: false,
        published: when(),
        icon: Some(Picture {
            url: url("https://a.example/icon.png"),
            media_type: "image/png".into(),
            description: None,
        }),
        image: None,
        fields: vec![ProfileField { name: "Web".into(), value: "<a>x</a>".into() }],
        tags: Vec::new(),
        also_known_as: vec![url("https://old.example/alice")],
        moved_to: None,
    }
}

#[test]
fn an_actor_document() {
    let document = actor(&sample_actor());
    let read = Actor::parse(&document).unwrap();
    assert_eq!(read.public_keys.len(), 2);
    assert_eq!(read.shared_inbox.unwrap().as_str(), "https://a.example/inbox");
    assert_eq!(
        bare(document),
        json!({
            "id": ALICE,
            "type": "Person",
            "preferredUsername": "alice",
            "name": "Alice",
            "summary": "<p>hello</p>",
            "url": "https://a.example/@alice",
            "inbox": "https://a.example/users/alice/inbox",
            "outbox": "https://a.example/users/alice/outbox",
            "followers": "https://a.example/users/alice/followers",
            "following": "https://a.example/users/alice/following",
            "featured": "https://a.example/users/alice/featured",
            "endpoints": {"sharedInbox": "https://a.example/inbox"},
            "publicKey": {
                "id": "https://a.example/users/alice#main-key",
                "owner": ALICE,
                "publicKeyPem": "PEM",
            },
            "assertionMethod": [{
                "id": "https://a.example/users/alice#ed25519-key",
                "type": "Multikey",
                "controller": ALICE,
                "publicKeyMultibase": "z6Mk",
            }],
            "manuallyApprovesFollowers": false,
            "discoverable": true,
            "indexable": false,
            "published": "2026-11-22T11:05:37Z",
            "icon": {
                "type": "Image", "mediaType": "image/png", "url": "https://a.example/icon.png",
            },
            "attachment": [{"type": "PropertyValue", "name": "Web", "value": "<a>x</a>"}],
            "tag": [],
            "alsoKnownAs": ["https://old.example/alice"],
        })
    );
}

#[test]
fn the_instance_actor_is_an_actor() {
    let id = url("https://a.example/actor");
    let document = instance_actor(
        &id,
        "a.example",
        &url("https://a.example/about"),
        &url("https://a.example/inbox"),
        &url("https://a.example/actor#main-key"),
        "PEM",
    );
    let read = Actor::parse(&document).unwrap();
    assert_eq!(read.kind, ActorKind::Application);
    assert_eq!(read.inbox.as_str(), "https://a.example/actor/inbox");
    assert!(read.key(&url("https://a.example/actor#main-key")).is_some());
}

fn sample_note() -> NoteDocument {
    let followers = url("https://a.example/users/alice/followers");
    NoteDocument {
        id: url("https://a.example/posts/1"),
        attributed_to: url(ALICE),
        content: "<p>hello</p>".into(),
        language: Some("en".into()),
        summary: None,
        sensitive: false,
        in_reply_to: None,
        published: when(),
        updated: None,
        url: url("https://a.example/@alice/1"),
        addressing: Addressing::of(Visibility::Public, &followers, &[url(BOB)]),
        tags: vec![
            TagDocument::Mention { href: url(BOB), name: "@bob@b.example".into() },
            TagDocument::Hashtag { name: "cats".into(), href: url("https://a.example/tags/cats") },
            TagDocument::Emoji {
                id: url("https://a.example/emojis/1"),
                shortcode: "cat".into(),
                icon: url("https://a.example/cat.png"),
                media_type: "image/png".into(),
                updated: when(),
            },
        ],
        attachments: vec![AttachmentDocument {
            url: url("https://a.example/1.png"),
            media_type: "image/png".into(),
            name: Some("a cat".into()),
            blurhash: Some("UBL".into()),
            focal_point: Some(FocalPoint { x: 0.5, y: -0.5 }),
            width: Some(640),
            height: Some(480),
        }],
        poll: None,
        replies: Some(RepliesDocument {
            id: url("https://a.example/posts/1/replies"),
            next: url("https://a.example/posts/1/replies?page=true"),
        }),
        quote: None,
        quote_authorization: None,
        quotable_by: Some(vec![url(PUBLIC)]),
    }
}

#[test]
fn a_note() {
    let document = sample_note().build();
    let read = Post::parse(&document).unwrap();
    let followers = url("https://a.example/users/alice/followers");
    assert_eq!(read.visibility(Some(&followers)), Visibility::Public);
    assert!(matches!(&read.tags[2], Tag::Emoji(emoji) if emoji.shortcode == "cat"));
    assert_eq!(
        bare(document),
        json!({
            "id": "https://a.example/posts/1",
            "type": "Note",
            "attributedTo": ALICE,
            "summary": null,
            "inReplyTo": null,
            "published": "2026-11-22T11:05:37Z",
            "url": "https://a.example/@alice/1",
            "to": [PUBLIC],
            "cc": ["https://a.example/users/alice/followers", BOB],
            "sensitive": false,
            "content": "<p>hello</p>",
            "contentMap": {"en": "<p>hello</p>"},
            "attachment": [{
                "type": "Document", "mediaType": "image/png", "url": "https://a.example/1.png",
                "name": "a cat", "blurhash": "UBL", "focalPoint": [0.5, -0.5],
                "width": 640, "height": 480,
            }],
            "tag": [
                {"type": "Mention", "href": BOB, "name": "@bob@b.example"},
                {"type": "Hashtag", "href": "https://a.example/tags/cats", "name": "#cats"},
                {
                    "id": "https://a.example/emojis/1", "type": "Emoji", "name": ":cat:",
                    "updated": "2026-11-22T11:05:37Z",
                    "icon": {
                        "type": "Image", "mediaType": "image/png",
                        "url": "https://a.example/cat.png",
                    },
                },
            ],
            "replies": {
                "id": "https://a.example/posts/1/replies",
                "type": "Collection",
                "first": {
                    "type": "CollectionPage",
                    "next": "https://a.example/posts/1/replies?page=true",
                    "partOf": "https://a.example/posts/1/replies",
                    "items": [],
                },
            },
            "interactionPolicy": {"canQuote": {"automaticApproval": [PUBLIC]}},
        })
    );
}

#[test]
fn a_question_with_a_quote() {
    let mut note = sample_note();
    note.quote = Some(url("https://b.example/posts/2"));
    note.poll = Some(PollDocument {
        options: vec![
            PollOptionDocument { name: "yes".into(), votes: 2 },
            PollOptionDocument { name: "no".into(), votes: 0 },
        ],
        multiple: false,
        end_time: Some(when()),
        closed: None,
        voters_count: 2,
    });
    let document = note.build();
    assert_eq!(document["type"], "Question");
    assert_eq!(document["oneOf"][0]["replies"]["totalItems"], 2);
    assert_eq!(document["endTime"], "2026-11-22T11:05:37Z");
    assert!(document.get("anyOf").is_none() && document.get("closed").is_none());
    let read = Post::parse(&document).unwrap();
    assert_eq!(read.quote.unwrap().as_str(), "https://b.example/posts/2");
    let poll = read.poll.unwrap();
    assert!(!poll.multiple && poll.options.len() == 2 && poll.voters_count == Some(2));
}

#[test]
fn activities_between_two_actors() {
    let (alice, bob) = (url(ALICE), url(BOB));
    let id = url("https://a.example/follows/1");
    let wanted = follow(&id, &alice, &bob);
    assert_eq!(
        bare(wanted.clone()),
        json!({"id": id.as_str(), "type": "Follow", "actor": ALICE, "object": BOB, "to": [BOB]})
    );
    let accepted = accept(&url("https://b.example/accepts/1"), &bob, &wanted);
    assert_eq!(
        bare(accepted),
        json!({
            "id": "https://b.example/accepts/1", "type": "Accept", "actor": BOB,
            "object": bare(wanted.clone()), "to": [ALICE],
        })
    );
    let rejected = reject(&url("https://b.example/rejects/1"), &bob, &wanted);
    assert_eq!(rejected["type"], "Reject");
    let undone = undo(&url("https://a.example/undos/1"), &alice, &wanted);
    assert_eq!(
        bare(undone),
        json!({
            "id": "https://a.example/undos/1", "type": "Undo", "actor": ALICE,
            "object": bare(wanted), "to": [BOB],
        })
    );
    let blocked = block(&url("https://a.example/blocks/1"), &alice, &bob);
    assert_eq!(Activity::parse(blocked).unwrap().kind, ActivityKind::Block);
    let liked =
        like(&url("https://a.example/likes/1"), &alice, &url("https://b.example/posts/2"), &bob);
    assert_eq!(
        bare(liked),
        json!({
            "id": "https://a.example/likes/1", "type": "Like", "actor": ALICE,
            "object": "https://b.example/posts/2", "to": [BOB],
        })
    );
}

#[test]
fn activities_about_posts() {
    let alice = url(ALICE);
    let id = url("https://a.example/activities/1");
    let note = sample_note();
    let created = create(&id, &alice, &note.build());
    assert_eq!(created["object"].get("@context"), None);
    assert_eq!(created["to"], json!([PUBLIC]));
    assert_eq!(created["published"], "2026-11-22T11:05:37Z");
    assert_eq!(Activity::parse(created).unwrap().kind, ActivityKind::Create);

    let updated = update(&id, &alice, &note.build(), &note.addressing);
    assert_eq!(updated["cc"].as_array().unwrap().len(), 2);

    let deleted = delete(&id, &alice, &note.id, &Addressing::everyone());
    let tombstone = Tombstone::parse(&deleted["object"]).unwrap();
    assert_eq!(tombstone.id, note.id);
    let gone = delete_actor(&id, &alice);
    assert_eq!(gone["object"], ALICE);
    assert_eq!(gone["to"], json!([PUBLIC]));

    let shared = announce(&id, &alice, &url("https://b.example/2"), when(), &note.addressing);
    assert_eq!(shared["published"], "2026-11-22T11:05:37Z");
    assert_eq!(shared["object"], "https://b.example/2");

    let featured = url("https://a.example/users/alice/featured");
    for (document, kind) in [
        (add(&id, &alice, &note.id, &featured, &note.addressing), ActivityKind::Add),
        (remove(&id, &alice, &note.id, &featured, &note.addressing), ActivityKind::Remove),
    ] {
        let read = Activity::parse(document).unwrap();
        assert_eq!(read.kind, kind);
        assert_eq!(read.target.unwrap().id().unwrap(), featured);
    }
}

#[test]
fn a_vote_a_report_and_a_move() {
    let (alice, bob) = (url(ALICE), url(BOB));
    let question = url("https://b.example/posts/3");
    let choice = vote(&url("https://a.example/votes/1"), &alice, &question, &bob, "yes");
    let sent = create(&url("https://a.example/votes/1/activity"), &alice, &choice);
    assert_eq!(
        bare(sent),
        json!({
            "id": "https://a.example/votes/1/activity", "type": "Create", "actor": ALICE,
            "to": [BOB],
            "object": {
                "id": "https://a.example/votes/1", "type": "Note", "name": "yes",
                "attributedTo": ALICE, "to": [BOB], "inReplyTo": "https://b.example/posts/3",
            },
        })
    );
    let reported = flag(
        &url("https://a.example/flags/1"),
        &url("https://a.example/actor"),
        &[bob.clone(), question],
        "spam",
        &bob,
    );
    let read = Activity::parse(reported).unwrap();
    assert_eq!(read.objects().count(), 2);
    assert_eq!(read.content.as_deref(), Some("spam"));

    let moved = move_account(
        &url("https://a.example/moves/1"),
        &alice,
        &url("https://new.example/alice"),
        &url("https://a.example/users/alice/followers"),
    );
    assert_eq!(moved["object"], ALICE);
    assert_eq!(moved["target"], "https://new.example/alice");
}

#[test]
fn collections() {
    let outbox = url("https://a.example/outbox");
    let page_url = url("https://a.example/outbox?page=1");
    let collection = CollectionDocument {
        id: outbox.clone(),
        order: CollectionOrder::Ordered,
        total_items: Some(7),
        first: Some(page_url.clone()),
        last: None,
        items: None,
    };
    let document = collection.build();
    let read = Collection::parse(&document).unwrap();
    assert_eq!(read.first.unwrap().id().unwrap(), page_url);
    assert_eq!(
        bare(document),
        json!({
            "id": "https://a.example/outbox", "type": "OrderedCollection", "totalItems": 7,
            "first": "https://a.example/outbox?page=1",
        })
    );
    let page = CollectionPageDocument {
        id: page_url,
        order: CollectionOrder::Unordered,
        part_of: outbox.clone(),
        next: None,
        previous: Some(outbox),
        items: vec![json!("https://a.example/posts/1")],
    };
    let document = page.build();
    assert_eq!(CollectionPage::parse(&document).unwrap().items.len(), 1);
    assert_eq!(
        bare(document),
        json!({
            "id": "https://a.example/outbox?page=1", "type": "CollectionPage",
            "partOf": "https://a.example/outbox", "prev": "https://a.example/outbox",
            "items": ["https://a.example/posts/1"],
        })
    );
}

#[test]
fn discovery_documents() {
    let document = WebFingerDocument {
        subject: Handle::parse("alice@a.example").unwrap(),
        actor: url(ALICE),
        page: url("https://a.example/@alice"),
        avatar: Some((url("https://a.example/icon.png"), "image/png".into())),
        subscribe_template: Some("https://a.example/interact?uri={uri}".into()),
    }
    .build();
    assert_eq!(
        document,
        json!({
            "subject": "acct:alice@a.example",
            "aliases": ["https://a.example/@alice", ALICE],
            "links": [
                {
                    "rel": "http://webfinger.net/rel/profile-page", "type": "text/html",
                    "href": "https://a.example/@alice",
                },
                {"rel": "self", "type": "application/activity+json", "href": ALICE},
                {
                    "rel": "http://ostatus.org/schema/1.0/subscribe",
                    "template": "https://a.example/interact?uri={uri}",
                },
                {
                    "rel": "http://webfinger.net/rel/avatar", "type": "image/png",
                    "href": "https://a.example/icon.png",
                },
            ],
        })
    );
    let xml = host_meta(&url("https://a.example/"));
    assert!(xml.contains(r#"template="https://a.example/.well-known/webfinger?resource={uri}""#));
    assert_eq!(
        nodeinfo_discovery(&url("https://a.example/")),
        json!({"links": [
            {
                "rel": "http://nodeinfo.diaspora.software/ns/schema/2.0",
                "href": "https://a.example/nodeinfo/2.0",
            },
            {
                "rel": "http://nodeinfo.diaspora.software/ns/schema/2.1",
                "href": "https://a.example/nodeinfo/2.1",
            },
        ]})
    );
}

#[test]
fn nodeinfo_in_both_versions() {
    let info = NodeInfo {
        software_name: "sovereign".into(),
        software_version: "0.1.0".into(),
        repository: Some(url("https://code.example/sovereign")),
        homepage: None,
        open_registrations: false,
        users_total: 4,
        users_active_month: 3,
        users_active_half_year: 4,
        local_posts: 100,
        node_name: "Home".into(),
        node_description: "ours".into(),
    };
    let older = info.build(NodeInfoVersion::V2_0);
    // Schema 2.0 allows nothing but name and version here.
    assert_eq!(older["software"], json!({"name": "sovereign", "version": "0.1.0"}));
    let newer = info.build(NodeInfoVersion::V2_1);
    assert_eq!(newer["software"]["repository"], "https://code.example/sovereign");
    assert_eq!(newer["usage"]["users"]["activeHalfyear"], 4);
    assert_eq!(newer["protocols"], json!(["activitypub"]));
}

#[test]
fn contexts_name_every_term_in_use() {
    let context = context();
    assert_eq!(context[0], "https://www.w3.org/ns/activitystreams");
    assert_eq!(context[1], "https://w3id.org/security/v1");
    for term in [
        "manuallyApprovesFollowers",
        "sensitive",
        "Hashtag",
        "movedTo",
        "alsoKnownAs",
        "Emoji",
        "featured",
        "featuredTags",
        "focalPoint",
        "blurhash",
        "discoverable",
        "indexable",
        "votersCount",
        "PropertyValue",
        "value",
        "interactionPolicy",
        "canQuote",
        "automaticApproval",
        "manualApproval",
        "quote",
        "quoteAuthorization",
        "QuoteRequest",
    ] {
        assert!(context[2].get(term).is_some(), "{term}");
    }
    for term in ["Multikey", "assertionMethod", "publicKeyMultibase"] {
        assert!(actor_context()[2].get(term).is_some(), "{term}");
    }
}
