//! What conditions read of the event, looked up once an event for all rules that read it.
//!
//! CEL takes `event.data.from.address` for a name with dots: it asks at each dot, and in each scope, whether there is a
//! variable or a type of that name, and then looks the fields up one by one. That is ten times the work of the comparison
//! behind it. So beside each condition stands the same one with a variable in the path's place. It is asked where the event
//! has all of its paths; where one is missing, the condition as it was written says so.

use std::collections::HashSet;

use cel::Context;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr};
use cel::common::types::CelString;
use cel::common::value::Val;
use cel::parser::Expression as Ast;
use serde_json::Value as Json;

use super::event::EventDocument;
use super::render::render;
use super::rule::Rule;
use super::value::Importer;

/// So many paths are looked up for one event.
const PATHS: usize = 512;
/// What is larger is not copied into a variable of its own.
const BYTES: usize = 4_096;
/// Fields that texts name, beside `data`.
const TEXTS: [&str; 4] = ["id", "type", "source", "subject"];

/// A condition with variables in the places of paths into the event.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) ast: Ast,
    /// The variables: an `@` and the path.
    names: Box<[Box<str>]>,
}

impl Shared {
    /// None where it reads nothing of the event by a path.
    pub(crate) fn of(ast: &Ast) -> Option<Self> {
        let (mut ast, mut names) = (ast.clone(), Vec::new());
        replace(&mut ast, &mut names);
        (!names.is_empty()).then(|| Self { ast, names: names.into() })
    }
}

/// The name of the variable that stands for a path: no name that can be written in CEL.
pub(crate) fn variable(path: &str) -> String {
    format!("@{path}")
}

/// The variables that one event has.
#[derive(Debug, Default)]
pub(crate) struct Paths<'r>(HashSet<&'r str>);

impl<'r> Paths<'r> {
    /// Looks up what conditions of these rules read, and makes variables of it.
    pub(crate) fn of<'v>(
        rules: impl Iterator<Item = &'r Rule>,
        event: &'v EventDocument,
        context: &mut Context<'_, 'v>,
    ) -> Self {
        let mut asked = HashSet::new();
        let mut there = HashSet::new();
        let names = rules
            .flat_map(|rule| rule.when.iter().chain(&rule.unless).chain(rule.bindings.values()))
            .filter_map(|expression| expression.shared.as_ref())
            .flat_map(|shared| &shared.names);
        for name in names {
            if asked.len() < PATHS
                && asked.insert(&**name)
                && let Some(value) = value(event, name)
            {
                context.add_variable_as_val(&**name, value);
                there.insert(&**name);
            }
        }
        Self(there)
    }

    /// Whether all that it reads is there.
    pub(crate) fn has_all_of(&self, shared: &Shared) -> bool {
        shared.names.iter().all(|name| self.0.contains(&**name))
    }
}

fn value<'v>(event: &'v EventDocument, name: &str) -> Option<Box<dyn Val + 'v>> {
    let mut fields = name.strip_prefix('@')?.split('.').skip(1);
    let first = fields.next()?;
    let own = match first {
        "id" => Some(&event.id),
        "type" => Some(&event.r#type),
        "source" => Some(&event.source),
        "subject" => Some(&event.subject),
        _ => None,
    };
    if let Some(text) = own {
        return Some(Box::new(CelString::from(text.as_str())));
    }
    let json = fields.try_fold(&event.data, |json, field| match json {
        Json::Object(fields) => fields.get(field),
        _ => None,
    })?;
    let mut importer = Importer::within(BYTES);
    let value = importer.value(json);
    (!importer.cut).then_some(value)
}

/// Puts variables in the places of the longest paths, and says which.
fn replace(ast: &mut Ast, names: &mut Vec<Box<str>>) {
    if is_path(ast) {
        let name = variable(&render(ast));
        if !names.iter().any(|known| **known == *name) {
            names.push(name.as_str().into());
        }
        ast.expr = Expr::Ident(name);
        return;
    }
    match &mut ast.expr {
        // What it is asked of stays a path: of a variable with that name the field would be asked.
        Expr::Select(select) if !select.test => replace(&mut select.operand, names),
        Expr::Call(call) => {
            for part in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
                replace(part, names);
            }
        }
        Expr::List(list) => list.elements.iter_mut().for_each(|element| replace(element, names)),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    replace(&mut entry.key, names);
                    replace(&mut entry.value, names);
                }
            }
        }
        Expr::Comprehension(comprehension) => within(comprehension, names),
        Expr::Select(_)
        | Expr::Literal(_)
        | Expr::Ident(_)
        | Expr::Struct(_)
        | Expr::Unspecified => {}
    }
}

fn within(comprehension: &mut ComprehensionExpr, names: &mut Vec<Box<str>>) {
    replace(&mut comprehension.iter_range, names);
    let hides = comprehension.iter_var == "event"
        || comprehension.iter_var2.as_deref() == Some("event")
        || comprehension.accu_var == "event";
    // The loop's own `event`.
    if !hides {
        for part in [
            &mut comprehension.accu_init,
            &mut comprehension.loop_cond,
            &mut comprehension.loop_step,
            &mut comprehension.result,
        ] {
            replace(part, names);
        }
    }
}

/// The names of the fields on the way into the event; none of `event` itself. Of anything else it is `None`.
pub(crate) fn fields(ast: &Ast) -> Option<Vec<&str>> {
    let (mut fields, mut at) = (Vec::new(), ast);
    loop {
        match &at.expr {
            Expr::Select(select) if !select.test => {
                fields.push(select.field.as_str());
                at = &select.operand;
            }
            Expr::Ident(name) if name == "event" => break,
            _ => return None,
        }
    }
    fields.reverse();
    Some(fields)
}

/// Whether it is a path, by plain names, to something that is the same in JSON and in CEL.
fn is_path(ast: &Ast) -> bool {
    match fields(ast).as_deref() {
        Some(["data", fields @ ..]) => fields.iter().all(|field| is_plain(field)),
        // They have no fields.
        Some([field]) => TEXTS.contains(field),
        _ => false,
    }
}

/// Whether no dot can hide in a name.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
