//! What the language does, without a database.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::model::Operation;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Form, Mapped, Mapping, MappingDocument, RecordFacts, Refused, built_ins, deletion, read,
};
use crate::normal::{Phones, Region};

fn facts() -> RecordFacts {
    RecordFacts {
        account: Uuid::nil(),
        plugin: "test".to_owned(),
        kind: "planet.orbit/1".to_owned(),
        external_id: "1".to_owned(),
        space: SpaceId::household(),
        labels: vec!["work".to_owned()],
        consent: Some(Uuid::nil()),
        revision: Some("r\u{0}1".to_owned()),
        source_time: DateTime::<Utc>::from_timestamp(1_800_000_000, 0),
        hash: vec![1; 32],
        event: None,
    }
}

fn mapping(entity: Value) -> Mapping {
    let document = json!({ "mapping": "planet", "record": "planet.orbit/1", "entities": [entity] });
    let document: MappingDocument = serde_json::from_value(document).unwrap();
    Mapping::compile(&document, 3).unwrap()
}

fn map(entity: Value, payload: &Value) -> Result<Mapped, Refused> {
    mapping(entity).drafts(&facts(), payload, &Phones::new(Region::parse("AT")))
}

/// What one value of a mapping finds.
fn value(source: Value, payload: &Value) -> Value {
    let entity =
        json!({ "type": "Thing", "properties": { "always": { "constant": 1 }, "it": source } });
    let mapped = map(entity, payload).unwrap();
    mapped.drafts[0].data.get("it").cloned().unwrap_or_default()
}

#[test]
fn every_mapping_of_the_node_can_be_used_and_is_read_back_as_it_is_written() {
    let documents = built_ins().unwrap();
    assert_eq!(documents.len(), 6);
    for document in documents {
        assert!(document.version.is_some(), "{}", document.mapping);
        Mapping::compile(&document, 1).unwrap();
        let written = serde_json::to_vec(&document).unwrap();
        assert_eq!(read(&written, Form::Json).unwrap(), document);
    }
}

#[test]
fn values_are_found_and_made() {
    let record = json!({
        "first": "Ada", "last": " Lovelace ", "none": null, "empty": "", "n": "7.5", "yes": "TRUE",
        "list": ["b", "a", "b", null, ""], "items": [{ "k": "x", "v": 1 }, { "k": "y" }], "when": "20260701T090000",
        "zone": "Pacific Standard Time", "plus": "3600", "state": "ON",
    });
    let cases = [
        (json!("first"), json!("Ada")),
        (json!("none"), Value::Null),
        (json!("empty"), Value::Null),
        (json!({ "template": "{first} {none} {last}!" }), json!("Ada Lovelace!")),
        (json!({ "template": "{none}{{x}}" }), Value::Null),
        (json!({ "concat": ["last", "first"], "separator": ", " }), json!("Lovelace, Ada")),
        (json!({ "concat": ["first", "list"] }), json!(["Ada", "b", "a"])),
        (json!({ "first_of": ["none", "empty", "first"] }), json!("Ada")),
        (json!({ "path": "none", "default": "?" }), json!("?")),
        (json!({ "path": "list", "as": "first" }), json!("b")),
        (json!({ "path": "first", "as": "list" }), json!(["Ada"])),
        (json!({ "path": "n", "as": "number" }), json!(7.5)),
        (json!({ "path": "yes", "as": "boolean" }), json!(true)),
        (json!({ "path": "state", "as": "lower", "table": { "on": true } }), json!(true)),
        (json!({ "path": "first", "table": { "Bob": 1 } }), Value::Null),
        (
            json!({ "path": "when", "as": "datetime", "zone": "zone" }),
            json!("2026-07-01T16:00:00Z"),
        ),
        (
            json!({ "path": "when", "as": "datetime", "zone": "zone", "plus_seconds": "plus" }),
            json!("2026-07-01T17:00:00Z"),
        ),
        (json!({ "path": "first", "when": { "path": "state", "is": "OFF" } }), Value::Null),
        (
            json!({ "path": "first", "when": { "path": "list[]", "starts_with": "a" } }),
            json!("Ada"),
        ),
        (
            json!({ "each": "items[]", "object": { "k": "k", "v": "v", "who": "$.first" } }),
            json!([{ "k": "x", "v": 1, "who": "Ada" }, { "k": "y", "who": "Ada" }]),
        ),
        (json!({ "object": { "@type": { "constant": "Place" }, "name": "none" } }), Value::Null),
    ];
    for (source, expected) in cases {
        assert_eq!(value(source.clone(), &record), expected, "{source}");
    }
}

#[test]
fn what_cannot_be_read_is_left_out_and_named() {
    let entity = json!({
        "type": "Event",
        "properties": { "name": "n", "startDate": { "path": "t", "as": "datetime" }, "url": { "path": "u", "as": "url" } },
        "aliases": [{ "scheme": "email", "value": "m" }],
        "edges": [{ "rel": "location", "key": { "kind": "place", "id": "p" } }],
    });
    let record = json!({ "n": "x", "t": "soon", "u": "javascript:1", "m": "nobody", "p": "x".repeat(2_001) });
    let mapped = map(entity, &record).unwrap();
    assert_eq!(mapped.left_out, ["aliases", "edges", "startDate", "url"]);
    let draft = &mapped.drafts[0];
    assert!(draft.aliases.is_empty() && draft.edges.is_empty());
    assert_eq!(draft.provenance.mapping.as_deref(), Some("planet@3"));
    assert_eq!(draft.provenance.revision.as_deref(), Some("r1"));
    assert_eq!(draft.provenance.raw, Some("01".repeat(32)));
}

#[test]
fn a_required_value_that_is_absent_refuses_the_record_without_its_content() {
    let entity = json!({ "type": "Thing", "properties": { "name": { "path": "secret", "as": "url", "required": true } } });
    let refused = map(entity, &json!({ "secret": "my secret" })).unwrap_err();
    assert_eq!(refused.to_string(), "`name`: a value that the mapping requires is not there");
}

#[test]
fn a_mapping_says_where_its_entities_belong_and_what_they_are_labelled() {
    let entity = json!({
        "type": "Thing", "space": "person:7", "labels": ["health", "work"], "properties": { "name": "n" },
        "type_when": [{ "type": "Book", "when": { "path": "pages", "exists": true } }],
    });
    let mapping = mapping(entity);
    let phones = Phones::new(None);
    let mapped = mapping.drafts(&facts(), &json!({ "n": "x", "pages": 3 }), &phones).unwrap();
    let draft = &mapped.drafts[0];
    assert_eq!((&*draft.r#type, draft.space.as_str()), ("Book", "person:7"));
    assert_eq!(draft.labels, ["health", "work"]);
    let end = deletion(&facts(), Some(&mapping)).unwrap();
    assert_eq!(
        (end.operation, end.space.as_str(), &end.key),
        (Operation::Delete, "person:7", &draft.key)
    );
}

#[test]
fn a_record_costs_no_more_than_a_mapping_may() {
    let many: Vec<Value> = (0..3_000).map(|n| json!({ "a": [n, n, n] })).collect();
    let entity = json!({ "type": "Thing", "properties": { "it": { "each": "many[]", "path": "$.many[].a" } } });
    let begin = std::time::Instant::now();
    let refused = map(entity, &json!({ "many": many })).unwrap_err();
    assert!(refused.to_string().contains("more than"), "{refused}");
    assert!(begin.elapsed().as_secs() < 5);

    let numbers: Vec<u32> = (0..3_000).collect();
    let record = json!({ "numbers": numbers });
    assert_eq!(value(json!("numbers"), &record).as_array().unwrap().len(), 1_000);

    let edges = json!({
        "type": "Thing", "properties": { "name": { "constant": "x" } },
        "edges": [{ "rel": "knows", "each": "numbers[]", "key": { "kind": "n", "id": "." } }],
    });
    let mapped = map(edges, &record).unwrap();
    assert_eq!((mapped.drafts[0].edges.len(), mapped.left_out), (1_000, vec!["edges".to_owned()]));
}

#[test]
fn looking_for_what_is_not_there_costs_as_well() {
    let many: Vec<Value> = (0..20_000).map(|_| json!({})).collect();
    let entity = json!({ "type": "Thing", "properties": { "it": { "each": "many[]", "path": "$.many[].a" } } });
    let begin = std::time::Instant::now();
    let refused = map(entity, &json!({ "many": many })).unwrap_err();
    assert!(refused.to_string().contains("more than"), "{refused}");
    let by_name = json!({ "type": "Thing", "properties": { "it": { "each": "many[]", "path": "$.many[x=y].a" } } });
    assert!(map(by_name, &json!({ "many": many })).is_err());
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
}

#[test]
fn a_note_on_many_relations_costs_as_often_as_it_is_kept() {
    let people: Vec<String> = (0..900).map(|n| format!("p{n}@example.org")).collect();
    let record = json!({ "people": people, "note": "x".repeat(100_000) });
    let entity = json!({
        "type": "Thing", "properties": { "name": { "constant": "x" } },
        "edges": [{
            "rel": "knows", "alias": { "scheme": "email", "value": "people" },
            "props": { "note": { "path": "note" } },
        }],
    });
    let refused = map(entity, &record).unwrap_err();
    assert!(refused.to_string().contains("MiB"), "{refused}");
}
