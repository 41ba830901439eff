//! Evaluating rules for one event: pure, without waiting. What has to be looked up is told, looked up outside, and the
//! rule is asked again; so nothing is looked up for a rule whose earlier conditions do not hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cel::common::types::{CelBool, CelMap, CelMapKey, CelNull, CelString, CelTimestamp};
use cel::common::value::{CowVal, Val};
use cel::{Context, ExecutionError, Value};
use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use serde_json::Value as Json;
use spine::Snowflake;

use super::action::Planned;
use super::compile::Expression;
use super::event::EventDocument;
use super::functions;
use super::limits::DATA_BYTES;
use super::lookup::{Found, Lookup, LookupSite, Lookups};
use super::meter::Meter;
use super::rule::Rule;
use super::trace::{Clause, Trace};
use super::value::{Extent, Importer, shortened, to_json, weight};

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
    /// How long it took, in microseconds.
    pub micros: u32,
}

/// For one event: what is there when its rules are asked.
pub struct Situation<'v> {
    /// The event.
    pub event: &'v EventDocument,
    /// What was looked up.
    pub lookups: &'v Lookups,
    /// The time now.
    pub now: DateTime<Utc>,
    /// Whether traces say what was read.
    pub explain: bool,
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
    let mut evaluations: Vec<Option<Evaluation>> = rules.iter().map(|_| None).collect();
    // All rules of an owner share what was looked up for them.
    let mut owners: BTreeMap<(Snowflake, &SpaceId), Vec<usize>> = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        owners.entry((rule.identity.owner, &rule.identity.space)).or_default().push(number);
    }
    for ((owner, _), numbers) in owners {
        let mut scope = root.new_inner_scope();
        scope.add_variable_as_val("owner", Box::new(CelString::from(owner.to_string())));
        for number in numbers {
            progress.store(number, Ordering::Relaxed);
            meter.restart();
            let rule = &rules[number];
            let mut run = Run {
                rule,
                lookups: situation.lookups,
                meter: &meter,
                explain: situation.explain,
                locals: BTreeMap::new(),
                needs: Vec::new(),
                trace: Trace { cut: importer.cut, ..Trace::default() },
            };
            let begun = Instant::now();
            let verdict = run.verdict(&mut scope);
            let micros = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
            evaluations[number] = Some(Evaluation { verdict, trace: run.trace, micros });
        }
    }
    evaluations.into_iter().map(|made| made.unwrap_or_else(|| impossible("not asked"))).collect()
}

fn impossible(what: &str) -> Evaluation {
    let trace = Trace { stop: Some(what.to_owned()), ..Trace::default() };
    Evaluation { verdict: Verdict::Failed, trace, micros: 0 }
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

/// Why an evaluation stops before its end.
pub(super) enum Stop {
    Needs,
    Refused(String),
    /// A field is not there. What is not known makes no rule act, and nothing is wrong with the rule: events leave
    /// out what is empty, and one condition may be asked of many types of event.
    Absent(String),
    Failed(String),
    Cut,
}

/// One evaluation of one rule.
pub(super) struct Run<'r, 'v> {
    pub(super) rule: &'r Rule,
    lookups: &'v Lookups,
    meter: &'r Meter,
    explain: bool,
    /// Values of `let`, and of lookups that depend on them.
    locals: BTreeMap<String, Box<dyn Val + 'v>>,
    needs: Vec<Lookup>,
    trace: Trace,
}

impl<'r, 'v> Run<'r, 'v> {
    fn verdict(&mut self, scope: &mut Context<'_, 'v>) -> Verdict {
        let stop = match self.run(scope) {
            Ok(held) => return Verdict::Holds(held),
            Err(stop) => stop,
        };
        let (verdict, why) = match stop {
            Stop::Needs => return Verdict::Needs(std::mem::take(&mut self.needs)),
            Stop::Refused(why) | Stop::Absent(why) => (Verdict::Refused, why),
            Stop::Failed(why) => (Verdict::Failed, why),
            Stop::Cut => {
                let why = "it takes too long with so much data; the rule is stopped";
                (Verdict::Cut, why.to_owned())
            }
        };
        self.trace.stop = Some(shortened(&why, 500));
        verdict
    }

    fn run(&mut self, scope: &mut Context<'_, 'v>) -> Result<Held, Stop> {
        let rule = self.rule;
        for (index, clause) in rule.when.iter().enumerate() {
            if !self.holds(scope, "when", index, clause)? {
                return Err(Stop::Refused(format!("when[{index}] does not hold")));
            }
        }
        for (index, clause) in rule.unless.iter().enumerate() {
            if self.holds(scope, "unless", index, clause)? {
                return Err(Stop::Refused(format!("unless[{index}] holds")));
            }
        }
        let throttle_key = match rule.throttle.as_ref().and_then(|throttle| throttle.key.as_ref()) {
            Some(key) => {
                let json = self.json(scope, key, "throttle.key")?;
                match json {
                    Json::String(text) => text,
                    other => other.to_string(),
                }
            }
            None => String::new(),
        };
        let actions = self.plan(scope).map_err(|stop| match stop {
            // It would act, and cannot say what.
            Stop::Absent(why) => Stop::Failed(why),
            other => other,
        })?;
        Ok(Held { actions, throttle_key: throttle_key.chars().take(500).collect() })
    }

    /// Whether a condition holds.
    fn holds(
        &mut self,
        scope: &mut Context<'_, 'v>,
        part: &str,
        index: usize,
        clause: &Expression,
    ) -> Result<bool, Stop> {
        self.prepare(scope, clause)?;
        let value = self.with(scope, clause, |value| {
            value
                .downcast_ref::<CelBool>()
                .map(|value| *value.inner())
                .ok_or_else(|| value.get_type().name().to_owned())
        });
        let place = || format!("{part}[{index}]");
        let outcome = match value {
            Ok(Ok(holds)) => Ok(holds),
            // What is not known has no fields: the condition does not hold, and nothing is wrong with the rule.
            Err(Stop::Failed(_)) if let Some(unknown) = self.unknown(scope, clause) => {
                Err(Stop::Refused(format!("{}: {unknown} is not known", place())))
            }
            Ok(Err(kind)) => {
                Err(Stop::Failed(format!("{} is neither true nor false but {kind}", place())))
            }
            Err(stop) => Err(stop.within(&place())),
        };
        if self.explain {
            let (value, error) = match &outcome {
                Ok(holds) => (Json::Bool(*holds), None),
                Err(stop) => (Json::Null, stop.error()),
            };
            self.explained(scope, place(), clause, value, error);
        }
        outcome
    }

    /// A lookup that the expression makes itself, or by way of `let`, and that found nothing.
    fn unknown(&self, scope: &Context<'_, 'v>, expression: &Expression) -> Option<String> {
        let here = expression.lookups.iter().find(|site| {
            let is_null = |value: &dyn Val| value.downcast_ref::<CelNull>().is_some();
            self.locals.get(&site.name).is_some_and(|value| is_null(value.as_ref()))
                || scope.get_variable(&site.name).is_some_and(|value| is_null(&*value))
        });
        here.map(|site| site.text.clone()).or_else(|| {
            let bindings =
                expression.bindings.iter().filter_map(|name| self.rule.bindings.get(name));
            bindings.into_iter().find_map(|binding| self.unknown(scope, binding))
        })
    }

    /// The value of an expression, as JSON.
    pub(super) fn json(
        &mut self,
        scope: &mut Context<'_, 'v>,
        expression: &Expression,
        place: &str,
    ) -> Result<Json, Stop> {
        self.prepare(scope, expression)?;
        let value = self.with(scope, expression, |value| {
            (weight(value) <= DATA_BYTES).then(|| to_json(value, Extent::WHOLE))
        });
        let outcome = match value {
            Ok(Some(json)) => Ok(json),
            Ok(None) => Err(Stop::Failed(format!("{place} is larger than it may be"))),
            Err(stop) => Err(stop.within(place)),
        };
        if self.explain {
            let (value, error) = match &outcome {
                Ok(_) => (
                    self.with(scope, expression, |value| to_json(value, Extent::TRACE))
                        .unwrap_or_default(),
                    None,
                ),
                Err(stop) => (Json::Null, stop.error()),
            };
            self.explained(scope, place.to_owned(), expression, value, error);
        }
        outcome
    }

    /// Works out what an expression needs: the names of `let` that it reads, and its lookups.
    fn prepare(
        &mut self,
        scope: &mut Context<'_, 'v>,
        expression: &Expression,
    ) -> Result<(), Stop> {
        for name in &expression.bindings {
            self.binding(scope, name)?;
        }
        let mut waits = false;
        for site in &expression.lookups {
            match self.lookup(scope, site) {
                Ok(()) => {}
                // The others are told at once: they are looked up together.
                Err(Stop::Needs) => waits = true,
                Err(stop) => return Err(stop),
            }
        }
        if waits { Err(Stop::Needs) } else { Ok(()) }
    }

    fn binding(&mut self, scope: &mut Context<'_, 'v>, name: &str) -> Result<(), Stop> {
        if self.locals.contains_key(name) {
            return Ok(());
        }
        let rule = self.rule;
        let Some(expression) = rule.bindings.get(name) else {
            return Err(Stop::Failed(format!("there is no {name:?}")));
        };
        self.prepare(scope, expression)?;
        let value = self.with(scope, expression, |value| {
            (weight(value) <= DATA_BYTES).then(|| value.clone_as_boxed())
        });
        let place = format!("let.{name}");
        let outcome = match value {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(Stop::Failed(format!("{place} is larger than it may be"))),
            Err(stop) => Err(stop.within(&place)),
        };
        if self.explain {
            let (value, error) = match &outcome {
                Ok(value) => (to_json(value.as_ref(), Extent::TRACE), None),
                Err(stop) => (Json::Null, stop.error()),
            };
            self.explained(scope, place, expression, value, error);
        }
        self.locals.insert(name.to_owned(), outcome?);
        Ok(())
    }

    fn lookup(&mut self, scope: &mut Context<'_, 'v>, site: &LookupSite) -> Result<(), Stop> {
        if self.locals.contains_key(&site.name)
            || (site.shared && scope.get_variable(&site.name).is_some())
        {
            return Ok(());
        }
        let mut arguments = Vec::with_capacity(site.arguments.len());
        for argument in &site.arguments {
            self.prepare(scope, argument)?;
            let value = self
                .with(scope, argument, |value| to_json(value, Extent::WHOLE))
                .map_err(|stop| stop.within(&site.text))?;
            arguments.push(value);
        }
        let identity = &self.rule.identity;
        let request = site
            .kind
            .request(&arguments, identity.owner)
            .map_err(|what| Stop::Failed(format!("{}: {what}", site.text)))?;
        let lookup = Lookup { owner: identity.owner, space: identity.space.clone(), request };
        match self.lookups.get(&lookup) {
            None => {
                self.needs.push(lookup);
                Err(Stop::Needs)
            }
            Some(Found::Value(json)) => {
                let mut importer = Importer::new();
                let value = importer.value(json);
                self.trace.cut |= importer.cut;
                if site.shared {
                    scope.add_variable_as_val(site.name.clone(), value);
                } else {
                    self.locals.insert(site.name.clone(), value);
                }
                Ok(())
            }
            Some(Found::Refused(words)) => {
                Err(Stop::Refused(format!("{} was refused: {words}", site.text)))
            }
            Some(Found::Failed(what)) => Err(Stop::Failed(format!("{} failed: {what}", site.text))),
        }
    }

    /// Works out an expression whose needs are met.
    fn with<T>(
        &self,
        scope: &Context<'_, 'v>,
        expression: &Expression,
        take: impl FnOnce(&(dyn Val + 'v)) -> T,
    ) -> Result<T, Stop> {
        let outcome = if self.locals.is_empty() {
            Value::resolve_val(&expression.ast, scope).map(|value| take(&*value))
        } else {
            let mut inner = scope.new_inner_scope();
            let sites = expression.lookups.iter().map(|site| &site.name);
            for name in expression.bindings.iter().chain(sites) {
                if let Some(value) = self.locals.get(name) {
                    inner.add_variable_as_val(name.clone(), value.clone());
                }
            }
            Value::resolve_val(&expression.ast, &inner).map(|value| take(&*value))
        };
        // Beyond the limits nothing that comes out means anything.
        if self.meter.is_cut() {
            return Err(Stop::Cut);
        }
        outcome.map_err(|error| match error {
            ExecutionError::NoSuchKey(field) => {
                Stop::Absent(format!("there is no {:?}", shortened(&field, 100)))
            }
            other => Stop::Failed(shortened(&other.to_string(), 300)),
        })
    }

    fn explained(
        &mut self,
        scope: &Context<'_, 'v>,
        place: String,
        expression: &Expression,
        value: Json,
        error: Option<String>,
    ) {
        let mut read = BTreeMap::new();
        self.reads(scope, expression, &mut read);
        let source = shortened(&expression.source, 1_000);
        self.trace.clauses.push(Clause { place, source, value, error, read });
    }

    fn reads(
        &self,
        scope: &Context<'_, 'v>,
        expression: &Expression,
        read: &mut BTreeMap<String, Json>,
    ) {
        for (text, ast) in &expression.operands {
            let value: Option<CowVal<'_, 'v>> = Value::resolve_val(ast, scope).ok();
            let json = value.map_or(Json::Null, |value| to_json(&*value, Extent::TRACE));
            read.insert(shortened(text, 200), json);
        }
        for site in &expression.lookups {
            let known =
                self.locals.get(&site.name).map(|value| to_json(value.as_ref(), Extent::TRACE));
            let json = known.or_else(|| {
                scope.get_variable(&site.name).map(|value| to_json(&*value, Extent::TRACE))
            });
            read.insert(shortened(&site.text, 200), json.unwrap_or_default());
            for argument in &site.arguments {
                self.reads(scope, argument, read);
            }
        }
        for name in &expression.bindings {
            if let Some(value) = self.locals.get(name) {
                read.insert(name.clone(), to_json(value.as_ref(), Extent::TRACE));
            }
        }
    }
}

impl Stop {
    /// Says where.
    pub(super) fn within(self, place: &str) -> Self {
        match self {
            Self::Failed(why) => Self::Failed(format!("{place}: {why}")),
            Self::Absent(why) => Self::Absent(format!("{place}: {why}")),
            other => other,
        }
    }

    fn error(&self) -> Option<String> {
        match self {
            Self::Failed(why) | Self::Refused(why) | Self::Absent(why) => Some(shortened(why, 500)),
            Self::Cut => Some("it takes too long".to_owned()),
            Self::Needs => None,
        }
    }
}
