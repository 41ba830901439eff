//! What every adapter must do.

use chrono::{DateTime, TimeDelta};
use contracts::access::{Permitted, SpaceId};
use contracts::events::data::{EntityChanged, EntityCreated};
use search::{FacetKind, Filters, Question};
use serde_json::json;
use uuid::Uuid;

use crate::stage::{ANNA, BEN, Stage, entity, everything, next, question, titles};

macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::stage::Stage::postgres().await).await;
            })*
        }
        mod spoken_meilisearch {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::stage::Stage::spoken().await).await;
            })*
        }
        mod real_meilisearch {
            $(#[tokio::test]
            async fn $name() {
                match crate::stage::Stage::real().await {
                    Some(stage) => super::$name(stage).await,
                    None => eprintln!("no Meilisearch is named: not run"),
                }
            })*
        }
    };
}

suite!(
    words_are_found_with_typing_errors_prefixes_and_accents,
    phrases_and_what_is_left_out,
    filters_narrow_down_and_facets_count,
    facets_tell_the_most_frequent_values,
    matches_are_marked_as_plain_text,
    pages_show_everything_once,
    nothing_is_found_beyond_what_is_permitted,
    changes_deletions_and_erasures_take_effect,
    an_older_version_never_overwrites_a_newer_one,
    merged_entities_are_shown_once_until_it_is_undone,
    hostile_questions_are_harmless,
);

async fn words_are_found_with_typing_errors_prefixes_and_accents(stage: Stage) {
    for (minutes, data) in [
        (
            1,
            json!({"name": "Dentist appointment", "description": "Dr. Meier, tooth check on Tuesday"}),
        ),
        (2, json!({"name": "Müllabfuhr", "description": "Große Tonne"})),
        (3, json!({"name": "Tennis with Ben"})),
        (4, json!({"name": "東京タワー", "description": "a tower"})),
    ] {
        stage.create(&entity(minutes, "Event", data)).await;
    }
    stage.running.settle().await;
    for (asked, expected) in [
        ("dentist", "Dentist appointment"),
        ("dentst", "Dentist appointment"),
        ("DENTIST", "Dentist appointment"),
        ("apointmnet", "Dentist appointment"),
        ("appoint", "Dentist appointment"),
        ("meier tooth", "Dentist appointment"),
        ("mullabfuhr", "Müllabfuhr"),
        ("Müllabfur", "Müllabfuhr"),
        ("ten", "Tennis with Ben"),
    ] {
        assert_eq!(
            stage.titles(asked).await.first().map(String::as_str),
            Some(expected),
            "{asked}"
        );
    }
    assert_eq!(
        stage.titles("dentist tennis").await,
        Vec::<String>::new(),
        "every word must be found"
    );
    assert_eq!(stage.titles("zebra").await, Vec::<String>::new());
    assert_eq!(stage.titles("").await[0], "Dentist appointment", "the newest first");
    assert_eq!(stage.titles("").await.len(), 4);
    stage.running.stop().await;
}

async fn phrases_and_what_is_left_out(stage: Stage) {
    stage.create(&entity(1, "Article", json!({"name": "red wine and cheese"}))).await;
    stage.create(&entity(2, "Article", json!({"name": "wine from the red hills"}))).await;
    stage.running.settle().await;
    assert_eq!(stage.titles("\"red wine\"").await, ["red wine and cheese"]);
    assert_eq!(stage.titles("wine -cheese").await, ["wine from the red hills"]);
    assert_eq!(stage.titles("wine red").await.len(), 2);
    stage.running.stop().await;
}

async fn filters_narrow_down_and_facets_count(stage: Stage) {
    let mut party =
        entity(1, "Event", json!({"name": "Birthday party", "startDate": "2026-12-01T18:00:00Z"}));
    party.labels = vec!["family".to_owned(), "fun".to_owned()];
    let mut mine =
        entity(2, "Message", json!({"text": "the party list", "dateSent": "2026-11-01T08:00:00Z"}));
    mine.space = SpaceId::of_person(ANNA);
    mine.labels = vec!["family".to_owned()];
    let other = entity(3, "Message", json!({"text": "party over"}));
    for entity in [&party, &mine, &other] {
        stage.create(entity).await;
    }
    stage.running.settle().await;
    let with = |filters: Filters| Question { filters, ..question("party") };
    let of = |filters| async { titles(&stage.ask(with(filters), &everything()).await) };
    let types = vec!["Message".to_owned()];
    assert_eq!(of(Filters { types, ..Filters::default() }).await.len(), 2);
    let spaces = vec![SpaceId::of_person(ANNA)];
    assert_eq!(of(Filters { spaces, ..Filters::default() }).await, ["the party list"]);
    let labels = vec!["family".to_owned(), "fun".to_owned()];
    assert_eq!(of(Filters { labels, ..Filters::default() }).await, ["Birthday party"]);
    let from = Some("2026-11-15T00:00:00Z".parse().unwrap());
    assert_eq!(of(Filters { from, ..Filters::default() }).await, ["Birthday party"]);
    let to = Some("2026-11-15T00:00:00Z".parse().unwrap());
    assert_eq!(of(Filters { to, ..Filters::default() }).await, ["the party list"]);

    let asked = Question { facets: FacetKind::ALL.to_vec(), limit: 1, ..question("party") };
    let found = stage.ask(asked, &everything()).await;
    let counts = |kind| -> Vec<(String, u64)> {
        found.facets[&kind].iter().map(|value| (value.value.clone(), value.count)).collect()
    };
    assert_eq!(counts(FacetKind::Type), [("Message".to_owned(), 2), ("Event".to_owned(), 1)]);
    assert_eq!(counts(FacetKind::Space)[0], ("household".to_owned(), 2));
    assert_eq!(counts(FacetKind::Label), [("family".to_owned(), 2), ("fun".to_owned(), 1)]);
    assert_eq!(found.total, 3);
    stage.running.stop().await;
}

async fn matches_are_marked_as_plain_text(stage: Stage) {
    let text = format!("{} the dentist <script>alert(1)</script> & co", "word ".repeat(200));
    stage
        .create(&entity(
            1,
            "Event",
            json!({"name": "A <b>Dentist</b> \u{e000}visit", "description": text}),
        ))
        .await;
    stage.running.settle().await;
    let asked = Question { highlight: true, ..question("dentst") };
    let found = stage.ask(asked, &everything()).await;
    let of = |field: &str| {
        let highlight = found.hits[0].highlights.iter().find(|one| one.field == field).unwrap();
        let shown: String = highlight
            .parts
            .iter()
            .map(|part| if part.marked { format!("[{}]", part.text) } else { part.text.clone() })
            .collect();
        shown
    };
    assert_eq!(of("title"), "A [Dentist]  visit");
    let text = of("text");
    assert!(text.contains("[dentist]") && text.contains('…'), "{text}");
    assert!(text.chars().count() < 400 && !text.contains("script"), "{text}");
    stage.running.stop().await;
}

async fn pages_show_everything_once(stage: Stage) {
    let created: Vec<_> = (0..25)
        .map(|number| EntityCreated {
            now: entity(number, "Task", json!({"name": format!("Buy bread {number}")})),
        })
        .collect();
    stage.record(&created).await;
    stage.running.settle().await;
    for text in ["bread", ""] {
        let mut seen: Vec<Uuid> = Vec::new();
        let mut after = None;
        loop {
            let asked = Question { after: after.clone(), limit: 10, ..question(text) };
            let found = stage.ask(asked, &everything()).await;
            assert_eq!(found.total, 25);
            seen.extend(found.hits.iter().map(|hit| hit.document.id));
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 25, "{text:?}");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 25, "{text:?}");
    }
    stage.running.stop().await;
}

async fn nothing_is_found_beyond_what_is_permitted(stage: Stage) {
    let spaces = [
        SpaceId::household(),
        SpaceId::public(),
        SpaceId::of_person(ANNA),
        SpaceId::of_person(BEN),
        SpaceId::of_circle(Uuid::from_u128(7)),
    ];
    let labels = ["health", "finance", "we\"ird\\", "fun"];
    let mut random = 12_345_u64;
    let mut draw = |below: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % below
    };
    let mut all = Vec::new();
    for number in 0..60 {
        let mut one = entity(number, "Thing", json!({"name": format!("secret {number}")}));
        one.space = spaces[draw(spaces.len())].clone();
        one.labels =
            labels.iter().filter(|_| draw(3) == 0).map(|label| (*label).to_owned()).collect();
        all.push(one);
    }
    let created: Vec<_> = all.iter().map(|now| EntityCreated { now: now.clone() }).collect();
    stage.record(&created).await;
    stage.running.settle().await;
    for round in 0..25 {
        let mut permitted = Permitted::default();
        for space in &spaces {
            match draw(3) {
                0 => permitted.whole.push(space.clone()),
                1 => permitted.partial.push(space.clone()),
                _ => {}
            }
        }
        permitted.hidden_labels =
            labels.iter().filter(|_| draw(2) == 0).map(|l| (*l).to_owned()).collect();
        for text in ["secret", ""] {
            let asked = Question { facets: vec![FacetKind::Space], limit: 100, ..question(text) };
            let found = stage.ask(asked, &permitted).await;
            let mut ids: Vec<Uuid> = found.hits.iter().map(|hit| hit.document.id).collect();
            let mut expected: Vec<Uuid> = all
                .iter()
                .filter(|one| permitted.admits(&one.space, &one.labels))
                .map(|one| one.entity)
                .collect();
            ids.sort_unstable();
            expected.sort_unstable();
            assert_eq!(ids, expected, "round {round}: {permitted:?}");
            let counted: u64 = found.facets.values().flatten().map(|value| value.count).sum();
            assert_eq!(counted, u64::try_from(expected.len()).unwrap(), "facets count no more");
        }
    }
    stage.running.stop().await;
}

async fn changes_deletions_and_erasures_take_effect(stage: Stage) {
    let first = entity(1, "Event", json!({"name": "Opera"}));
    let second = entity(2, "Event", json!({"name": "Circus"}));
    stage.create(&first).await;
    stage.create(&second).await;
    stage.running.settle().await;
    let moved = next(&first, json!({"name": "Ballet"}));
    stage.change(&moved).await;
    stage.delete(&second).await;
    stage.running.settle().await;
    assert_eq!(stage.titles("opera").await, Vec::<String>::new());
    assert_eq!(stage.titles("ballet").await, ["Ballet"]);
    assert_eq!(stage.titles("circus").await, Vec::<String>::new());
    stage.erase(first.entity).await;
    stage.running.settle().await;
    assert_eq!(stage.titles("").await, Vec::<String>::new());
    // Nothing of it is left anywhere in the service.
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM search.document WHERE title <> '' OR words IS NOT NULL)
              + (SELECT count(*) FROM search.word)",
    )
    .fetch_one(stage.test.spine.pool())
    .await
    .unwrap();
    assert_eq!(left, 0);
    // It does not come back, whoever read of it before and tells of it now.
    let mut again = next(&moved, json!({"name": "Ballet again"}));
    again.version = 4;
    stage.change(&again).await;
    let unknown = entity(3, "Event", json!({"name": "Unheard of"}));
    stage.erase(unknown.entity).await;
    stage.running.settle().await;
    stage.create(&unknown).await;
    stage.running.settle().await;
    assert_eq!(stage.titles("").await, Vec::<String>::new());
    stage.running.stop().await;
}

async fn facets_tell_the_most_frequent_values(stage: Stage) {
    let created: Vec<_> = (0..120)
        .map(|number| {
            let mut now = entity(number, "Task", json!({"name": "Buy bread"}));
            now.labels = vec![format!("shop {number:03}"), "zzz".to_owned()];
            EntityCreated { now }
        })
        .collect();
    stage.record(&created).await;
    stage.running.settle().await;
    let asked = Question { facets: vec![FacetKind::Label], ..question("bread") };
    let found = stage.ask(asked, &everything()).await;
    let first = &found.facets[&FacetKind::Label][0];
    assert_eq!((first.value.as_str(), first.count), ("zzz", 120));
    stage.running.stop().await;
}

async fn an_older_version_never_overwrites_a_newer_one(stage: Stage) {
    let first = entity(1, "Event", json!({"name": "old name"}));
    let second = next(&first, json!({"name": "new name"}));
    stage.change(&second).await;
    stage.running.settle().await;
    stage.create(&first).await;
    stage.running.settle().await;
    assert_eq!(stage.titles("name").await, ["new name"]);
    stage.delete(&second).await;
    stage.running.settle().await;
    // Also within one batch.
    stage
        .record(&[
            EntityChanged { now: second.clone(), changed: Vec::new() },
            EntityChanged { now: first.clone(), changed: Vec::new() },
        ])
        .await;
    stage.running.settle().await;
    assert_eq!(stage.titles("name").await, Vec::<String>::new(), "what is gone stays gone");
    stage.running.stop().await;
}

async fn merged_entities_are_shown_once_until_it_is_undone(stage: Stage) {
    let kept = entity(1, "Person", json!({"name": "Maria Huber"}));
    let absorbed = entity(2, "Person", json!({"name": "Huber Mary"}));
    stage.create(&kept).await;
    stage.create(&absorbed).await;
    stage.merge(kept.entity, absorbed.entity).await;
    stage.running.settle().await;
    assert_eq!(stage.titles("huber").await, ["Maria Huber"]);
    stage.undo(kept.entity, absorbed.entity).await;
    stage.running.settle().await;
    assert_eq!(stage.titles("huber").await.len(), 2);
    stage.running.stop().await;
}

async fn hostile_questions_are_harmless(stage: Stage) {
    let mut hidden = entity(1, "Event", json!({"name": "hidden treasure"}));
    hidden.space = SpaceId::of_person(BEN);
    stage.create(&hidden).await;
    stage.create(&entity(2, "Event", json!({"name": "open treasure"}))).await;
    stage.running.settle().await;
    let permitted = Permitted { whole: vec![SpaceId::household()], ..Permitted::default() };
    for text in [
        "treasure' OR 1=1 --",
        "treasure\"; DROP TABLE search.document; --",
        "treasure & | ! ( :* <->",
        "\" OR space EXISTS",
        "'':*",
        "%_treasure\\",
        "\u{0}treasure\u{e000}",
        "a\\'b''c",
        "!!!",
        "-",
    ] {
        let found = stage.ask(question(text), &permitted).await;
        assert!(found.hits.iter().all(|hit| hit.document.title == "open treasure"), "{text}");
    }
    for value in [
        "\"] OR space EXISTS OR type IN [\"",
        "x\" OR \"1\"=\"1",
        "\\\" OR NOT type = \"x",
        "' OR '1'='1",
    ] {
        let filters = Filters {
            types: vec![value.to_owned()],
            labels: vec![value.to_owned()],
            from: Some(DateTime::UNIX_EPOCH),
            ..Filters::default()
        };
        let found = stage.ask(Question { filters, ..question("treasure") }, &permitted).await;
        assert_eq!(found.hits.len(), 0, "{value}");
    }
    let far = stage.now() + TimeDelta::days(1);
    let filters = Filters { from: Some(far), ..Filters::default() };
    assert!(stage.ask(Question { filters, ..question("") }, &permitted).await.hits.is_empty());
    stage.running.stop().await;
}
