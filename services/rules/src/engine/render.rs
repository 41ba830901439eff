//! Expressions as text again: the names of lookups and operands in traces.

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::parser::Expression as Ast;

/// As it could be written, without its line breaks and comments. What the source cannot say (loops as the
/// parser expands them) is shortened.
pub(crate) fn render(ast: &Ast) -> String {
    match &ast.expr {
        Expr::Literal(literal) => render_literal(literal),
        Expr::Ident(name) => name.clone(),
        Expr::Select(select) if select.test => {
            format!("has({}.{})", render(&select.operand), select.field)
        }
        Expr::Select(select) => format!("{}.{}", render(&select.operand), select.field),
        Expr::List(list) => format!("[{}]", all(&list.elements)),
        Expr::Map(map) => {
            let entries = map.entries.iter().map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    format!("{}: {}", render(&entry.key), render(&entry.value))
                }
                EntryExpr::StructField(field) => {
                    format!("{}: {}", field.field, render(&field.value))
                }
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Expr::Call(call) => {
            let name = &call.func_name;
            match (&call.target, call.args.as_slice()) {
                (Some(target), arguments) => {
                    format!("{}.{name}({})", render(target), all(arguments))
                }
                (None, [left, right]) if name == "_[_]" => {
                    format!("{}[{}]", render(left), render(right))
                }
                (None, [left, right]) if name.starts_with('_') && name.ends_with('_') => {
                    format!("({} {} {})", render(left), name.trim_matches('_'), render(right))
                }
                (None, [left, right]) if name == "@in" => {
                    format!("({} in {})", render(left), render(right))
                }
                (None, [value]) if name.ends_with('_') => {
                    format!("{}{}", name.trim_end_matches('_'), render(value))
                }
                (None, arguments) => format!("{name}({})", all(arguments)),
            }
        }
        Expr::Comprehension(_) | Expr::Struct(_) | Expr::Unspecified => "…".to_owned(),
    }
}

fn all(arguments: &[Ast]) -> String {
    arguments.iter().map(render).collect::<Vec<_>>().join(", ")
}

fn render_literal(literal: &LiteralValue) -> String {
    match literal {
        LiteralValue::Boolean(value) => value.inner().to_string(),
        LiteralValue::Bytes(value) => format!("b{:?}", value.inner()),
        LiteralValue::Double(value) => format!("{:?}", value.inner()),
        LiteralValue::Int(value) => value.inner().to_string(),
        LiteralValue::UInt(value) => format!("{}u", value.inner()),
        LiteralValue::String(value) => format!("{:?}", value.inner()),
        LiteralValue::Null => "null".to_owned(),
    }
}
