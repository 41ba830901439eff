//! Which rules an event concerns: by its type, then by one equality guard each, before any expression runs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::event::EventDocument;
use super::guard::{Path, Scalar};
use super::rule::Rule;

/// A set of rules, indexed.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
    exact: HashMap<String, TypeIndex>,
    prefixes: HashMap<String, TypeIndex>,
    /// The lengths that prefixes have: each is one look into the map.
    lengths: BTreeSet<usize>,
}

/// The rules that a type of event triggers.
#[derive(Debug, Default)]
struct TypeIndex {
    /// Those without guards.
    open: Vec<usize>,
    /// Those with guards, by the first of them.
    guarded: HashMap<Path, HashMap<Scalar, Vec<usize>>>,
}

impl RuleSet {
    /// Indexes these rules.
    pub fn build(rules: impl IntoIterator<Item = Arc<Rule>>) -> Self {
        let mut set = Self::default();
        for rule in rules {
            let number = set.rules.len();
            for trigger in &rule.triggers {
                let index = if trigger.prefix {
                    set.lengths.insert(trigger.name.len());
                    set.prefixes.entry(trigger.name.clone()).or_default()
                } else {
                    set.exact.entry(trigger.name.clone()).or_default()
                };
                match trigger.guards.iter().chain(&rule.lifted).next() {
                    None => index.open.push(number),
                    Some(guard) => {
                        let values = index.guarded.entry(guard.path.clone()).or_default();
                        values.entry(guard.value.clone()).or_default().push(number);
                    }
                }
            }
            set.rules.push(rule);
        }
        set
    }

    /// All rules.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// Whether any rule wants events of this type: asked before a payload is read.
    pub fn wants(&self, kind: &str) -> bool {
        self.indexes(kind).next().is_some()
    }

    /// The rules that the event triggers: type and guards are right.
    pub fn candidates(&self, event: &EventDocument) -> Vec<Arc<Rule>> {
        let mut numbers: Vec<usize> = Vec::new();
        for index in self.indexes(&event.r#type) {
            numbers.extend(&index.open);
            for (path, values) in &index.guarded {
                if let Some(found) = path.scalar(event).and_then(|value| values.get(&value)) {
                    numbers.extend(found);
                }
            }
        }
        // A rule may be triggered in two ways at once.
        numbers.sort_unstable();
        numbers.dedup();
        let rules = numbers.into_iter().map(|number| &self.rules[number]);
        rules.filter(|rule| rule.admits(event).is_ok()).cloned().collect()
    }

    fn indexes<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a TypeIndex> {
        let prefixes =
            self.lengths.iter().filter_map(|length| self.prefixes.get(kind.get(..*length)?));
        self.exact.get(kind).into_iter().chain(prefixes)
    }
}
