//! One run of one rule: its conditions in their order, and what it would do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use cel::common::types::{CelBool, CelNull};
use cel::common::value::Val;
use cel::{Context, ExecutionError, Value};
use serde_json::Value as Json;

use super::compile::Expression;
use super::evaluate::{Held, Verdict};
use super::explain::{Note, Noted, Place};
use super::limits::{ACTIONS_BYTES, DATA_BYTES, LOOKUPS, TRACE_BYTES};
use super::lookup::{Found, Lookup, LookupSite, Lookups};
use super::meter::Meter;
use super::paths::Paths;
use super::rule::Rule;
use super::trace::Trace;
use super::value::{Extent, Importer, shortened, to_json, weight, written};

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
    paths: &'r Paths<'r>,
    /// What was asked, where it may have to be explained.
    pub(super) notes: Option<Vec<Note<'r>>>,
    /// How many bytes its actions have so far.
    planned: usize,
    /// How much of what was read the trace still has room for.
    pub(super) room: usize,
    /// Values of `let`, and of lookups that depend on them.
    pub(super) locals: BTreeMap<String, Box<dyn Val + 'v>>,
    /// What was looked up, by name.
    looked_up: BTreeSet<&'r str>,
    needs: Vec<Lookup>,
    pub(super) trace: Trace,
}

impl<'r, 'v> Run<'r, 'v> {
    /// With `notes` it can be explained afterwards.
    pub(super) fn new(
        rule: &'r Rule,
        lookups: &'v Lookups,
        (meter, paths): (&'r Meter, &'r Paths<'r>),
        notes: bool,
    ) -> Self {
        Self {
            rule,
            lookups,
            meter,
            paths,
            notes: notes.then(Vec::new),
            planned: 0,
            room: TRACE_BYTES,
            locals: BTreeMap::new(),
            looked_up: BTreeSet::new(),
            needs: Vec::new(),
            trace: Trace::default(),
        }
    }

    /// Whether anything was looked up, or would have been.
    pub(super) fn looked_up(&self) -> bool {
        !self.looked_up.is_empty()
    }

    pub(super) fn verdict(&mut self, scope: &mut Context<'_, 'v>) -> Verdict {
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
                let json = self.json(scope, key, Place::Throttle)?;
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
        part: &'static str,
        index: usize,
        clause: &'r Expression,
    ) -> Result<bool, Stop> {
        self.prepare(scope, clause)?;
        let value = self.with(scope, clause, |value| {
            value
                .downcast_ref::<CelBool>()
                .map(|value| *value.inner())
                .ok_or_else(|| value.get_type().name().to_owned())
        });
        let place = Place::Condition(part, index);
        let outcome = match value {
            Ok(Ok(holds)) => Ok(holds),
            // What is not known has no fields: the condition does not hold, and nothing is wrong with the rule.
            Err(Stop::Failed(_)) if let Some(unknown) = self.unknown(scope, clause) => {
                Err(Stop::Refused(format!("{place}: {unknown} is not known")))
            }
            Ok(Err(kind)) => {
                Err(Stop::Failed(format!("{place} is neither true nor false but {kind}")))
            }
            Err(stop) => Err(stop.within(place)),
        };
        self.note(|| {
            let (value, error) = match &outcome {
                Ok(holds) => (Noted::Bool(*holds), None),
                Err(stop) => (Noted::Nothing, stop.error()),
            };
            Note { place, expression: clause, value, error }
        });
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
        expression: &'r Expression,
        place: Place<'r>,
    ) -> Result<Json, Stop> {
        self.prepare(scope, expression)?;
        let value = self.with(scope, expression, |value| {
            (weight(value) <= DATA_BYTES).then(|| to_json(value, Extent::WHOLE))
        });
        let outcome = match value {
            Ok(Some(json)) => {
                self.planned += written(&json);
                match self.planned > ACTIONS_BYTES {
                    true => Err(Stop::Failed(format!("{place}: all it does is more than 1 MiB"))),
                    false => Ok(json),
                }
            }
            Ok(None) => Err(Stop::Failed(format!("{place} is larger than it may be"))),
            Err(stop) => Err(stop.within(place)),
        };
        self.note(|| Note::of(place, expression, &outcome));
        outcome
    }

    /// Works out what an expression needs: the names of `let` that it reads, and its lookups.
    fn prepare(
        &mut self,
        scope: &mut Context<'_, 'v>,
        expression: &'r Expression,
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

    fn binding(&mut self, scope: &mut Context<'_, 'v>, name: &'r str) -> Result<(), Stop> {
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
        let place = Place::Binding(name);
        let outcome = match value {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(Stop::Failed(format!("{place} is larger than it may be"))),
            Err(stop) => Err(stop.within(place)),
        };
        self.note(|| Note::of(place, expression, &outcome));
        self.locals.insert(name.to_owned(), outcome?);
        Ok(())
    }

    fn lookup(&mut self, scope: &mut Context<'_, 'v>, site: &'r LookupSite) -> Result<(), Stop> {
        self.looked_up.insert(&site.name);
        if self.looked_up.len() > LOOKUPS {
            return Err(Stop::Failed(format!("it looks up more than {LOOKUPS} things")));
        }
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
            Some(found @ (Found::Value(json) | Found::AtLeast(json))) => {
                let mut importer = Importer::new();
                let value = importer.value(json);
                self.trace.cut |= importer.cut || matches!(found, Found::AtLeast(_));
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
    pub(super) fn with<T>(
        &self,
        scope: &Context<'_, 'v>,
        expression: &Expression,
        take: impl FnOnce(&(dyn Val + 'v)) -> T,
    ) -> Result<T, Stop> {
        let shared = expression.shared.as_deref().filter(|shared| self.paths.has_all_of(shared));
        let ast = shared.map_or(&expression.ast, |shared| &shared.ast);
        let outcome = if self.locals.is_empty() {
            Value::resolve_val(ast, scope).map(|value| take(&*value))
        } else {
            let mut inner = scope.new_inner_scope();
            let sites = expression.lookups.iter().map(|site| &site.name);
            for name in expression.bindings.iter().chain(sites) {
                if let Some(value) = self.locals.get(name) {
                    inner.add_variable_as_val(name.clone(), value.clone());
                }
            }
            Value::resolve_val(ast, &inner).map(|value| take(&*value))
        };
        self.meter.expression_ended();
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
}

impl Stop {
    /// Says where.
    pub(super) fn within(self, place: impl Display) -> Self {
        match self {
            Self::Failed(why) => Self::Failed(format!("{place}: {why}")),
            Self::Absent(why) => Self::Absent(format!("{place}: {why}")),
            other => other,
        }
    }

    pub(super) fn error(&self) -> Option<String> {
        match self {
            Self::Failed(why) | Self::Refused(why) | Self::Absent(why) => Some(shortened(why, 500)),
            Self::Cut => Some("it takes too long".to_owned()),
            Self::Needs => None,
        }
    }
}
