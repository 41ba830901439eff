//! Compiling an expression: what it may be is checked, what it looks up is taken out of it, and the meter's calls
//! are woven in.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::common::types::CelBool;
use cel::parser::Expression as Ast;

use super::functions::{self, KNOWN, MATCHES, SIZED, STANDARD, TICK};
use super::limits::{self, ELEMENTS, LOOPS, TooMuch};
use super::lookup::{LookupKind, LookupSite};
use super::paths::{self, Shared};
use super::render::render;

/// What conditions can name without a `let`.
const ROOTS: &[&str] = &["event", "now", "owner"];
/// Names of types, as `type(x) == string` compares them.
const TYPES: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
    "optional",
];
/// What may stand in an expression beside known functions.
const OPERATORS: &[&str] = &[
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::OPT_INDEX,
    operators::OPT_SELECT,
    operators::NOT_STRICTLY_FALSE,
    operators::IN,
];
/// Operands that a trace shows, of one expression.
const OPERANDS: usize = 16;

/// Why an expression is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is too long, too deep or too wide.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// It is no CEL.
    #[error("it is no CEL: {0}")]
    Syntax(String),
    /// Loops within loops within loops.
    #[error(
        "its loops are nested deeper than {LOOPS}: `all`, `exists`, `map` and `filter` may stand within one another once"
    )]
    Loops,
    /// A list or a map with too many elements.
    #[error("a list or map in it has more than {ELEMENTS} elements that are no constants")]
    Elements,
    /// It names something that does not exist.
    #[error("there is no {0:?}; conditions see `event`, `now`, `owner` and what `let` names")]
    Unknown(String),
    /// It calls something that does not exist.
    #[error("there is no function {0:?}")]
    UnknownFunction(String),
    /// A pattern that is none, or is not written out.
    #[error("`matches` takes a pattern that is written out: {0}")]
    Pattern(String),
    /// A lookup with the wrong arguments.
    #[error("{0}")]
    Lookup(String),
    /// Something that rules have no use for.
    #[error("it makes an object of a type, which rules do not have")]
    Object,
}

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Expression {
    /// As it was written.
    pub(crate) source: Box<str>,
    pub(crate) ast: Ast,
    /// The same, with what it reads of the event in variables; conditions and `let` have that.
    pub(crate) shared: Option<Box<Shared>>,
    /// What it looks up, inner ones first.
    pub(crate) lookups: Vec<LookupSite>,
    /// Which names of `let` it reads itself.
    pub(crate) bindings: BTreeSet<String>,
    /// What it reads of the event.
    pub(crate) operands: Vec<Operand>,
}

/// A path into the event.
#[derive(Debug)]
pub(crate) struct Operand {
    /// The name of the variable that may stand for it: an `@` and the path.
    pub(crate) variable: Box<str>,
    pub(crate) ast: Ast,
}

impl Operand {
    /// As it could be written.
    pub(crate) fn text(&self) -> &str {
        &self.variable[1..]
    }
}

impl Expression {
    /// Shares what it reads of the event with other rules.
    pub(crate) fn sharing(mut self) -> Self {
        self.shared = Shared::of(&self.ast).map(Box::new);
        self
    }
}

/// Compiles an expression that can read these names of `let`.
///
/// # Errors
/// See [`ExpressionError`].
pub(crate) fn compile(
    source: &str,
    names: &BTreeSet<String>,
) -> Result<Expression, ExpressionError> {
    let ast = parse(source)?;
    let mut compiler = Compiler::new(names);
    let ast = compiler.expression(ast, 0)?;
    Ok(compiler.into_expression(source, ast))
}

/// Parses an expression, as far as that is safe.
pub(crate) fn parse(source: &str) -> Result<Ast, ExpressionError> {
    limits::scan(source)?;
    STANDARD.parser().error_recovery_limit(4).parse(source).map_err(|errors| {
        let first = errors.errors.first();
        let said = first.map_or_else(
            || errors.to_string(),
            |error| format!("{} (line {}, column {})", error.msg, error.pos.0, error.pos.1),
        );
        ExpressionError::Syntax(said.chars().take(300).collect())
    })
}

struct Compiler<'n> {
    names: &'n BTreeSet<String>,
    /// Variables of the loops around, and their accumulators.
    locals: Vec<String>,
    lookups: Vec<LookupSite>,
    bindings: BTreeSet<String>,
    operands: Vec<Operand>,
}

impl<'n> Compiler<'n> {
    fn new(names: &'n BTreeSet<String>) -> Self {
        Self {
            names,
            locals: Vec::new(),
            lookups: Vec::new(),
            bindings: BTreeSet::new(),
            operands: Vec::new(),
        }
    }

    fn into_expression(self, source: &str, ast: Ast) -> Expression {
        let Self { lookups, bindings, operands, .. } = self;
        Expression { source: source.into(), ast, shared: None, lookups, bindings, operands }
    }

    /// `loops` is how many loops are around. Depth needs no count: it is bounded by the operators and
    /// brackets that were counted before parsing.
    fn expression(&mut self, ast: Ast, loops: usize) -> Result<Ast, ExpressionError> {
        self.note_operand(&ast);
        let id = ast.id;
        let expr = match ast.expr {
            Expr::Literal(literal) => Expr::Literal(literal),
            Expr::Ident(name) => {
                self.name(&name)?;
                Expr::Ident(name)
            }
            Expr::Select(mut select) => {
                *select.operand = self.expression(*select.operand, loops)?;
                Expr::Select(select)
            }
            Expr::Call(call) => return self.call(id, call, loops),
            Expr::List(mut list) => {
                let constant = list.elements.iter().all(is_constant);
                bounded(list.elements.iter())?;
                list.elements = self.all(list.elements, loops)?;
                let list = Ast { id, expr: Expr::List(list) };
                return Ok(if constant { list } else { sized(list) });
            }
            Expr::Map(mut map) => {
                let mut constant = true;
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                        return Err(ExpressionError::Object);
                    };
                    constant &= is_constant(&entry.key) && is_constant(&entry.value);
                    entry.key = self.expression(std::mem::take(&mut entry.key), loops)?;
                    entry.value = self.expression(std::mem::take(&mut entry.value), loops)?;
                }
                if !constant && map.entries.len() > ELEMENTS {
                    return Err(ExpressionError::Elements);
                }
                let map = Ast { id, expr: Expr::Map(map) };
                return Ok(if constant { map } else { sized(map) });
            }
            Expr::Comprehension(comprehension) => {
                Expr::Comprehension(Box::new(self.comprehension(*comprehension, loops)?))
            }
            Expr::Struct(_) => return Err(ExpressionError::Object),
            Expr::Unspecified => {
                return Err(ExpressionError::Syntax("a part of it is empty".to_owned()));
            }
        };
        Ok(Ast { id, expr })
    }

    fn all(&mut self, parts: Vec<Ast>, loops: usize) -> Result<Vec<Ast>, ExpressionError> {
        parts.into_iter().map(|part| self.expression(part, loops)).collect()
    }

    fn name(&mut self, name: &str) -> Result<(), ExpressionError> {
        let name = name.strip_prefix('.').unwrap_or(name);
        if self.locals.iter().any(|local| local == name)
            || ROOTS.contains(&name)
            || TYPES.contains(&name)
        {
            return Ok(());
        }
        if self.names.contains(name) {
            self.bindings.insert(name.to_owned());
            return Ok(());
        }
        Err(ExpressionError::Unknown(name.to_owned()))
    }

    fn call(&mut self, id: u64, mut call: CallExpr, loops: usize) -> Result<Ast, ExpressionError> {
        if call.target.is_none()
            && let Some(kind) = LookupKind::of(&call.func_name)
        {
            return self.lookup(id, kind, &call);
        }
        if call.func_name == "matches" {
            return self.matches(id, call, loops);
        }
        let known = KNOWN.contains(&call.func_name.as_str())
            || OPERATORS.contains(&call.func_name.as_str());
        if !known {
            return Err(ExpressionError::UnknownFunction(call.func_name));
        }
        if let Some(target) = call.target.take() {
            call.target = Some(Box::new(self.expression(*target, loops)?));
        }
        call.args = self.all(call.args, loops)?;
        // What makes longer texts and lists of shorter ones is weighed. Of a number nothing grows.
        let grows = match call.func_name.as_str() {
            operators::ADD => !call.args.iter().any(is_number),
            "upper" | "lower" | "string" => true,
            _ => false,
        };
        let call = Ast { id, expr: Expr::Call(call) };
        Ok(if grows { sized(call) } else { call })
    }

    fn matches(&mut self, id: u64, call: CallExpr, loops: usize) -> Result<Ast, ExpressionError> {
        let mut arguments = call.args;
        if let Some(target) = call.target {
            arguments.insert(0, *target);
        }
        let [_, pattern] = arguments.as_slice() else {
            return Err(ExpressionError::Pattern("`text.matches('pattern')`".to_owned()));
        };
        let Expr::Literal(LiteralValue::String(text)) = &pattern.expr else {
            return Err(ExpressionError::Pattern("this one is worked out".to_owned()));
        };
        functions::pattern(text.inner())
            .map_err(|error| ExpressionError::Pattern(error.to_string()))?;
        let args = self.all(arguments, loops)?;
        Ok(Ast {
            id,
            expr: Expr::Call(CallExpr { func_name: MATCHES.to_owned(), target: None, args }),
        })
    }

    /// Takes a lookup out: in its place stands a variable, which is set before the expression runs.
    fn lookup(
        &mut self,
        id: u64,
        kind: LookupKind,
        call: &CallExpr,
    ) -> Result<Ast, ExpressionError> {
        kind.check(call.args.len()).map_err(ExpressionError::Lookup)?;
        let text = format!(
            "{}({})",
            call.func_name,
            call.args.iter().map(render).collect::<Vec<_>>().join(", ")
        );
        let name = format!("@{text}");
        if !self.lookups.iter().any(|known| known.name == name) {
            let mut arguments = Vec::with_capacity(call.args.len());
            let mut shared = true;
            for argument in &call.args {
                // On its own: not within the loops around, whose variables differ from run to run.
                let mut inner = Compiler::new(self.names);
                let source = render(argument);
                let ast = inner.expression(argument.clone(), LOOPS).map_err(|error| match error {
                    ExpressionError::Unknown(name) if self.locals.contains(&name) => ExpressionError::Lookup(format!(
                        "`{text}` depends on the loop's {name:?}: lookups are done before loops run"
                    )),
                    ExpressionError::Loops => {
                        ExpressionError::Lookup(format!("`{text}` has a loop in it; name its result in `let`"))
                    }
                    error => error,
                })?;
                shared &=
                    inner.bindings.is_empty() && inner.lookups.iter().all(|lookup| lookup.shared);
                self.bindings.extend(inner.bindings.iter().cloned());
                let argument = inner.into_expression(&source, ast);
                arguments.push(argument);
            }
            self.lookups.push(LookupSite { name: name.clone(), text, kind, arguments, shared });
        }
        Ok(Ast { id, expr: Expr::Ident(name) })
    }

    fn comprehension(
        &mut self,
        mut loop_: ComprehensionExpr,
        loops: usize,
    ) -> Result<ComprehensionExpr, ExpressionError> {
        if loops >= LOOPS {
            return Err(ExpressionError::Loops);
        }
        loop_.iter_range = self.expression(loop_.iter_range, loops)?;
        loop_.accu_init = Ast { ..loop_.accu_init };
        let before = self.locals.len();
        self.locals.push(loop_.iter_var.clone());
        self.locals.extend(loop_.iter_var2.clone());
        self.locals.push(loop_.accu_var.clone());
        // `map` and `filter` are run by appending, which is recognised by the form of their step: the meter is
        // woven in where it leaves that form as it is.
        match loop_.loop_step.expr {
            Expr::Call(mut step) if append(&step, &loop_.accu_var).is_some() => {
                self.append_step(&mut step, loops)?;
                loop_.loop_step.expr = Expr::Call(step);
            }
            Expr::Call(mut step) if guarded_append(&step, &loop_.accu_var) => {
                let guard = self.expression(std::mem::take(&mut step.args[0]), loops + 1)?;
                step.args[0] = ticked(guard);
                if let Expr::Call(inner) = &mut step.args[1].expr {
                    self.append_step(inner, loops)?;
                }
                loop_.loop_step.expr = Expr::Call(step);
            }
            expr => {
                let step = Ast { id: loop_.loop_step.id, expr };
                loop_.loop_step = self.expression(step, loops + 1)?;
                loop_.loop_cond = ticked(loop_.loop_cond);
            }
        }
        self.locals.truncate(before);
        Ok(loop_)
    }

    /// The element that `@result + [element]` appends.
    fn append_step(&mut self, step: &mut CallExpr, loops: usize) -> Result<(), ExpressionError> {
        if let Some(Expr::List(list)) = step.args.get_mut(1).map(|argument| &mut argument.expr) {
            for element in &mut list.elements {
                let made = self.expression(std::mem::take(element), loops + 1)?;
                *element = ticked(sized(made));
            }
        }
        Ok(())
    }

    /// Notes the longest paths into the event: a trace shows what was there.
    fn note_operand(&mut self, ast: &Ast) {
        if self.operands.len() >= OPERANDS || !is_path(ast) {
            return;
        }
        let text = render(ast);
        // An expression is visited before its parts: `event.data.from` is part of `event.data.from.address`.
        let known = self.operands.iter().map(Operand::text).any(|known| {
            known == text || known.strip_prefix(&*text).is_some_and(|rest| rest.starts_with('.'))
        });
        if !known {
            let mut plain = ast.clone();
            if let Expr::Select(select) = &mut plain.expr {
                select.test = false;
            }
            let text = match &plain.expr {
                Expr::Select(_) => render(&plain),
                _ => text,
            };
            self.operands.push(Operand { variable: paths::variable(&text).into(), ast: plain });
        }
    }
}

/// Whether it is `event.…` with at least one field, or asks whether there is that.
fn is_path(ast: &Ast) -> bool {
    matches!(&ast.expr, Expr::Select(select) if paths::fields(&select.operand).is_some())
}

fn is_constant(ast: &Ast) -> bool {
    match &ast.expr {
        Expr::Literal(_) => true,
        Expr::List(list) => list.elements.iter().all(is_constant),
        _ => false,
    }
}

fn is_number(ast: &Ast) -> bool {
    matches!(
        &ast.expr,
        Expr::Literal(LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_))
    )
}

fn bounded<'a>(elements: impl Iterator<Item = &'a Ast>) -> Result<(), ExpressionError> {
    if elements.filter(|element| !is_constant(element)).count() > ELEMENTS {
        return Err(ExpressionError::Elements);
    }
    Ok(())
}

/// `@result + [element]`.
fn append<'a>(step: &'a CallExpr, accumulator: &str) -> Option<&'a Ast> {
    match step.args.as_slice() {
        [left, right]
            if step.func_name == operators::ADD
                && matches!(&left.expr, Expr::Ident(name) if name == accumulator)
                && matches!(right.expr, Expr::List(_)) =>
        {
            Some(right)
        }
        _ => None,
    }
}

/// `guard ? @result + [element] : @result`.
fn guarded_append(step: &CallExpr, accumulator: &str) -> bool {
    match step.args.as_slice() {
        [_, then, _] if step.func_name == operators::CONDITIONAL => {
            matches!(&then.expr, Expr::Call(inner) if append(inner, accumulator).is_some())
        }
        _ => false,
    }
}

/// `@tick() ? ast : false`: takes a step, then does what it did. An error of the step is not absorbed here.
fn ticked(ast: Ast) -> Ast {
    let tick = made(CallExpr { func_name: TICK.to_owned(), target: None, args: Vec::new() });
    let no = Ast { id: 0, expr: Expr::Literal(LiteralValue::Boolean(CelBool::from(false))) };
    made(CallExpr {
        func_name: operators::CONDITIONAL.to_owned(),
        target: None,
        args: vec![tick, ast, no],
    })
}

fn sized(ast: Ast) -> Ast {
    made(CallExpr { func_name: SIZED.to_owned(), target: None, args: vec![ast] })
}

fn made(call: CallExpr) -> Ast {
    Ast { id: 0, expr: Expr::Call(call) }
}
