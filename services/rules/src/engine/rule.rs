//! A compiled rule.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cel::common::ast::{Expr, LiteralValue, operators};
use cel::parser::Expression as Ast;
use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use spine::Snowflake;
use uuid::Uuid;

use super::action::CompiledAction;
use super::compile::{Expression, compile};
use super::event::EventDocument;
use super::guard::{Guard, Path, Scalar};
use super::paths;
use crate::document::{Mode, RuleDocument, Schedule, check};

/// Who a rule is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The rule.
    pub rule: Uuid,
    /// Its version.
    pub version: i32,
    /// Whose it is.
    pub owner: Snowflake,
    /// Where it belongs: the owner's own space, or the household's.
    pub space: SpaceId,
    /// Since when it runs as it is: what happened before does not trigger it.
    pub since: DateTime<Utc>,
}

/// Why a document is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct RuleRefused {
    /// Where in the document, such as `when[1]`.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Who it is.
    pub identity: Identity,
    /// What it is called.
    pub name: String,
    pub(crate) triggers: Vec<CompiledTrigger>,
    /// Guards lifted out of `when`.
    pub(crate) lifted: Vec<Guard>,
    pub(crate) bindings: BTreeMap<String, Expression>,
    pub(crate) when: Vec<Expression>,
    pub(crate) unless: Vec<Expression>,
    pub(crate) throttle: Option<CompiledThrottle>,
    pub(crate) actions: Vec<CompiledAction>,
    pub(crate) hold: Option<Duration>,
    pub(crate) mode: Mode,
    pub(crate) schedule: Option<Schedule>,
}

/// A type of event, or the beginning of one, with guards.
#[derive(Debug)]
pub(crate) struct CompiledTrigger {
    pub(crate) name: String,
    /// `name` is the beginning only.
    pub(crate) prefix: bool,
    pub(crate) guards: Vec<Guard>,
}

impl CompiledTrigger {
    /// Whether it is triggered by this type.
    pub(crate) fn takes(&self, kind: &str) -> bool {
        if self.prefix { kind.starts_with(&self.name) } else { kind == self.name }
    }
}

/// How often it may act.
#[derive(Debug)]
pub(crate) struct CompiledThrottle {
    pub(crate) every: Duration,
    pub(crate) key: Option<Expression>,
}

impl Rule {
    /// Whether it sends messages.
    pub(crate) fn sends(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, CompiledAction::Message(_)))
    }

    /// Compiles a document.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub fn compile(identity: Identity, document: &RuleDocument) -> Result<Self, RuleRefused> {
        let refuse = |place: &str| {
            let place = place.to_owned();
            move |what: String| RuleRefused { place, what }
        };
        check(document).map_err(refuse("rule"))?;
        let names: BTreeSet<String> = document.bindings.keys().cloned().collect();
        let one = |place: String, source: &str| {
            compile(source, &names).map_err(|error| RuleRefused {
                place,
                what: format!("`{}`: {error}", shown(source)),
            })
        };
        let many = |place: &str, sources: &[String]| {
            let compiled = sources.iter().enumerate().map(|(index, source)| {
                one(format!("{place}[{index}]"), source).map(Expression::sharing)
            });
            compiled.collect::<Result<Vec<_>, _>>()
        };
        let mut triggers = Vec::with_capacity(document.on.len() + 1);
        for (index, trigger) in document.on.iter().enumerate() {
            let guards = trigger.guards.iter().map(|(field, value)| Guard::read(field, value));
            let guards =
                guards.collect::<Result<_, _>>().map_err(refuse(&format!("on[{index}].where")))?;
            let (name, prefix) = match trigger.r#type.strip_suffix('*') {
                Some(name) => (name, true),
                None => (trigger.r#type.as_str(), false),
            };
            triggers.push(CompiledTrigger { name: name.to_owned(), prefix, guards });
        }
        if let Some(schedule) = &document.schedule {
            schedule.next_after(identity.since).map_err(refuse("schedule"))?;
            triggers.push(scheduled(identity.rule));
        }
        let mut bindings = BTreeMap::new();
        for (name, source) in &document.bindings {
            bindings.insert(name.clone(), one(format!("let.{name}"), source)?.sharing());
        }
        refuse_circles(&bindings)?;
        let when = many("when", &document.when)?;
        let unless = many("unless", &document.unless)?;
        let throttle = match &document.throttle {
            None => None,
            Some(throttle) => Some(CompiledThrottle {
                every: throttle.every.duration(),
                key: match &throttle.key {
                    Some(key) => Some(one("throttle.key".to_owned(), key)?),
                    None => None,
                },
            }),
        };
        let mut actions = Vec::with_capacity(document.actions.len());
        for (index, action) in document.actions.iter().enumerate() {
            actions.push(
                CompiledAction::compile(action, &names).map_err(refuse(&format!("do[{index}]")))?,
            );
        }
        let lifted = when.iter().flat_map(|clause| lift(&clause.ast)).collect();
        Ok(Self {
            identity,
            name: document.name.clone(),
            triggers,
            lifted,
            bindings,
            when,
            unless,
            throttle,
            actions,
            hold: document.hold.map(|span| span.duration()),
            mode: document.mode,
            schedule: document.schedule.clone(),
        })
    }

    /// Whether the event is one for this rule, before any condition is asked: its type, its guards.
    ///
    /// # Errors
    /// Why not, in words for people.
    pub fn admits(&self, event: &EventDocument) -> Result<(), String> {
        let mut why = None;
        for trigger in self.triggers.iter().filter(|trigger| trigger.takes(&event.r#type)) {
            match trigger.guards.iter().chain(&self.lifted).find(|guard| !guard.admits(event)) {
                None => return Ok(()),
                Some(guard) => why = Some(format!("not so: {guard}")),
            }
        }
        Err(why.unwrap_or_else(|| format!("{} does not trigger it", event.r#type)))
    }
}

/// What triggers a rule with a schedule.
fn scheduled(rule: Uuid) -> CompiledTrigger {
    let guard = Guard {
        path: Path::of(vec!["data".to_owned(), "rule".to_owned()]),
        value: Scalar::Text(rule.to_string()),
    };
    CompiledTrigger {
        name: <contracts::events::rules::ScheduleReached as spine::EventData>::TYPE.to_owned(),
        prefix: false,
        guards: vec![guard],
    }
}

/// Equalities of the event with constants that must all hold: `event.data.x == "y"`, also within `&&`.
fn lift(ast: &Ast) -> Vec<Guard> {
    let Expr::Call(call) = &ast.expr else { return Vec::new() };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_AND, [left, right]) => {
            let mut guards = lift(left);
            guards.extend(lift(right));
            guards
        }
        (operators::EQUALS, [left, right]) => {
            let guard = path(left).zip(constant(right)).or_else(|| path(right).zip(constant(left)));
            guard.map(|(path, value)| Guard { path, value }).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn path(ast: &Ast) -> Option<Path> {
    let fields = paths::fields(ast)?;
    // `event.time` is a time there, and no text as in JSON.
    let liftable = matches!(fields.first(), Some(&("id" | "type" | "source" | "subject" | "data")));
    liftable.then(|| Path::of(fields.into_iter().map(str::to_owned).collect()))
}

fn constant(ast: &Ast) -> Option<Scalar> {
    match &ast.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(Scalar::Text(text.inner().to_owned())),
        Expr::Literal(LiteralValue::Boolean(value)) => Some(Scalar::Bool(*value.inner())),
        _ => None,
    }
}

/// A `let` that needs itself is never worked out.
fn refuse_circles(bindings: &BTreeMap<String, Expression>) -> Result<(), RuleRefused> {
    for name in bindings.keys() {
        let (mut reached, mut next) = (BTreeSet::new(), vec![name]);
        while let Some(at) = next.pop() {
            let Some(expression) = bindings.get(at) else { continue };
            for needed in &expression.bindings {
                if needed == name {
                    return Err(RuleRefused {
                        place: format!("let.{name}"),
                        what: "it needs itself to be worked out".to_owned(),
                    });
                }
                if reached.insert(needed) {
                    next.push(needed);
                }
            }
        }
    }
    Ok(())
}

fn shown(source: &str) -> String {
    let mut shown: String = source.chars().take(80).collect();
    if shown.len() < source.len() {
        shown.push('…');
    }
    shown
}
