//! Many rules on one event.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use bench::samples::Samples;
use bench::table::{Goal, Table};
use chrono::DateTime;
use contracts::access::SpaceId;
use rules::document::{MediaType, read};
use rules::engine::{EventDocument, Identity, Lookups, Rule, RuleSet, Situation, evaluate};
use serde_json::json;
use spine::Snowflake;
use uuid::Uuid;

use crate::{Outcome, Size};

pub fn measure(size: &Size, table: &mut Table) -> Outcome {
    table.heading(&format!("Rules: {} rules on one event, one context", size.rules));
    let event = EventDocument::sample(
        "communication.CallStarted.v1",
        json!({
            "call": Uuid::nil(),
            "from": { "address": "+436645550123", "roles": ["Partner"] },
            "to": { "address": "+4315550100" },
        }),
    );
    for (what, condition, goal) in [
        ("all are evaluated, one clause each", "event.data.from.address.startsWith(\"+43\")", true),
        (
            "all are evaluated, two clauses each",
            "\"Partner\" in event.data.from.roles && event.data.to.address != \"\"",
            true,
        ),
        ("a guard excludes all but one", "", false),
    ] {
        let started = Instant::now();
        let rules = (0..size.rules)
            .map(|number| compile(number, condition))
            .collect::<Outcome<Vec<_>>>()?;
        let compiled = started.elapsed();
        let set = RuleSet::build(rules);
        let mut samples = Samples::default();
        let lookups = Lookups::default();
        let mut evaluated = 0;
        for _ in 0..(size.repetitions / 10).max(20) {
            let started = Instant::now();
            let candidates = set.candidates(&event);
            let situation = Situation {
                event: &event,
                lookups: &lookups,
                now: DateTime::UNIX_EPOCH,
                explain: false,
            };
            evaluated = evaluate(&candidates, &situation, &AtomicUsize::new(0)).len();
            samples.push(started.elapsed());
        }
        let p50 = samples.percentile(0.5).as_secs_f64() * 1_000.0;
        table.line(
            &format!("{what} ({evaluated}), p50 / p95 / p99"),
            &samples.summary(),
            &format!(
                "compiled at save: {:.1} us a rule",
                compiled.as_secs_f64() * 1e6 / size.rules as f64
            ),
            goal.then_some((Goal::AtMost(2.0), p50)),
        );
    }
    Ok(())
}

fn compile(number: usize, condition: &str) -> Outcome<Arc<Rule>> {
    let condition = match condition {
        "" => format!("event.data.from.address == \"+43664555{number:04}\""),
        condition => condition.to_owned(),
    };
    let document = json!({
        "name": format!("Rule {number}"),
        "on": [{ "type": "communication.CallStarted.v1" }],
        "when": [condition],
        "do": [{ "emit": { "name": "called" } }],
    });
    let document = read(document.to_string().as_bytes(), MediaType::Json)?;
    let identity = Identity {
        rule: Uuid::from_u128(number as u128),
        version: 1,
        owner: Snowflake(1),
        space: SpaceId::of_person(Snowflake(1)),
        since: DateTime::UNIX_EPOCH,
    };
    Ok(Arc::new(Rule::compile(identity, &document)?))
}
