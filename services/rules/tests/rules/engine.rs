//! The engine by itself: conditions, limits, lookups, texts, the index, and how fast it is.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use chrono::DateTime;
use contracts::access::SpaceId;
use serde_json::{Value as Json, json};
use spine::Snowflake;
use uuid::Uuid;

use rules::document::{MediaType, read};
use rules::engine::*;

const OWNER: Snowflake = Snowflake(12);

fn rule(yaml: &str) -> Result<Arc<Rule>, RuleRefused> {
    let document = read(yaml.as_bytes(), MediaType::Yaml).unwrap();
    let identity = Identity {
        rule: Uuid::now_v7(),
        version: 1,
        owner: OWNER,
        space: SpaceId::of_person(OWNER),
        since: DateTime::UNIX_EPOCH,
    };
    Rule::compile(identity, &document).map(Arc::new)
}

fn with_conditions(conditions: &str) -> Arc<Rule> {
    rule(&format!(
        "name: t\non: [{{type: a.B.v1}}]\n{conditions}\ndo: [{{emit: {{name: done}}}}]\n"
    ))
    .unwrap()
}

fn evaluated(rule: &Arc<Rule>, data: Json, lookups: &Lookups) -> Evaluation {
    let event = EventDocument::sample("a.B.v1", data);
    let explain = Explain::Everything;
    let situation = Situation { event: &event, lookups, now: DateTime::UNIX_EPOCH, explain };
    evaluate(std::slice::from_ref(rule), &situation, &AtomicUsize::new(0)).remove(0)
}

fn verdict(conditions: &str, data: Json) -> Verdict {
    evaluated(&with_conditions(conditions), data, &Lookups::default()).verdict
}

fn holds(conditions: &str, data: Json) -> bool {
    match verdict(conditions, data) {
        Verdict::Holds(_) => true,
        Verdict::Refused => false,
        other => panic!("{conditions}: {other:?}"),
    }
}

#[test]
fn conditions_see_the_event_and_hold_or_not() {
    let data = || json!({"n": 3, "name": "Jo", "tags": ["a", "b"], "from": {"roles": ["Partner"]}});
    for yes in [
        "when: [event.data.n > 2, event.type == 'a.B.v1']",
        "when: [\"'Partner' in event.data.from.roles\"]",
        "when: [\"event.data.tags.exists(t, t == 'b') && event.data.tags.all(t, t.size() == 1)\"]",
        "when: [\"event.data.tags.map(t, t + '!').filter(t, t != 'a!') == ['b!']\"]",
        "when: [\"event.data.tags.exists_one(t, t == 'a')\"]",
        "when: [\"event.data.name.lower() == 'jo' && upper(event.data.name) == 'JO'\"]",
        "when: [\"event.data.name.matches('^J.$')\"]",
        "let: {twice: event.data.n * 2, more: twice + 1}\nwhen: [more == 7]",
        "when: [\"!has(event.data.nothing)\"]",
        "unless: [event.data.n > 5]",
        "when: [\"event.time <= now && owner == '12'\"]",
        "when: [\"now - event.time < duration('1h')\"]",
        "when: [\"{'a': event.data.n}.a == 3 && [event.data.n, 1][0] == 3\"]",
    ] {
        assert!(holds(yes, data()), "{yes}");
    }
    for no in ["when: [event.data.n > 3]", "unless: [event.data.n == 3]", "when: [true, false]"] {
        assert!(!holds(no, data()), "{no}");
    }
}

#[test]
fn what_is_read_of_the_event_once_for_all_rules_is_what_each_would_have_read() {
    let long: Vec<_> = (0..1_000).collect();
    let data = json!({
        "n": 3, "from": { "address": "+43", "roles": ["Partner"], "y-z": { "n": 7 } }, "none": null,
        "long": long, "list": [{ "n": 1 }],
    });
    let rules: Vec<_> = [
        // The loop's own `event` is another one.
        ("[{'data': {'n': 9}}].exists(event, event.data.n == 9)", true),
        ("[event.data.n].exists(event, event == 3) && event.data.n == 3", true),
        // Some of it is missing, and is not needed.
        ("has(event.data.gone) && event.data.gone.n == 1 || event.data.n == 3", true),
        ("event.data.gone.n == 1 || event.data.from.address == '+43'", true),
        ("event.data.gone.n == 1", false),
        ("!has(event.data.from.gone) && has(event.data.from.address) && has(event.data.n)", true),
        // Names that a path by dots does not have, and what is too large for a variable.
        ("event.data.from['y-z'].n == 7 && event.data['n'] == 3", true),
        ("event.data.long.size() == 1000 && event.data.long[999] == 999", true),
        ("event.data.list[0].n == 1 && event.data.list.map(e, e.n + event.data.n) == [4]", true),
        ("event.data.none == null && type(event.data.from) == map && event.data.size() == 5", true),
        ("event.type == 'a.B.v1' && event.data.from.address + event.type == '+43a.B.v1'", true),
        ("event.data.from == {'address': '+43', 'roles': ['Partner'], 'y-z': {'n': 7}}", true),
    ]
    .into_iter()
    .map(|(condition, holds)| {
        (with_conditions(&format!("when: [\"{condition}\"]")), condition, holds)
    })
    .collect();
    let event = EventDocument::sample("a.B.v1", data);
    let explain = Explain::Everything;
    let lookups = Lookups::default();
    let now = DateTime::UNIX_EPOCH;
    let situation = Situation { event: &event, lookups: &lookups, now, explain };
    let asked: Vec<_> = rules.iter().map(|(rule, ..)| Arc::clone(rule)).collect();
    let together = evaluate(&asked, &situation, &AtomicUsize::new(0));
    for ((rule, condition, holds), together) in rules.iter().zip(together) {
        assert_eq!(
            matches!(together.verdict, Verdict::Holds(_)),
            *holds,
            "{condition}: {together:?}"
        );
        let alone =
            evaluate(std::slice::from_ref(rule), &situation, &AtomicUsize::new(0)).remove(0);
        assert_eq!((alone.verdict, alone.trace), (together.verdict, together.trace), "{condition}");
    }
    let read = &evaluate(&asked[3..4], &situation, &AtomicUsize::new(0))[0].trace.clauses[0].read;
    assert_eq!(json!(read), json!({ "event.data.gone.n": null, "event.data.from.address": "+43" }));
}

#[test]
fn what_has_no_value_fails_and_says_where() {
    let failed = evaluated(
        &with_conditions("when: [event.data.n > 'x']"),
        json!({"n": 1}),
        &Lookups::default(),
    );
    assert_eq!(failed.verdict, Verdict::Failed);
    assert!(failed.trace.stop.unwrap().contains("when[0]"));
    assert!(failed.trace.clauses[0].error.as_ref().unwrap().contains("overload"));
    // A field that is not there is nothing wrong: events leave out what is empty.
    let absent = evaluated(
        &with_conditions("when: [\"'x' in event.data.absent\"]"),
        json!({}),
        &Lookups::default(),
    );
    assert_eq!(absent.verdict, Verdict::Refused);
    assert_eq!(absent.trace.stop.unwrap(), "when[0]: there is no \"absent\"");
    assert_eq!(verdict("unless: [event.data.absent]", json!({})), Verdict::Refused);
    assert_eq!(verdict("when: [\"'yes'\"]", json!({})), Verdict::Failed);
}

#[test]
fn a_loop_that_slips_through_by_the_size_of_its_data_is_cut() {
    let list: Vec<i32> = (0..1_000).collect();
    for loops in [
        "when: [\"event.data.a.all(x, event.data.a.all(y, x + y >= 0))\"]",
        "when: [\"event.data.a.exists(x, event.data.a.exists(y, x + y < 0)) || true\"]",
        "when: [\"event.data.a.map(x, event.data.a.map(y, x + y)).size() > 0\"]",
        "when: [\"event.data.a.filter(x, event.data.a.filter(y, y > x).size() > 0).size() > 0\"]",
        "when: [\"event.data.a.exists_one(x, event.data.a.exists_one(y, y > x))\"]",
        "let: {a: \"event.data.a.map(x, event.data.a)\", b: \"a.map(x, a)\"}\nwhen: [b.size() > 0]",
    ] {
        let started = Instant::now();
        assert_eq!(verdict(loops, json!({"a": list})), Verdict::Cut, "{loops}");
        assert!(started.elapsed().as_secs() < 5, "{loops}");
    }
    assert!(holds("when: [\"event.data.a.all(x, x >= 0)\"]", json!({"a": list})));
}

#[test]
fn texts_cannot_grow_without_end() {
    let doubling =
        (0..60).fold("[event.data.s]".to_owned(), |source, _| format!("{source}.map(x, x + x)"));
    let grown =
        verdict(&format!("when: [\"{doubling}.size() > 0\"]"), json!({"s": "x".repeat(100)}));
    assert!(matches!(grown, Verdict::Failed | Verdict::Cut), "{grown:?}");
    let lists =
        (0..60).fold("[event.data]".to_owned(), |source, _| format!("{source}.map(x, [x, x])"));
    let grown =
        verdict(&format!("when: [\"{lists}.size() > 0\"]"), json!({"s": "x".repeat(1_000)}));
    assert!(matches!(grown, Verdict::Failed | Verdict::Cut), "{grown:?}");
}

#[test]
fn lookups_are_asked_for_only_when_they_are_needed() {
    let rule = with_conditions(
        "when: [event.data.n == 1 || event.data.n == 2, \"state('location').place == 'Work'\"]",
    );
    assert_eq!(evaluated(&rule, json!({"n": 3}), &Lookups::default()).verdict, Verdict::Refused);
    let Verdict::Needs(needs) = evaluated(&rule, json!({"n": 1}), &Lookups::default()).verdict
    else {
        panic!("it needs the location");
    };
    let [lookup] = needs.as_slice() else { panic!("one lookup: {needs:?}") };
    let request = Request::State { subject: "person:12".to_owned(), facet: "location".to_owned() };
    assert_eq!(lookup.request, request);
    let with = |found: Found| {
        let mut lookups = Lookups::default();
        lookups.insert(lookup.clone(), found);
        evaluated(&rule, json!({"n": 1}), &lookups)
    };
    assert!(matches!(with(Found::Value(json!({"place": "Work"}))).verdict, Verdict::Holds(_)));
    let home = with(Found::Value(json!({"place": "Home"})));
    assert_eq!(home.verdict, Verdict::Refused);
    assert_eq!(
        home.trace.clauses[1].read.get("state(\"location\")").unwrap(),
        &json!({"place": "Home"})
    );
    let refused = with(Found::Refused("The person has not consented to this".to_owned()));
    assert_eq!(refused.verdict, Verdict::Refused);
    assert!(refused.trace.stop.unwrap().contains("not consented"));
    assert_eq!(with(Found::Failed("away".to_owned())).verdict, Verdict::Failed);
}

#[test]
fn a_lookup_may_depend_on_another() {
    let rule = with_conditions(
        "let: {caller: \"entity_by_alias('tel', event.data.from)\"}\nwhen: [\"state('person:' + caller.data.account, 'presence') == 'here'\"]",
    );
    let mut lookups = Lookups::default();
    for found in [json!({"data": {"account": "7"}}), json!("here")] {
        let Verdict::Needs(needs) = evaluated(&rule, json!({"from": "+43"}), &lookups).verdict
        else {
            panic!("it needs more");
        };
        lookups.insert(needs[0].clone(), Found::Value(found));
    }
    assert!(matches!(
        evaluated(&rule, json!({"from": "+43"}), &lookups).verdict,
        Verdict::Holds(_)
    ));
}

#[test]
fn texts_are_filled_in() {
    let rule = rule(
        "name: t
on: [{type: a.B.v1}]
do:
  - message: { to: event.data.from, text: 'Hi {{ event.data.name }}, {{ event.data.n + 1 }}!' }
  - emit: { name: said, data: { n: '{{ event.data.n }}', deep: [{ text: 'n={{ event.data.n }}' }] } }
  - job: { write_entities: [{ type: Thing, id: 'n-{{ event.data.n }}', data: { name: '{{ event.data.name }}' } }] }
",
    )
    .unwrap();
    let data = json!({"from": ["+431", " +432 "], "name": "Jo", "n": 4});
    let Verdict::Holds(held) = evaluated(&rule, data, &Lookups::default()).verdict else {
        panic!("it holds")
    };
    let [Planned::Message(message), Planned::Emit { data, .. }, Planned::WriteEntities(entities)] =
        held.actions.as_slice()
    else {
        panic!("{:?}", held.actions)
    };
    assert_eq!(
        (message.text.as_str(), message.to.join(",")),
        ("Hi Jo, 5!", "+431,+432".to_owned())
    );
    assert_eq!(Json::Object(data.clone()), json!({"n": 4, "deep": [{"text": "n=4"}]}));
    assert_eq!((entities[0].id.as_str(), &entities[0].data["name"]), ("n-4", &json!("Jo")));
}

#[test]
fn the_index_finds_by_type_prefix_and_guards() {
    let rules: Vec<_> = [
        "on: [{type: a.B.v1}]",
        "on: [{type: a.*}]",
        "on: [{type: c.*}]",
        "on: [{type: a.B.v1, where: {data.x: one}}]",
        "on: [{type: a.B.v1, where: {data.x: two}}]",
        "on: [{type: a.B.v1}, {type: a.*}]\nwhen: [\"event.data.x == 'one' && event.data.n > 1\"]",
        "on: [{type: a.B.v1}]\nwhen: [\"'two' == event.data.x\"]",
    ]
    .iter()
    .enumerate()
    .map(|(number, on)| {
        rule(&format!("name: r{number}\n{on}\ndo: [{{emit: {{name: done}}}}]\n")).unwrap()
    })
    .collect();
    let set = RuleSet::build(rules);
    let names = |kind: &str, data: Json| -> Vec<String> {
        let found = set.candidates(&EventDocument::sample(kind, data));
        found.iter().map(|rule| rule.name.clone()).collect()
    };
    assert_eq!(names("a.B.v1", json!({"x": "one"})), ["r0", "r1", "r3", "r5"]);
    assert_eq!(names("a.B.v1", json!({"x": "two"})), ["r0", "r1", "r4", "r6"]);
    assert_eq!(names("a.C.v1", json!({})), ["r1"]);
    assert!(set.wants("c.D") && !set.wants("d.E"));
}

#[test]
fn a_name_that_needs_itself_is_refused() {
    let circle =
        rule("name: t\non: [{type: a.B.v1}]\nlet: {a: b + 1, b: a + 1}\ndo: [{emit: {name: x}}]\n");
    assert!(circle.unwrap_err().to_string().contains("needs itself"));
}

#[test]
fn a_thousand_rules_on_one_event_are_timed() {
    let rules: Vec<_> = (0..1_000)
        .map(|number| {
            rule(&format!(
                "name: r{number}\non: [{{type: communication.CallStarted.v1}}]\nwhen:\n  - \"'Partner' in event.data.from.roles\"\n  - event.data.n >= {number} && event.data.to.address != 'x'\ndo: [{{emit: {{name: done}}}}]\n"
            ))
            .unwrap()
        })
        .collect();
    let set = RuleSet::build(rules);
    let event = EventDocument::sample(
        "communication.CallStarted.v1",
        json!({"n": 0, "from": {"address": "+431234", "roles": ["Friend", "Partner"]}, "to": {"address": "+439"}}),
    );
    for explain in [Explain::Nothing, Explain::Kept, Explain::Everything] {
        let mut best = std::time::Duration::MAX;
        for _ in 0..10 {
            let started = Instant::now();
            let candidates = set.candidates(&event);
            let lookups = Lookups::default();
            let situation =
                Situation { event: &event, lookups: &lookups, now: DateTime::UNIX_EPOCH, explain };
            let evaluations = evaluate(&candidates, &situation, &AtomicUsize::new(0));
            best = best.min(started.elapsed());
            assert_eq!(evaluations.len(), 1_000);
            let held =
                evaluations.iter().filter(|made| matches!(made.verdict, Verdict::Holds(_))).count();
            assert_eq!(held, 1);
        }
        println!(
            "1,000 rules on one event: {best:?} (traces: {explain:?}, debug build: {})",
            cfg!(debug_assertions)
        );
    }
}

fn refused(conditions: &str) -> String {
    let yaml =
        format!("name: t\non: [{{type: a.B.v1}}]\n{conditions}\ndo: [{{emit: {{name: done}}}}]\n");
    rule(&yaml).unwrap_err().to_string()
}

#[test]
fn loops_within_loops_within_loops_are_refused() {
    for nested in [
        "event.data.a.all(x, event.data.b.all(y, event.data.c.all(z, x == z)))",
        "event.data.a.map(x, event.data.b.map(y, event.data.c.exists(z, z == y)))",
    ] {
        let why = refused(&format!("when: [\"{nested}\"]"));
        assert!(why.contains("when[0]") && why.contains("loops are nested deeper"), "{why}");
    }
}

#[tokio::test]
async fn deep_trees_are_refused_before_they_are_parsed() {
    let parentheses = format!("{}true{}", "(".repeat(1_500), ")".repeat(1_500));
    assert!(refused(&format!("when: [\"{parentheses}\"]")).contains("nested deeper than 32"));
    assert!(refused(&format!("when: [\"{}true\"]", "!".repeat(3_000))).contains("400 operators"));
    assert!(refused(&format!("when: [\"{}\"]", " ".repeat(4_097))).contains("4 KiB"));
    // What is within the limits is evaluated on a stack that it fits on.
    let widest = format!("when: [\"1{} == 400\"]", "+1".repeat(397) + "+2");
    let threads = worker::Threads::default();
    let holds_there =
        threads.run(std::time::Duration::from_secs(20), move |_| holds(&widest, json!({})));
    assert_eq!(holds_there.await, Ok(true));
    let texts = format!("when: [\"'{}' != '' // ((((\"]", "(".repeat(99));
    assert!(holds(&texts, json!({})));
}

#[test]
fn what_does_not_exist_is_found_when_a_rule_is_saved() {
    for (condition, word) in [
        ("evnt.data.x == 1", "evnt"),
        ("size2(event.data.x) == 1", "size2"),
        ("event.data.x ==", "no CEL"),
        ("Thing{a: 1} == 1", "object"),
        ("event.data.x.matches(event.data.y)", "written out"),
        ("event.data.x.matches('(')", "written out"),
        ("event.data.x.matches('(a{1000}){1000}')", "written out"),
        ("state() == 1", "state("),
        ("event.data.ids.exists(id, entity(id).type == 'Person')", "loop"),
    ] {
        let why = refused(&format!("when: [\"{condition}\"]"));
        assert!(why.contains(word), "{condition}: {why}");
    }
    let list = format!("[{}]", vec!["event.data"; 65].join(","));
    assert!(refused(&format!("when: [\"{list}.size() > 0\"]")).contains("more than 64 elements"));
    for (rest, word) in [
        ("let: {event: '1'}", "event"),
        ("let: {Big: '1'}", "Big"),
        ("for: 5 minutes", "length of time"),
    ] {
        let yaml =
            format!("name: t\non: [{{type: a.B.v1}}]\n{rest}\ndo: [{{emit: {{name: done}}}}]\n");
        let why = match read(yaml.as_bytes(), MediaType::Yaml) {
            Err(error) => error.to_string(),
            Ok(_) => rule(&yaml).unwrap_err().to_string(),
        };
        assert!(why.contains(word), "{rest}: {why}");
    }
}

#[test]
fn guards_are_found_by_path_or_pointer() {
    let event = EventDocument::sample(
        "a.B.v1",
        json!({"from": {"address": "+43"}, "n": 2.0, "list": ["x"], "subject": "inner"}),
    );
    let admits = |guard: &str| {
        let yaml = format!(
            "name: t\non: [{{type: a.B.v1, where: {{{guard}}}}}]\ndo: [{{emit: {{name: x}}}}]\n"
        );
        rule(&yaml).map(|rule| rule.admits(&event).is_ok())
    };
    for guard in [
        "data.from.address: '+43'",
        "/data/from/address: '+43'",
        "from.address: '+43'",
        "n: 2",
        "list.0: x",
        "data.subject: inner",
        "subject: test",
    ] {
        assert_eq!(admits(guard), Ok(true), "{guard}");
    }
    for guard in ["from.address: '+44'", "nothing: null"] {
        assert_eq!(admits(guard), Ok(false), "{guard}");
    }
    for guard in ["from: {a: 1}", "n: 1.5", "a..b: 1"] {
        assert!(admits(guard).is_err(), "{guard}");
    }
}

#[test]
fn large_events_are_seen_in_part_and_the_trace_says_so() {
    let data = json!({"list": vec![0; 2_000], "text": "ä".repeat(40_000), "nul": "a\0b"});
    let seen = evaluated(
        &with_conditions(
            "when: [\"event.data.list.size() == 1000 && event.data.text.size() < 20000\"]",
        ),
        data,
        &Lookups::default(),
    );
    assert!(matches!(seen.verdict, Verdict::Holds(_)), "{seen:?}");
    assert!(seen.trace.cut);
    let written = serde_json::to_string(&seen.trace).unwrap();
    assert!(written.len() < 5_000 && !written.contains("\\u0000"), "{written}");
}

#[tokio::test]
async fn an_evaluation_that_does_not_end_is_left_behind() {
    let threads = worker::Threads::default();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let stuck = threads.run(std::time::Duration::from_millis(20), move |progress| {
        progress.store(7, std::sync::atomic::Ordering::Relaxed);
        ended.recv().ok();
    });
    assert_eq!(stuck.await, Err(worker::NoResult::Stuck(7)));
    assert_eq!(threads.run(std::time::Duration::from_secs(5), |_| 1).await, Ok(1));
    end.send(()).unwrap();
}

#[test]
fn what_is_refused_by_the_event_alone_is_explained_only_when_somebody_asks() {
    let event = EventDocument::sample("a.B.v1", json!({"n": 1}));
    let asked = |rule: &Arc<Rule>, lookups: &Lookups, explain| {
        let situation = Situation { event: &event, lookups, now: DateTime::UNIX_EPOCH, explain };
        evaluate(std::slice::from_ref(rule), &situation, &AtomicUsize::new(0)).remove(0)
    };
    let none = Lookups::default();
    let refused = with_conditions("when: [event.data.n > 0, event.data.n > 1]");
    let kept = asked(&refused, &none, Explain::Kept);
    assert_eq!((kept.explained, kept.trace.clauses.len()), (false, 0));
    assert_eq!(kept.trace.stop.as_deref(), Some("when[1] does not hold"));
    let whole = asked(&refused, &none, Explain::Everything);
    assert_eq!((whole.explained, whole.trace.clauses.len()), (true, 2));
    assert_eq!(whole.trace.stop, kept.trace.stop);
    assert_eq!(whole.trace.clauses[1].read.get("event.data.n").unwrap(), &json!(1));
    // What acts, fails, or looked something up: with what was read.
    for conditions in ["when: [event.data.n == 1]", "when: [event.data.n > 'x']"] {
        let made = asked(&with_conditions(conditions), &none, Explain::Kept);
        assert!(
            made.explained && made.trace.clauses[0].read.get("event.data.n").unwrap() == &json!(1),
            "{made:?}"
        );
    }
    let looks = with_conditions("when: [\"state('location') == 'Work'\"]");
    let Verdict::Needs(needs) = asked(&looks, &none, Explain::Kept).verdict else { panic!() };
    let mut lookups = Lookups::default();
    lookups.insert(needs[0].clone(), Found::Value(json!("Home")));
    let made = asked(&looks, &lookups, Explain::Kept);
    assert_eq!((&made.verdict, made.explained), (&Verdict::Refused, true));
    assert_eq!(made.trace.clauses[0].read.get("state(\"location\")").unwrap(), &json!("Home"));
}

#[test]
fn a_trace_does_not_grow_beyond_what_is_kept() {
    let texts: Vec<String> = (0..20).map(|_| "x".repeat(290)).collect();
    let data = json!({"a": {"b": texts.clone(), "c": texts.clone(), "d": texts}});
    let clauses = vec!["event.data.a.b.size() > 0 && event.data.size() > 0"; 32];
    let conditions = format!("when: {}", serde_json::to_string(&clauses).unwrap());
    let made = evaluated(&with_conditions(&conditions), data, &Lookups::default());
    assert!(matches!(made.verdict, Verdict::Holds(_)), "{:?}", made.verdict);
    let written = serde_json::to_string(&made.trace).unwrap().len();
    assert!(written < 64 << 10 && made.trace.cut, "{written}");
    assert_eq!(made.trace.clauses.len(), 32, "every clause is there");
}

#[test]
fn large_patterns_over_large_texts_are_cut() {
    // Each match takes the engine a while, and no loop is needed to ask for many.
    let pattern = "(a?){60}b{2,40}c";
    let clause = vec![format!("event.data.t.matches('{pattern}')"); 60].join(" || ");
    let data = json!({"t": "a".repeat(32_000)});
    let started = Instant::now();
    let clauses = vec![format!("{clause} || true"); 16];
    let conditions = format!("when: {}", serde_json::to_string(&clauses).unwrap());
    assert_eq!(verdict(&conditions, data), Verdict::Cut);
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

#[test]
fn a_rule_looks_up_a_few_dozen_things_at_most() {
    let lookups: Vec<String> = (0..40).map(|n| format!("state('f{n}') == 1")).collect();
    let conditions = format!("when: [\"{}\"]", lookups.join(" || "));
    let made = evaluated(&with_conditions(&conditions), json!({}), &Lookups::default());
    assert_eq!(made.verdict, Verdict::Failed);
    assert!(made.trace.stop.unwrap().contains("more than 32"));
}

#[test]
fn a_count_that_is_only_the_least_says_so() {
    let rule = with_conditions("when: [\"count('a.B.v1', '1h') >= 10\"]");
    let Verdict::Needs(needs) = evaluated(&rule, json!({}), &Lookups::default()).verdict else {
        panic!()
    };
    let mut lookups = Lookups::default();
    lookups.insert(needs[0].clone(), Found::AtLeast(json!(10)));
    let made = evaluated(&rule, json!({}), &lookups);
    assert!(matches!(made.verdict, Verdict::Holds(_)) && made.trace.cut, "{made:?}");
}

#[test]
fn raw_bytes_hide_no_brackets_from_the_scan() {
    for raw in ["rb", "Rb", "br", "r", "R"] {
        let source = format!("{raw}'\\' != {raw}'x' && {}true{}", "(".repeat(40), ")".repeat(40));
        assert_eq!(limits::scan(&source), Err(limits::TooMuch::Deep), "{source}");
    }
    // `in` is an operator, too.
    let many = vec!["1"; 450].join(" in ");
    assert_eq!(limits::scan(&many), Err(limits::TooMuch::Wide));
    assert_eq!(limits::scan(&vec!["inside"; 450].join(" ")), Ok(()));
}

#[tokio::test]
async fn whoever_comes_late_is_not_blamed_for_those_before() {
    let threads = worker::Threads::default();
    let limit = std::time::Duration::from_secs(1);
    let (_never, nothing) = std::sync::mpsc::channel::<()>();
    // Longer than the limit in all, but each step within it.
    let done = threads.run(limit, move |progress| {
        for step in 1..=6 {
            nothing.recv_timeout(limit / 5).unwrap_err();
            progress.store(step, std::sync::atomic::Ordering::Relaxed);
        }
    });
    assert_eq!(done.await, Ok(()));
}

#[test]
fn what_a_rule_does_is_bounded_in_all() {
    let fields: Vec<String> = (0..200).map(|n| format!("f{n}: '{{{{ event.data.t }}}}'")).collect();
    let rule = rule(&format!(
        "name: t\non: [{{type: a.B.v1}}]\ndo: [{{emit: {{name: x, data: {{{}}}}}}}]\n",
        fields.join(", ")
    ))
    .unwrap();
    let small = evaluated(&rule, json!({"t": "x".repeat(1_000)}), &Lookups::default());
    assert!(matches!(small.verdict, Verdict::Holds(_)));
    let large = evaluated(&rule, json!({"t": "x".repeat(32_000)}), &Lookups::default());
    assert_eq!(large.verdict, Verdict::Failed);
    assert!(large.trace.stop.unwrap().contains("more than 1 MiB"));
}
