//! Evaluating rules for one event: pure, without waiting. What has to be looked up is told, looked up outside, and the
//! rule is asked again; so nothing is looked up for a rule whose earlier conditions do not hold.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cel::Context;
use cel::common::types::{CelMap, CelMapKey, CelString, CelTimestamp};
use cel::common::value::Val;
use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use spine::Snowflake;

use super::action::Planned;
use super::event::EventDocument;
use super::functions;
use super::lookup::{Lookup, Lookups};
use super::meter::Meter;
use super::paths::Paths;
use super::rule::Rule;
use super::run::Run;
use super::trace::Trace;
use super::value::Importer;

/// How an evaluation ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// This has to be looked up first.
    Needs(Vec<Lookup>),
    /// Its conditions hold.
    Holds(Held),
    /// They do not; the trace says which.
    Refused,
    /// An expression has no value, or a lookup failed; the trace says why.
    Failed,
    /// It went beyond its limits.
    Cut,
}

/// What follows where conditions hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What to do, in order.
    pub actions: Vec<Planned>,
    /// The throttle's key; empty for the rule as a whole.
    pub throttle_key: String,
}

/// An evaluation and its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// How it ends.
    pub verdict: Verdict,
    /// Why.
    pub trace: Trace,
    /// Whether the trace says what was read, beside where it stopped.
    pub explained: bool,
    /// How long it took, in microseconds.
    pub micros: u32,
}

/// Which traces say what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// Nobody's.
    Nothing,
    /// Of all but those that are refused by what the event itself says. Nearly every evaluation is; and its trace
    /// follows from event, rule and time, so that it can be worked out when somebody asks for it.
    Kept,
    /// Everybody's.
    Everything,
}

/// For one event: what is there when its rules are asked.
pub struct Situation<'v> {
    /// The event.
    pub event: &'v EventDocument,
    /// What was looked up.
    pub lookups: &'v Lookups,
    /// The time now.
    pub now: DateTime<Utc>,
    /// Which traces say what was read.
    pub explain: Explain,
}

/// Asks these rules, which all are for this event, in one context. `progress` says which one is asked.
pub fn evaluate(
    rules: &[Arc<Rule>],
    situation: &Situation<'_>,
    progress: &AtomicUsize,
) -> Vec<Evaluation> {
    let meter = Meter::new();
    let mut importer = Importer::new();
    let mut root = match functions::context(&meter) {
        Ok(root) => root,
        // The functions' names are constants, none of them CEL's own: a unit test calls each.
        Err(error) => return rules.iter().map(|_| impossible(&error.to_string())).collect(),
    };
    let now = CelTimestamp::from(situation.now.fixed_offset());
    root.add_variable_as_val("now", Box::new(now));
    root.add_variable_as_val("event", Box::new(event_value(situation, &mut importer)));
    let paths = match importer.cut {
        // What is seen in part is seen in one way only.
        true => Paths::default(),
        false => Paths::of(rules.iter().map(|rule| &**rule), situation.event, &mut root),
    };
    let mut evaluations: Vec<Option<Evaluation>> = rules.iter().map(|_| None).collect();
    // All rules of an owner share what was looked up for them.
    let mut owners: BTreeMap<(Snowflake, &SpaceId), Vec<usize>> = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        owners.entry((rule.identity.owner, &rule.identity.space)).or_default().push(number);
    }
    // One look at the clock a rule: a look costs as much as a short condition.
    let mut begun = Instant::now();
    for ((owner, _), numbers) in owners {
        let mut scope = root.new_inner_scope();
        scope.add_variable_as_val("owner", Box::new(CelString::from(owner.to_string())));
        for number in numbers {
            progress.store(number, Ordering::Relaxed);
            let (rule, meter, paths) = (&*rules[number], &*meter, &paths);
            let asking = Asking { rule, situation, meter, paths, cut: importer.cut, begun };
            // A rule that finds a mistake in the evaluator costs nobody else their evaluation.
            let made = catch_unwind(AssertUnwindSafe(|| asking.ask(&mut scope)));
            let mut made = made.unwrap_or_else(|_| impossible("the evaluator broke on this rule"));
            let ended = Instant::now();
            made.micros = u32::try_from((ended - begun).as_micros()).unwrap_or(u32::MAX);
            begun = ended;
            evaluations[number] = Some(made);
        }
    }
    evaluations.into_iter().map(|made| made.unwrap_or_else(|| impossible("not asked"))).collect()
}

/// What is needed to ask one rule.
struct Asking<'r, 's, 'v> {
    rule: &'r Rule,
    situation: &'s Situation<'v>,
    meter: &'r Meter,
    paths: &'r Paths<'r>,
    /// Whether the event is seen in part.
    cut: bool,
    begun: Instant,
}

impl<'v> Asking<'_, '_, 'v> {
    fn ask(&self, scope: &mut Context<'_, 'v>) -> Evaluation {
        self.meter.restart(self.begun);
        let made = self.run(scope);
        if made.verdict != Verdict::Cut {
            return made;
        }
        // A rule that is cut is stopped. It may have been held up by something else: once more, then it counts.
        self.meter.restart(Instant::now());
        self.run(scope)
    }

    fn run(&self, scope: &mut Context<'_, 'v>) -> Evaluation {
        let explain = self.situation.explain;
        let notes = explain != Explain::Nothing;
        let Self { rule, meter, paths, .. } = *self;
        let mut run = Run::new(rule, self.situation.lookups, (meter, paths), notes);
        run.trace.cut = self.cut;
        let verdict = run.verdict(scope);
        let explained = match (explain, &verdict) {
            (Explain::Nothing, _) | (Explain::Kept, Verdict::Needs(_)) => false,
            // By the event alone, or not.
            (Explain::Kept, Verdict::Refused) => run.looked_up(),
            _ => true,
        };
        if explained {
            run.explain(scope);
        }
        Evaluation { verdict, trace: run.trace, explained, micros: 0 }
    }
}

fn impossible(what: &str) -> Evaluation {
    let trace = Trace { stop: Some(what.to_owned()), ..Trace::default() };
    Evaluation { verdict: Verdict::Failed, trace, explained: true, micros: 0 }
}

fn event_value<'v>(situation: &Situation<'v>, importer: &mut Importer) -> CelMap<'v> {
    let event = situation.event;
    let text = |text: &'v str| -> Box<dyn Val + 'v> { Box::new(CelString::from(text)) };
    let time = event.time.unwrap_or(situation.now).fixed_offset();
    let fields: Vec<(&'static str, Box<dyn Val + 'v>)> = vec![
        ("id", text(&event.id)),
        ("type", text(&event.r#type)),
        ("source", text(&event.source)),
        ("subject", text(&event.subject)),
        ("time", Box::new(CelTimestamp::from(time))),
        ("data", importer.value(&event.data)),
    ];
    let fields: std::collections::HashMap<_, _> =
        fields.into_iter().map(|(name, value)| (CelMapKey::from(name), value)).collect();
    CelMap::from(fields)
}
