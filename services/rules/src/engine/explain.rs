//! What a trace says: the expressions that were worked out, and what each of them read.

use std::fmt;

use cel::common::value::CowVal;
use cel::{Context, Value};
use serde_json::Value as Json;

use super::compile::Expression;
use super::run::{Run, Stop};
use super::trace::{Clause, Reads};
use super::value::{Extent, shortened, to_json, written};

/// An expression that was worked out. What it read is looked at afterwards, and only where somebody is told: nothing that
/// it read has changed by then.
pub(super) struct Note<'r> {
    pub(super) place: Place<'r>,
    pub(super) expression: &'r Expression,
    pub(super) value: Noted,
    pub(super) error: Option<String>,
}

/// Where an expression stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'r> {
    /// `when` or `unless`, and which of them.
    Condition(&'static str, usize),
    /// In `let`.
    Binding(&'r str),
    /// In the throttle.
    Throttle,
    /// In what it does: which of that, and in what of it, if anywhere in particular.
    Action(usize, &'static str),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Condition(part, index) => write!(f, "{part}[{index}]"),
            Self::Binding(name) => write!(f, "let.{name}"),
            Self::Throttle => f.write_str("throttle.key"),
            Self::Action(index, "") => write!(f, "do[{index}]"),
            Self::Action(index, part) => write!(f, "do[{index}].{part}"),
        }
    }
}

/// What came of an expression.
pub(super) enum Noted {
    /// This.
    Bool(bool),
    /// What comes of it again.
    Again,
    /// Nothing.
    Nothing,
}

impl<'r> Note<'r> {
    pub(super) fn of<T>(
        place: Place<'r>,
        expression: &'r Expression,
        outcome: &Result<T, Stop>,
    ) -> Self {
        let (value, error) = match outcome {
            Ok(_) => (Noted::Again, None),
            Err(stop) => (Noted::Nothing, stop.error()),
        };
        Self { place, expression, value, error }
    }
}

impl<'r, 'v> Run<'r, 'v> {
    /// Notes what was asked.
    pub(super) fn note(&mut self, note: impl FnOnce() -> Note<'r>) {
        if let Some(notes) = &mut self.notes {
            notes.push(note());
        }
    }

    /// Writes the trace of what was noted.
    pub(super) fn explain(&mut self, scope: &Context<'_, 'v>) {
        let notes = self.notes.take().unwrap_or_default();
        self.trace.clauses.reserve_exact(notes.len());
        for Note { place, expression, value, error } in notes {
            let value = match value {
                Noted::Bool(value) => Json::Bool(value),
                Noted::Nothing => Json::Null,
                Noted::Again => {
                    let again = self.with(scope, expression, |value| to_json(value, Extent::TRACE));
                    again.unwrap_or_default()
                }
            };
            let value = self.fitting(value);
            let mut read = Reads::default();
            self.reads(scope, expression, &mut read);
            let source = shortened(&expression.source, 1_000);
            self.trace.clauses.push(Clause {
                place: place.to_string(),
                source,
                value,
                error,
                read,
            });
        }
    }

    fn reads(&mut self, scope: &Context<'_, 'v>, expression: &Expression, read: &mut Reads) {
        for operand in &expression.operands {
            if self.has_room() {
                let value: Option<CowVal<'_, 'v>> = scope
                    .get_variable(&operand.variable)
                    .or_else(|| Value::resolve_val(&operand.ast, scope).ok());
                let json = value.map_or(Json::Null, |value| to_json(&*value, Extent::TRACE));
                read.insert(shortened(operand.text(), 200), self.fitting(json));
            }
        }
        for site in &expression.lookups {
            if self.has_room() {
                let json = match self.locals.get(&site.name) {
                    Some(known) => to_json(known.as_ref(), Extent::TRACE),
                    None => {
                        let known = scope.get_variable(&site.name);
                        known.map_or(Json::Null, |value| to_json(&*value, Extent::TRACE))
                    }
                };
                read.insert(shortened(&site.text, 200), self.fitting(json));
            }
            for argument in &site.arguments {
                self.reads(scope, argument, read);
            }
        }
        for name in &expression.bindings {
            if self.has_room()
                && let Some(value) = self.locals.get(name)
            {
                let json = to_json(value.as_ref(), Extent::TRACE);
                read.insert(name.clone(), self.fitting(json));
            }
        }
    }

    /// Whether the trace has room for more of what was read; where it has not, it says that it is cut.
    fn has_room(&mut self) -> bool {
        self.trace.cut |= self.room == 0;
        self.room > 0
    }

    /// The value, where the trace has room for it.
    fn fitting(&mut self, json: Json) -> Json {
        let bytes = written(&json);
        if bytes > self.room {
            self.trace.cut = true;
            self.room = 0;
            return Json::String("…".to_owned());
        }
        self.room -= bytes;
        json
    }
}
