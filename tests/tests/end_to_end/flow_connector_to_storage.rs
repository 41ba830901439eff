//! Connector to storage, as the design has it: an outside service, its plugin, raw records, the unified
//! model, search and rules; with the node killed in the middle, and every record there once.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tests::outside::{Graph, GraphResource, Pages};
use tests::{Bus, Household, eventually_within};

const MESSAGES: usize = 120;
const EVENTS: usize = 40;
const CONTACTS: usize = 30;

fn message(number: usize, subject: &str) -> Value {
    json!({
        "id": format!("message-{number}"),
        "createdDateTime": "2026-11-01T08:00:00Z",
        "lastModifiedDateTime": "2026-11-01T08:00:00Z",
        "receivedDateTime": "2026-11-01T08:00:00Z",
        "sentDateTime": "2026-11-01T07:59:58Z",
        "hasAttachments": false,
        "internetMessageId": format!("<{number}@mail.example>"),
        "subject": subject,
        "bodyPreview": format!("The kumquat order number {number} is on its way."),
        "importance": "normal",
        "conversationId": format!("conversation-{}", number / 3),
        "isRead": false,
        "isDraft": false,
        "webLink": format!("https://outlook.example/{number}"),
        "body": { "contentType": "text", "content": format!("The kumquat order number {number} is on its way.") },
        "from": { "emailAddress": { "name": "Shop", "address": "shop@shop.example" } },
        "toRecipients": [{ "emailAddress": { "name": "Ada", "address": "ada@mail.example" } }],
    })
}

fn event(number: usize) -> Value {
    json!({
        "id": format!("event-{number}"),
        "subject": format!("Appointment {number}"),
        "bodyPreview": "Bring the papers",
        "start": { "dateTime": "2026-12-01T09:00:00.0000000", "timeZone": "UTC" },
        "end": { "dateTime": "2026-12-01T10:00:00.0000000", "timeZone": "UTC" },
        "isAllDay": false,
        "isCancelled": false,
        "location": { "displayName": "Town hall" },
        "organizer": { "emailAddress": { "name": "Shop", "address": "shop@shop.example" } },
        "attendees": [
            { "type": "required", "status": { "response": "accepted" },
              "emailAddress": { "name": "Ada", "address": "ada@mail.example" } },
        ],
    })
}

fn contact(number: usize) -> Value {
    json!({
        "id": format!("contact-{number}"),
        "displayName": format!("Person {number}"),
        "givenName": "Person",
        "surname": number.to_string(),
        "emailAddresses": [{ "name": "", "address": format!("person{number}@mail.example") }],
        "mobilePhone": format!("+43664555{number:04}"),
        "businessPhones": [],
        "homePhones": [],
        "categories": ["Friend"],
    })
}

async fn filled() -> Graph {
    let graph = Graph::start().await;
    for number in 0..MESSAGES {
        graph.put(GraphResource::Messages, message(number, &format!("Order {number}")));
    }
    for number in 0..EVENTS {
        graph.put(GraphResource::Events, event(number));
    }
    for number in 0..CONTACTS {
        graph.put(GraphResource::Contacts, contact(number));
    }
    graph
}

/// How many entities of a type the owner sees.
async fn count(home: &Household, kind: &str) -> u64 {
    let answer = home.ask(&format!("/entities/count?type={kind}")).await;
    answer.json["count"].as_u64().unwrap_or_default()
}

async fn wait_for_count(home: &Household, kind: &str, expected: usize) {
    home.wait_for(
        &format!("{expected} of {kind}"),
        &format!("/entities/count?type={kind}"),
        |answer| (answer["count"] == expected).then_some(()),
    )
    .await;
}

/// Every hit of a search, over all its pages.
async fn hits(home: &Household, query: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = home.get(&format!("/search?{query}&limit=50{cursor}")).await;
        for item in page["items"].as_array().unwrap() {
            found.push(item["entity"]["id"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_connector_to_storage() {
    let (mut home, graph) = tokio::join!(Household::start(), filled());
    home.install("ms-graph").await;
    let rule = json!({
        "name": "Orders",
        "on": [{ "type": "data.EntityCreated.v1", "where": { "data.type": "EmailMessage" } }],
        "when": ["event.data.data.name.startsWith(\"Order\")"],
        "do": [{ "emit": { "name": "order", "data": { "entity": "{{ event.data.entity }}" } } }],
    });
    let rule = home.post("/rules", &rule).await["id"].as_str().unwrap().to_owned();
    // Two of the first pages are throttled.
    graph.throttle([3, 5]);
    let account = home
        .post(
            "/connectors",
            &json!({
                "plugin": "ms-graph",
                "name": "Mail of Ada",
                "config": {
                    "base_url": format!("{}/v1.0", graph.origin()),
                    "login_url": format!("{}/common", graph.origin()),
                },
            }),
        )
        .await;
    let account = account["id"].as_str().unwrap().to_owned();
    home.put(
        &format!("/plugins/ms-graph/accounts/{account}/secrets/graph"),
        &json!({
            "token": {
                "access_token": "expired",
                "refresh_token": "refresh0",
                "expires_in": 0,
                "client_id": "sovereign",
            },
        }),
    )
    .await;
    home.post(&format!("/connectors/{account}/sync"), &json!({})).await;

    // Killed while records come in, and once more while they are worked on.
    for share in [4, 2] {
        eventually_within(Duration::from_secs(90), "records on their way", || async {
            (count(&home, "EmailMessage").await >= (MESSAGES / share / 2) as u64).then_some(())
        })
        .await;
        home.node.kill();
        home.node.resume().await;
    }
    wait_for_count(&home, "EmailMessage", MESSAGES).await;
    wait_for_count(&home, "Event", EVENTS).await;
    assert!(graph.refreshes() >= 1, "the host refreshed the token");

    // Each once: in search, and evaluated by the rule.
    home.wait_for("every message in search", "/search?q=kumquat&limit=1", |page| {
        (page["estimated_total"] == MESSAGES).then_some(())
    })
    .await;
    let found = hits(&home, "q=kumquat&type=EmailMessage").await;
    assert_eq!(found.len(), MESSAGES);
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), MESSAGES, "each once");
    let database = home.node.database().await;
    home.wait_for("the rule to have acted on every message", &format!("/rules/{rule}"), |rule| {
        (rule["fired"].as_u64()? >= MESSAGES as u64).then_some(())
    })
    .await;
    for (kind, expected) in [("rules.RuleFired.v1", MESSAGES), ("rules.Signalled.v1", MESSAGES)] {
        let times: i64 = sqlx::query_scalar("SELECT count(*) FROM spine.event WHERE type = $1")
            .bind(kind)
            .fetch_one(&database)
            .await
            .unwrap();
        assert_eq!(times, expected as i64, "{kind}");
    }
    let doubled: Vec<(String, i64)> = sqlx::query_as(
        "SELECT subject, count(*) FROM spine.event WHERE type = 'data.EntityCreated.v1'
          GROUP BY subject HAVING count(*) > 1",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    assert_eq!(doubled, [], "created more than once");

    // A change, a deletion, a new one; and the state of the messages is forgotten meanwhile.
    graph.put(GraphResource::Messages, message(0, "Order zero, changed"));
    graph.remove(GraphResource::Messages, "message-1");
    graph.put(GraphResource::Messages, message(MESSAGES, "Order, new"));
    graph.forget_states(GraphResource::Messages);
    home.post(&format!("/connectors/{account}/sync"), &json!({})).await;
    let changed = home
        .wait_for("the changed message", "/search?q=zero%20changed", |page| {
            Some(page["items"].as_array()?.first()?["entity"]["id"].as_str()?.to_owned())
        })
        .await;
    let history = home.get(&format!("/entities/{changed}/history")).await;
    assert_eq!(history["items"].as_array().unwrap().len(), 2, "a change closes the version before");
    home.wait_for("the new message", "/search?q=kumquat%20120&limit=1", |page| {
        (page["items"].as_array()?.len() == 1).then_some(())
    })
    .await;
    println!(
        "{:?}: {MESSAGES} messages, {EVENTS} events, {CONTACTS} contacts in {} requests, killed twice",
        Bus::asked_for(),
        graph.requests()
    );
}

/// What became of files that a plugin read.
#[derive(Default)]
struct Outcome {
    landed: usize,
    refused: Vec<String>,
}

/// Adds an account for each file and waits until each has been read once.
async fn read_all(home: &Household, plugin: &str, files: &[(String, String)]) -> Outcome {
    let mut outcome = Outcome::default();
    for (name, address) in files {
        let account = home
            .post(
                "/connectors",
                &json!({ "plugin": plugin, "name": name, "config": { "url": address } }),
            )
            .await;
        let path = format!("/connectors/{}/runs", account["id"].as_str().unwrap());
        let run = home
            .wait_for(&format!("{name} to be read"), &path, |page| {
                let run = page["items"].as_array()?.last()?.clone();
                run["finished_at"].is_string().then_some(run)
            })
            .await;
        match run["error"].as_str() {
            None => outcome.landed += 1,
            Some(error) => outcome.refused.push(format!("{name}: {error}")),
        }
    }
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_connector_to_storage_of_a_feed_and_a_calendar() {
    let (home, pages) = tokio::join!(Household::start(), Pages::start());
    home.install("rss").await;
    home.install("ical").await;
    let feed = r#"<?xml version="1.0"?><rss version="2.0"><channel><title>Village news</title>
        <link>https://village.example/</link><description>News</description>
        <item><guid>1</guid><title>The bridge is open</title><link>https://village.example/1</link>
        <pubDate>Mon, 02 Nov 2026 08:00:00 GMT</pubDate><description>At last.</description></item>
        <item><guid>2</guid><title>Market on Saturday</title><link>https://village.example/2</link>
        <pubDate>Tue, 03 Nov 2026 08:00:00 GMT</pubDate><description>With cheese.</description></item>
        </channel></rss>"#;
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\n\
        UID:dentist@test\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:20261203T090000Z\r\n\
        DTEND:20261203T093000Z\r\nSUMMARY:Dentist appointment\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let files = [
        ("feed".to_owned(), pages.put("news.xml", "application/rss+xml", feed)),
        ("nonsense".to_owned(), pages.put("no.xml", "application/rss+xml", "<rss><channel><item>")),
    ];
    let outcome = read_all(&home, "rss", &files).await;
    assert_eq!((outcome.landed, outcome.refused.len()), (1, 1), "{:?}", outcome.refused);
    let files = [("calendar".to_owned(), pages.put("c.ics", "text/calendar", calendar))];
    assert_eq!(read_all(&home, "ical", &files).await.landed, 1);
    for query in ["q=bridge", "q=cheese", "q=dentist"] {
        home.wait_for(query, &format!("/search?{query}"), |page| {
            (page["items"].as_array()?.len() == 1).then_some(())
        })
        .await;
    }
}

/// Every file below the folders of a variable, with one of these endings.
fn corpus(variable: &str, endings: &[&str]) -> Vec<std::path::PathBuf> {
    let mut folders: Vec<_> = std::env::split_paths(&tests::needed(variable)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|ending| endings.iter().any(|one| ending == *one))
                && !is_no_sample(&path)
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// What the crate `feed-rs` ships beside its feeds: what it makes of them, and pieces of XML.
fn is_no_sample(path: &std::path::Path) -> bool {
    path.to_string_lossy().ends_with(".serde.json")
        || path.parent().is_some_and(|folder| folder.ends_with("fixture/xml"))
}

/// Feeds and calendars of the real world: how many are read and land, and what is wrong with the others.
#[tokio::test(flavor = "multi_thread")]
async fn flow_connector_to_storage_of_the_real_world() {
    if Bus::asked_for() == Bus::JetStream {
        println!("skipped: what the plugins read is the same on both buses");
        return;
    }
    let (home, pages) = tokio::join!(Household::start(), Pages::start());
    home.install("rss").await;
    home.install("ical").await;
    let feeds = corpus("SOVEREIGN_TEST_FEEDS", &["xml", "json", "rss", "atom"]);
    let calendars = corpus("SOVEREIGN_TEST_CALENDARS", &["ics"]);
    for (plugin, media_type, files, most_refused) in
        [("rss", "application/xml", &feeds, 1), ("ical", "text/calendar", &calendars, 2)]
    {
        let started = std::time::Instant::now();
        let addresses: Vec<(String, String)> = files
            .iter()
            .enumerate()
            .map(|(number, file)| {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                let content = std::fs::read(file).unwrap();
                (name, pages.put(&format!("{plugin}/{number}"), media_type, content))
            })
            .collect();
        let mut names = std::collections::BTreeMap::new();
        for (name, address) in &addresses {
            let account = home
                .post(
                    "/connectors",
                    &json!({ "plugin": plugin, "name": name, "config": { "url": address } }),
                )
                .await;
            names.insert(account["id"].as_str().unwrap().to_owned(), name.clone());
        }
        let database = home.node.database().await;
        let done = eventually_within(Duration::from_secs(600), "every file to be read", || async {
            let runs: Vec<(uuid::Uuid, i64, Option<String>)> = sqlx::query_as(
                "SELECT DISTINCT ON (run.account) run.account, run.records, run.error
                   FROM connectors.run JOIN connectors.account ON account.id = run.account
                  WHERE run.finished_at IS NOT NULL AND account.plugin = $1
                  ORDER BY run.account, run.started_at",
            )
            .bind(plugin)
            .fetch_all(&database)
            .await
            .ok()?;
            (runs.len() == addresses.len()).then_some(runs)
        })
        .await;
        let refused: Vec<_> = done.iter().filter(|run| run.2.is_some()).collect();
        let records: i64 = done.iter().map(|run| run.1).sum();
        let failed_to_map: i64 =
            eventually_within(Duration::from_secs(300), "every record to be mapped", || async {
                let (waiting, refused): (i64, i64) = sqlx::query_as(
                    "SELECT count(*) FILTER (WHERE state = 'received'),
                            count(*) FILTER (WHERE state = 'refused') FROM etl.record",
                )
                .fetch_one(&database)
                .await
                .ok()?;
                (waiting == 0).then_some(refused)
            })
            .await;
        println!(
            "{plugin}: {} files, {} read, {records} records, {failed_to_map} of all so far not mapped, in {:.1} s",
            files.len(),
            files.len() - refused.len(),
            started.elapsed().as_secs_f64()
        );
        for (account, _, error) in &refused {
            println!("  {}: {}", names[&account.to_string()], error.as_deref().unwrap_or_default());
        }
        assert!(refused.len() <= most_refused, "{} of {} refused", refused.len(), files.len());
        assert_eq!(failed_to_map, 0, "records that no mapping took");
    }
}
