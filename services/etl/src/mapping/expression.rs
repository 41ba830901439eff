//! Finding values in a record, within limits that do not depend on what the record holds.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::compile::{Check, Expression, What};
use super::document::Transform;
use super::draft::Refused;
use super::path::{Path, Scope};
use super::template::Piece;
use super::transform::{self, Surroundings, as_text};
use crate::normal::{self, LONGEST_TEXT, Phones};

/// Most values of one property.
const MOST_ITEMS: usize = 1_000;
/// How many values may be looked at for a record, and how many bytes are made of it.
const STEPS: usize = 100_000;
const BYTES: usize = 4 << 20;
/// How deep a value is copied.
const DEEPEST: usize = 16;

/// One record on its way through a mapping.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) phones: &'a Phones,
    steps: usize,
    bytes: usize,
    /// Whether something was there that could not be read as what it should be.
    pub(super) lost: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(phones: &'a Phones) -> Self {
        Self { phones, steps: STEPS, bytes: BYTES, lost: false }
    }

    pub(super) fn step(&mut self, steps: usize) -> Result<(), Refused> {
        self.steps = self.steps.checked_sub(steps).ok_or_else(|| {
            Refused::new(format!("the record has more than {STEPS} values to look at"))
        })?;
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Refused> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| {
            Refused::new(format!("the record holds more than {} MiB for the graph", BYTES >> 20))
        })?;
        Ok(())
    }

    /// For more copies of properties that were paid for once.
    pub(super) fn spend_copies(
        &mut self,
        properties: &Map<String, Value>,
        more: usize,
    ) -> Result<(), Refused> {
        if more == 0 || properties.is_empty() {
            return Ok(());
        }
        let bytes: usize = properties.iter().map(|(name, value)| name.len() + weight(value)).sum();
        self.spend(bytes.saturating_mul(more))
    }

    /// The values that a path leads to, for what it costs to look for them.
    pub(super) fn find<'v>(
        &mut self,
        path: &Path,
        scope: Scope<'v>,
    ) -> Result<Vec<&'v Value>, Refused> {
        let mut seen = 0;
        let found = path.find(scope, &mut seen);
        self.step(seen)?;
        Ok(found)
    }

    /// A copy that Postgres keeps.
    fn copy(&mut self, value: &Value, depth: usize) -> Result<Option<Value>, Refused> {
        self.step(1)?;
        if depth == 0 {
            self.lost = true;
            return Ok(None);
        }
        Ok(match value {
            Value::Null => None,
            Value::Bool(_) | Value::Number(_) => Some(value.clone()),
            Value::String(text) => {
                self.spend(text.len().min(LONGEST_TEXT))?;
                normal::written(text).map(Value::String)
            }
            Value::Array(items) => {
                let mut copied = Vec::new();
                for item in items {
                    copied.extend(self.copy(item, depth - 1)?);
                }
                (!copied.is_empty()).then_some(Value::Array(copied))
            }
            Value::Object(members) => {
                let mut copied = Map::new();
                for (name, value) in members {
                    if name.is_empty() || name.len() > 100 {
                        self.lost = true;
                        continue;
                    }
                    self.spend(name.len())?;
                    if let Some(value) = self.copy(value, depth - 1)? {
                        copied.insert(normal::without_nul(name), value);
                    }
                }
                (!copied.is_empty()).then_some(Value::Object(copied))
            }
        })
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) items: Vec<Value>,
    many: bool,
}

impl Values {
    fn one(value: Option<Value>) -> Self {
        Self { items: value.into_iter().collect(), many: false }
    }

    /// As one value: a list where there can be many.
    pub(super) fn into_value(self) -> Option<Value> {
        if self.items.is_empty() {
            None
        } else if self.many {
            Some(Value::Array(self.items))
        } else {
            self.items.into_iter().next()
        }
    }

    /// The first as text.
    pub(super) fn into_text(self) -> Option<String> {
        self.items.first().and_then(as_text)
    }
}

impl Check {
    pub(super) fn holds(&self, run: &mut Run<'_>, scope: Scope<'_>) -> Result<bool, Refused> {
        run.step(1)?;
        let found = run.find(&self.path, scope)?;
        let exists = found.iter().any(|value| !is_nothing(value));
        let is = |wanted: &Value| found.contains(&wanted);
        let starts = |wanted: &String| {
            found.iter().any(|value| value.as_str().is_some_and(|text| text.starts_with(wanted)))
        };
        Ok(self.exists.is_none_or(|wanted| wanted == exists)
            && self.is.as_ref().is_none_or(is)
            && self.starts_with.as_ref().is_none_or(starts))
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 8,
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + 8,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + weight(value)).sum::<usize>() + 8
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Expression {
    /// The values that it finds.
    ///
    /// # Errors
    /// A required value is absent, or the record is beyond the limits.
    pub(super) fn evaluate(&self, run: &mut Run<'_>, scope: Scope<'_>) -> Result<Values, Refused> {
        run.step(1)?;
        if let Some(when) = &self.when
            && !when.holds(run, scope)?
        {
            return Ok(Values::default());
        }
        let mut values = match &self.each {
            None => self.single(run, scope)?,
            Some(each) => {
                let mut values = Values { items: Vec::new(), many: true };
                for item in flat(run.find(each, scope)?) {
                    run.step(1)?;
                    if values.items.len() >= MOST_ITEMS {
                        run.lost = true;
                        break;
                    }
                    let found = self.single(run, Scope { item, ..scope })?;
                    values.items.extend(found.into_value());
                }
                values
            }
        };
        if self.transforms.contains(&Transform::List) {
            values.many = true;
        }
        if values.many {
            distinct(&mut values.items);
        }
        if self.transforms.contains(&Transform::First) {
            values.items.truncate(1);
            values.many = self.transforms.contains(&Transform::List);
        }
        if values.items.is_empty() {
            if let Some(default) = &self.default {
                return Ok(Values::one(Some(default.clone())));
            }
            if self.required {
                return Err(Refused::new(
                    "a value that the mapping requires is not there".to_owned(),
                ));
            }
        }
        Ok(values)
    }

    fn single(&self, run: &mut Run<'_>, scope: Scope<'_>) -> Result<Values, Refused> {
        match &self.what {
            What::Path(path) => {
                let found = run.find(path, scope)?;
                let many = path.many || found.iter().any(|value| value.is_array());
                let mut values = Values { items: Vec::new(), many };
                for value in flat(found) {
                    run.step(1)?;
                    if is_nothing(value) {
                        continue;
                    }
                    if values.items.len() >= MOST_ITEMS {
                        run.lost = true;
                        break;
                    }
                    let made = self.made_of(run, scope, value)?;
                    run.lost |= made.is_none();
                    values.items.extend(made);
                }
                Ok(values)
            }
            What::Constant(value) => Ok(Values::one(Some(value.clone()))),
            What::Template(pieces) => {
                let text = filled(run, scope, pieces)?.map(Value::String);
                self.made(run, scope, Values::one(text))
            }
            What::Concat(parts, separator) => {
                let mut items = Vec::new();
                for part in parts {
                    items.extend(part.evaluate(run, scope)?.items);
                }
                let Some(separator) = separator else {
                    items.truncate(MOST_ITEMS);
                    return self.made(run, scope, Values { items, many: true });
                };
                let texts: Vec<String> = items.iter().filter_map(as_text).collect();
                let text = normal::written(&texts.join(separator)).map(Value::String);
                self.made(run, scope, Values::one(text))
            }
            What::FirstOf(parts) => {
                for part in parts {
                    let values = part.evaluate(run, scope)?;
                    if !values.items.is_empty() {
                        return self.made(run, scope, values);
                    }
                }
                Ok(Values::default())
            }
            What::Object(members) => {
                let mut object = Map::new();
                for (name, value) in members {
                    if let Some(value) = value.evaluate(run, scope)?.into_value() {
                        object.insert(name.clone(), value);
                    }
                }
                // `@type` says nothing by itself.
                let says = object.keys().any(|name| !name.starts_with('@'));
                self.made(run, scope, Values::one(says.then_some(Value::Object(object))))
            }
        }
    }

    /// Values of parts, with what is done with them here.
    fn made(&self, run: &mut Run<'_>, scope: Scope<'_>, values: Values) -> Result<Values, Refused> {
        if self.transforms.is_empty() && self.table.is_none() {
            return Ok(values);
        }
        let mut items = Vec::with_capacity(values.items.len());
        for value in &values.items {
            let made = self.made_of(run, scope, value)?;
            run.lost |= made.is_none();
            items.extend(made);
        }
        Ok(Values { items, many: values.many })
    }

    fn made_of(
        &self,
        run: &mut Run<'_>,
        scope: Scope<'_>,
        value: &Value,
    ) -> Result<Option<Value>, Refused> {
        let mut text = |path: &Option<Path>| -> Result<Option<String>, Refused> {
            let Some(path) = path else { return Ok(None) };
            Ok(run.find(path, scope)?.first().and_then(|value| as_text(value)))
        };
        let zone = text(&self.zone)?.and_then(|name| normal::zone(&name));
        let plus = text(&self.plus)?.and_then(|seconds| seconds.trim().parse().ok());
        let around = Surroundings { phones: run.phones, zone, plus };
        let mut made = None;
        for transform in &self.transforms {
            if matches!(transform, Transform::First | Transform::List) {
                continue;
            }
            run.step(1)?;
            let before = made.as_ref().unwrap_or(value);
            let Some(after) = transform::apply(*transform, before, around) else { return Ok(None) };
            made = Some(after);
        }
        let value = match &made {
            Some(made) => run.copy(made, DEEPEST)?,
            None => run.copy(value, DEEPEST)?,
        };
        match (&self.table, value) {
            (Some(table), Some(value)) => {
                Ok(as_text(&value).and_then(|name| table.get(&name)).cloned())
            }
            (_, value) => Ok(value),
        }
    }
}

/// Lists stand for their items.
fn flat(found: Vec<&Value>) -> impl Iterator<Item = &Value> {
    found.into_iter().flat_map(|value| match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    })
}

fn distinct(items: &mut Vec<Value>) {
    if items.len() > 1 {
        let mut seen = HashSet::with_capacity(items.len());
        items.retain(|item| seen.insert(item.to_string()));
    }
}

/// A template, filled: what is absent is empty, and so is the whole where all is.
fn filled(
    run: &mut Run<'_>,
    scope: Scope<'_>,
    pieces: &[Piece],
) -> Result<Option<String>, Refused> {
    let mut text = String::new();
    let mut any = false;
    for piece in pieces {
        match piece {
            Piece::Text(plain) => text.push_str(plain),
            Piece::Path(path) => {
                let found = run.find(path, scope)?;
                let value =
                    found.into_iter().find_map(as_text).and_then(|text| normal::line(&text));
                if let Some(value) = value {
                    run.spend(value.len())?;
                    text.push_str(&value);
                    any = true;
                }
            }
        }
    }
    Ok(if any { normal::line(&text) } else { None })
}
