//! Runs the examples that a rule brings along: what it would look up is given by the example.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use crate::document::{Expected, RuleTest};
use crate::engine::{Explain, Found, Lookup, Lookups, Request, Rule, Situation, Verdict, evaluate};

/// Lookups may depend on lookups.
const ROUNDS: usize = 8;

/// Runs the examples: the first one that comes out differently, and how.
pub(crate) fn first_failing(
    rule: &Arc<Rule>,
    tests: &[RuleTest],
    now: DateTime<Utc>,
) -> Option<(usize, String)> {
    tests.iter().enumerate().find_map(|(index, test)| {
        let came_out = run(rule, test, now);
        match (test.expect, came_out) {
            (Expected::Fired, Ok(())) | (Expected::Refused, Err(Not::Refused(_))) => None,
            (Expected::Refused, Ok(())) => Some((index, "it fires".to_owned())),
            (_, Err(Not::Refused(why))) => Some((index, format!("it does not fire: {why}"))),
            (_, Err(Not::Failed(why))) => Some((index, format!("it fails: {why}"))),
        }
    })
}

enum Not {
    Refused(String),
    Failed(String),
}

fn run(rule: &Arc<Rule>, test: &RuleTest, now: DateTime<Utc>) -> Result<(), Not> {
    rule.admits(&test.given).map_err(Not::Refused)?;
    let mut lookups = Lookups::default();
    let now = test.given.time.unwrap_or(now);
    for _ in 0..=ROUNDS {
        let situation =
            Situation { event: &test.given, lookups: &lookups, now, explain: Explain::Nothing };
        let Some(made) =
            evaluate(std::slice::from_ref(rule), &situation, &AtomicUsize::new(0)).pop()
        else {
            break;
        };
        let why = made.trace.stop.unwrap_or_default();
        match made.verdict {
            Verdict::Holds(_) => return Ok(()),
            Verdict::Refused => return Err(Not::Refused(why)),
            Verdict::Failed | Verdict::Cut => return Err(Not::Failed(why)),
            Verdict::Needs(needs) => {
                for lookup in needs {
                    let found = given(test, &lookup);
                    lookups.insert(lookup, found);
                }
            }
        }
    }
    Err(Not::Failed("its lookups depend on one another without end".to_owned()))
}

fn given(test: &RuleTest, lookup: &Lookup) -> Found {
    let value = match &lookup.request {
        Request::State { subject, facet } => {
            let own = format!("person:{}", lookup.owner);
            let by_subject = test.state.get(&format!("{subject}/{facet}"));
            by_subject
                .or_else(|| (*subject == own).then(|| test.state.get(facet)).flatten())
                .cloned()
        }
        // An example knows what is, not since when.
        Request::StateSince { .. } => None,
        Request::Entity { id } => test.entities.get(id).cloned(),
        Request::EntityByAlias { scheme, value } => {
            test.entities.get(&format!("{scheme}:{value}")).cloned()
        }
        Request::Count { kind, .. } => {
            Some(test.counts.get(kind).copied().unwrap_or_default().into())
        }
        Request::Operator { plugin, operator, .. } => {
            test.operators.get(&format!("{plugin}/{operator}")).cloned()
        }
    };
    Found::Value(value.unwrap_or(Json::Null))
}
