//! Each mapping that comes with the node, on a payload as its source gives it.

use contracts::model::{Alias, EntityDraft, Target};
use serde_json::{Value, json};

use crate::support::stage;

fn edges(draft: &EntityDraft) -> Vec<(String, String)> {
    let end = |to: &Target| match to {
        Target::Alias(Alias { scheme, value }) => format!("{scheme}:{value}"),
        Target::Key(key) => format!("{}#{}", key.kind, key.external_id),
        Target::Entity(id) => id.to_string(),
    };
    draft.edges.iter().map(|edge| (edge.rel.clone(), end(&edge.to))).collect()
}

fn aliases(draft: &EntityDraft) -> Vec<String> {
    draft.aliases.iter().map(|alias| format!("{}:{}", alias.scheme, alias.value)).collect()
}

fn pair(rel: &str, to: &str) -> (String, String) {
    (rel.to_owned(), to.to_owned())
}

fn time(draft: Option<chrono::DateTime<chrono::Utc>>) -> Option<String> {
    draft.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

#[tokio::test]
async fn a_feed_and_its_entries() {
    let stage = stage().await;
    let source = json!({
        "id": "urn:feed:1", "title": "Daily &amp; News", "url": "https://news.example/feed.xml",
        "home": "https://news.example/", "description": "<p>All of it</p>", "language": "de-AT",
        "updated": "2026-11-25T10:00:00Z",
    });
    let feed = stage.drafts_of("feed.source/1", source).await.remove(0);
    assert_eq!(feed.r#type, "DataFeed");
    assert_eq!(feed.data["url"], "https://news.example/feed.xml");
    assert_eq!(feed.data["description"], "All of it");
    assert_eq!(feed.data["host"], "news.example");
    assert_eq!(feed.data["dateModified"], "2026-11-25T10:00:00Z");

    let entry = json!({
        "id": "e1", "title": "Snow &amp; ice", "summary": "<b>Cold</b>",
        "links": [{ "href": "https://news.example/1.json", "rel": "self" }, { "href": "https://news.example/1", "rel": null }],
        "content_html": "<p>It <em>snows</em>.</p><script>alert(1)</script><p>A lot.</p>",
        "published": "2026-11-25T09:00:00Z", "updated": null,
        "authors": [
            { "name": "Ada", "uri": null, "email": "ADA@news.example" },
            { "name": "Bob", "uri": "https://news.example/bob", "email": null },
            { "name": "Cem", "uri": null, "email": null },
        ],
        "categories": ["weather", "weather", "Tirol"], "enclosures": [],
        "source": { "id": "urn:feed:1", "title": "Daily News" },
    });
    stage.receive(vec![crate::support::record("feed.entry/1", "e1", &entry)]).await;
    let drafts = stage.drafts().await;
    let article = &drafts[1];
    assert_eq!((&*article.r#type, &article.data["name"]), ("Article", &json!("Snow & ice")));
    assert_eq!(article.data["articleBody"], "It snows.\n\nA lot.");
    assert_eq!(article.data["url"], "https://news.example/1");
    assert_eq!(article.data["datePublished"], "2026-11-25T09:00:00Z");
    assert_eq!(article.data["keywords"], json!(["weather", "Tirol"]));
    assert_eq!(
        article.data["author"][0],
        json!({ "@type": "Person", "name": "Ada", "email": "ada@news.example" })
    );
    assert_eq!(aliases(article), ["url:https://news.example/1"]);
    assert_eq!(
        edges(article),
        [
            pair("isPartOf", "feed.source#urn:feed:1"),
            pair("author", "email:ada@news.example"),
            pair("author", "feed.author#https://news.example/bob"),
            pair("author", "feed.author#urn:feed:1#Cem"),
        ]
    );
    let people: Vec<_> =
        drafts[2..].iter().map(|draft| (&*draft.r#type, &draft.data["name"])).collect();
    assert_eq!(people, [("Person", &json!("Bob")), ("Person", &json!("Cem"))]);
}

#[tokio::test]
async fn an_entry_with_sound_is_an_episode() {
    let stage = stage().await;
    let entry = json!({
        "id": "e", "title": "Episode 1", "links": [], "authors": [], "categories": [],
        "enclosures": [{ "href": "https://pod.example/1.mp3", "media_type": "audio/mpeg", "length": 123 }],
        "source": { "id": "f" },
    });
    let episode = stage.drafts_of("feed.entry/1", entry).await.remove(0);
    assert_eq!(episode.r#type, "PodcastEpisode");
    assert_eq!(episode.data["associatedMedia"][0]["contentSize"], 123);
    assert!(!episode.data.contains_key("url") && !episode.data.contains_key("author"));
}

fn calendar_event() -> Value {
    json!({
        "uid": "u1@example.org", "recurrence_id": null, "summary": "Team  lunch", "description": "Bring\nfood",
        "location": "Am Hof 1, Wien", "status": "CONFIRMED",
        "start": { "value": "20260701T123000", "zone": "Europe/Vienna", "date_only": false },
        "end": null, "duration_seconds": 5400, "rrule": null, "rdates": [], "exdates": [],
        "organizer": { "name": "Ada", "email": "ada@example.org" },
        "attendees": [
            { "name": "Bob", "email": "Bob@Example.org", "status": "ACCEPTED" },
            { "name": "Room 1", "email": null, "status": null },
        ],
        "categories": ["work"], "url": null, "sequence": 2, "last_modified": "2026-06-01T08:00:00Z", "geo": null,
    })
}

#[tokio::test]
async fn an_event_of_a_calendar() {
    let stage = stage().await;
    let event = stage.drafts_of("calendar.event/1", calendar_event()).await.remove(0);
    assert_eq!(event.r#type, "Event");
    assert_eq!(event.data["name"], "Team lunch");
    assert_eq!(event.data["description"], "Bring food");
    assert_eq!(event.data["startDate"], "2026-07-01T10:30:00Z");
    assert_eq!(event.data["endDate"], "2026-07-01T12:00:00Z");
    assert_eq!(event.data["scheduleTimezone"], "Europe/Vienna");
    assert_eq!(event.data["eventStatus"], "EventScheduled");
    assert_eq!(event.data["attendee"][1], json!({ "name": "Room 1" }));
    assert!(!event.data.contains_key("eventSchedule"));
    assert_eq!(time(event.valid_from).as_deref(), Some("2026-07-01T10:30:00Z"));
    assert_eq!(time(event.valid_to).as_deref(), Some("2026-07-01T12:00:00Z"));
    assert_eq!(aliases(&event), ["uid:u1@example.org"]);
    assert_eq!(
        edges(&event),
        [pair("organizer", "email:ada@example.org"), pair("attendee", "email:bob@example.org")]
    );
    assert_eq!(event.edges[1].props["status"], "accepted");
}

#[tokio::test]
async fn whole_days_series_and_their_exceptions() {
    let stage = stage().await;
    let mut series = calendar_event();
    series["start"] = json!({ "value": "20261224", "zone": null, "date_only": true });
    series["end"] = json!({ "value": "20261227", "zone": null, "date_only": true });
    series["rrule"] = json!("FREQ=YEARLY");
    let mut exception = series.clone();
    exception["recurrence_id"] = json!("20271224");
    exception["rrule"] = Value::Null;
    exception["end"] = json!({ "value": "20261220", "zone": null, "date_only": true });
    let records = [("s", series), ("x", exception)]
        .map(|(id, payload)| crate::support::record("calendar.event/1", id, &payload));
    stage.receive(records.to_vec()).await;
    let drafts = stage.drafts().await;
    let of = |id: &str| drafts.iter().find(|draft| draft.key.external_id == id).unwrap();
    assert_eq!(
        (&of("s").data["startDate"], &of("s").data["endDate"]),
        (&json!("2026-12-24"), &json!("2026-12-27"))
    );
    assert_eq!(of("s").data["eventSchedule"], json!({ "repeatRule": ["FREQ=YEARLY"] }));
    assert_eq!(time(of("s").valid_from).as_deref(), Some("2026-12-24T00:00:00Z"));
    assert_eq!(of("s").valid_to, None, "a series holds on");
    assert!(aliases(of("x")).is_empty(), "an exception is not the series");
    assert_eq!(of("x").valid_to, None, "it ends before it begins: where it begins is kept");
}

#[tokio::test]
async fn a_message_of_microsoft_graph_and_its_conversation() {
    let stage = stage().await;
    let message = json!({
        "@odata.etag": "W/\"x\"", "id": "AAMk1", "subject": "RE: Plan", "bodyPreview": "See you",
        "body": { "contentType": "html", "content": "<html><head><style>x</style></head><body><div>See you<br>at nine</div></body></html>" },
        "from": { "emailAddress": { "name": "'Ada Lovelace'", "address": "Ada@Example.org" } },
        "toRecipients": [
            { "emailAddress": { "name": "Bob", "address": "bob@example.org" } },
            { "emailAddress": { "name": "Old", "address": "/O=EXCHANGELABS/OU=X/CN=OLD" } },
        ],
        "ccRecipients": [], "receivedDateTime": "2026-11-25T08:01:02Z", "sentDateTime": "2026-11-25T08:01:00Z",
        "conversationId": "conv1", "internetMessageId": "<1@example.org>", "importance": "normal",
        "webLink": "https://outlook.example/?ItemID=AAMk1", "hasAttachments": false, "isRead": true,
    });
    let drafts = stage.drafts_of("ms-graph.message/1", message).await;
    let mail = &drafts[0];
    assert_eq!((&*mail.r#type, &mail.data["name"]), ("EmailMessage", &json!("RE: Plan")));
    assert_eq!(mail.data["articleBody"], "See you\nat nine");
    assert_eq!(mail.data["dateReceived"], "2026-11-25T08:01:02Z");
    assert_eq!(mail.data["dateSent"], "2026-11-25T08:01:00Z");
    assert_eq!(mail.data["sender"], json!({ "name": "Ada Lovelace", "email": "ada@example.org" }));
    assert_eq!(mail.data["toRecipient"][1], json!({ "name": "Old" }));
    assert_eq!(mail.data["url"], "https://outlook.example/?ItemID=AAMk1");
    assert_eq!(
        (&mail.data["hasAttachments"], &mail.data["senderDomain"]),
        (&json!(false), &json!("example.org"))
    );
    assert_eq!(
        edges(mail),
        [
            pair("sender", "email:ada@example.org"),
            pair("recipient", "email:bob@example.org"),
            pair("isPartOf", "ms-graph.conversation#conv1"),
        ]
    );
    let conversation = &drafts[1];
    assert_eq!((&*conversation.r#type, &*conversation.key.external_id), ("Conversation", "conv1"));
    assert_eq!(conversation.data["name"], "Plan");
}

#[tokio::test]
async fn a_message_without_a_body_shows_what_graph_previews() {
    let stage = stage().await;
    let message = json!({ "id": "m", "subject": "", "bodyPreview": "Only this" });
    let mail = stage.drafts_of("ms-graph.message/1", message).await.remove(0);
    assert_eq!(
        (&mail.data["articleBody"], &mail.data["name"]),
        (&json!("Only this"), &json!("(no subject)"))
    );
}

#[tokio::test]
async fn an_event_of_microsoft_graph_in_a_zone_of_windows() {
    let stage = stage().await;
    let event = json!({
        "id": "E1", "subject": "Review", "bodyPreview": "Numbers", "iCalUId": "0400",
        "start": { "dateTime": "2026-01-15T09:00:00.0000000", "timeZone": "W. Europe Standard Time" },
        "end": { "dateTime": "2026-01-15T10:30:00.0000000", "timeZone": "W. Europe Standard Time" },
        "isAllDay": false, "isCancelled": true, "location": { "displayName": "Room 4" },
        "organizer": { "emailAddress": { "name": "Ada", "address": "ada@example.org" } },
        "attendees": [{ "type": "required", "status": { "response": "tentativelyAccepted" },
                        "emailAddress": { "name": "Bob", "address": "bob@example.org" } }],
    });
    let draft = stage.drafts_of("ms-graph.event/1", event).await.remove(0);
    assert_eq!(
        (&draft.data["startDate"], &draft.data["endDate"]),
        (&json!("2026-01-15T08:00:00Z"), &json!("2026-01-15T09:30:00Z"))
    );
    assert_eq!(draft.data["scheduleTimezone"], "Europe/Berlin");
    assert_eq!(draft.data["eventStatus"], "EventCancelled");
    assert_eq!(draft.data["location"], "Room 4");
    assert_eq!(time(draft.valid_to).as_deref(), Some("2026-01-15T09:30:00Z"));
    assert_eq!(
        edges(&draft),
        [pair("organizer", "email:ada@example.org"), pair("attendee", "email:bob@example.org")]
    );
    assert_eq!(draft.edges[1].props["status"], "tentativelyaccepted");
}

#[tokio::test]
async fn a_whole_day_of_microsoft_graph_is_a_day() {
    let stage = stage().await;
    let day = json!({
        "subject": "Holiday", "isAllDay": true,
        "start": { "dateTime": "2026-12-08T00:00:00.0000000", "timeZone": "UTC" },
        "end": { "dateTime": "2026-12-09T00:00:00.0000000", "timeZone": "UTC" },
    });
    let draft = stage.drafts_of("ms-graph.event/1", day).await.remove(0);
    assert_eq!(
        (&draft.data["startDate"], &draft.data["endDate"]),
        (&json!("2026-12-08"), &json!("2026-12-09"))
    );
}

#[tokio::test]
async fn a_contact_of_microsoft_graph_with_the_numbers_of_austria() {
    let stage = stage().await;
    let contact = json!({
        "id": "C1", "displayName": "Ada  Lovelace", "givenName": "Ada", "surname": "Lovelace",
        "emailAddresses": [{ "name": "Ada", "address": "Ada@Example.org" }, { "name": "x", "address": "not an address" }],
        "mobilePhone": "0664 123 45 67", "businessPhones": ["+43 (0) 1 588580", "ask at the desk"],
        "homePhones": ["0043 664 1234567"], "categories": ["Partner", "Family"], "companyName": "Analytical Engines",
        "jobTitle": "Countess", "birthday": "1990-12-10T11:59:00Z",
        "homeAddress": { "street": "Am Hof 1", "city": "Wien", "postalCode": "1010", "countryOrRegion": "Austria" },
        "businessAddress": {},
    });
    let person = stage.drafts_of("ms-graph.contact/1", contact).await.remove(0);
    assert_eq!((&*person.r#type, &person.data["name"]), ("Person", &json!("Ada Lovelace")));
    assert_eq!(
        (&person.data["givenName"], &person.data["familyName"]),
        (&json!("Ada"), &json!("Lovelace"))
    );
    assert_eq!(person.data["telephone"], json!(["+436641234567", "+431588580", "ask at the desk"]));
    assert_eq!(person.data["telephoneRegion"], "AT");
    assert_eq!(
        (&person.data["email"], &person.data["emailDomain"]),
        (&json!(["ada@example.org"]), &json!(["example.org"]))
    );
    assert_eq!(person.data["keywords"], json!(["Partner", "Family"]));
    assert_eq!(
        (&person.data["worksFor"], &person.data["jobTitle"]),
        (&json!("Analytical Engines"), &json!("Countess"))
    );
    assert_eq!(person.data["birthDate"], "1990-12-10");
    assert_eq!(person.data["address"][0]["addressLocality"], "Wien");
    assert_eq!(person.data["address"].as_array().unwrap().len(), 1);
    assert_eq!(aliases(&person), ["email:ada@example.org", "tel:+431588580", "tel:+436641234567"]);
}

#[tokio::test]
async fn a_contact_without_a_display_name_is_called_by_what_is_known() {
    let stage = stage().await;
    let contact = json!({ "displayName": " ", "givenName": "Ada", "surname": "Lovelace", "emailAddresses": [] });
    let person = stage.drafts_of("ms-graph.contact/1", contact).await.remove(0);
    assert_eq!(person.data["name"], "Ada Lovelace");
}
