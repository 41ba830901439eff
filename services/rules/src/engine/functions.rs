//! The functions that conditions may call, beside CEL's own.

use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelString};
use cel::common::value::CowVal;
use cel::{Context, Env, ExecutionError, FunctionContext};
use moka::sync::Cache;
use regex::{Regex, RegexBuilder};

use super::limits::{PATTERN_BYTES, TEXT_BYTES};
use super::meter::Meter;
use super::value::weight;

/// Takes a step, and is true. Names with `@` cannot be written in CEL: only the compiler makes such calls.
pub(crate) const TICK: &str = "@tick";
/// Gives back its argument, and takes steps for its size.
pub(crate) const SIZED: &str = "@sized";
/// `matches`, with patterns that were compiled before.
pub(crate) const MATCHES: &str = "@matches";

/// Functions that a condition may call: CEL's standard ones, and `lower` and `upper`.
pub(crate) const KNOWN: &[&str] = &[
    "bool",
    "bytes",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "hasValue",
    "int",
    "lower",
    "none",
    "of",
    "ofNonZeroValue",
    "or",
    "orValue",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
    "upper",
    "value",
];

/// CEL's standard environment, which all programs and contexts share.
pub(crate) static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

static PATTERNS: LazyLock<Cache<String, Regex>> =
    LazyLock::new(|| Cache::builder().max_capacity(2_000).build());

/// What CEL's registry of functions takes.
type Function = Box<
    dyn for<'context, 'call> Fn(
            &mut FunctionContext<'context, 'call>,
        ) -> Result<CowVal<'context, 'call>, ExecutionError>
        + Send
        + Sync,
>;

/// Compiles a pattern: by the linear engine, and not beyond a size.
///
/// # Errors
/// It is none, or too large.
pub(crate) fn pattern(text: &str) -> Result<Regex, regex::Error> {
    if let Some(known) = PATTERNS.get(text) {
        return Ok(known);
    }
    let made =
        RegexBuilder::new(text).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build()?;
    PATTERNS.insert(text.to_owned(), made.clone());
    Ok(made)
}

/// A context with these functions and nothing else.
pub(crate) fn context<'v>(
    meter: &Arc<Meter>,
) -> Result<Context<'static, 'v>, cel::DeclarationError> {
    let mut context = Context::with_env(Arc::clone(&STANDARD));
    let ticks = Arc::clone(meter);
    context.add_function(TICK, move || ticks.take(1).map(|()| cel::Value::Bool(true)))?;
    let sizes = Arc::clone(meter);
    let sized: Function = Box::new(move |call| {
        // Taken, not copied: it is handed on as it is.
        let value = call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
        let bytes = weight(value.as_ref());
        sizes.take(1 + (bytes / 64) as u64)?;
        if value.downcast_ref::<CelString>().is_some() && bytes > TEXT_BYTES * 2 {
            return Err(ExecutionError::function_error("limit", "a text grows beyond 64 KiB"));
        }
        Ok(value)
    });
    context.add_function::<Function, _>(SIZED, sized)?;
    let looked_through = Arc::clone(meter);
    let matches: Function = Box::new(move |call| {
        let (text, expression) = (argument(call, 0)?, argument(call, 1)?);
        let (Some(text), Some(expression)) =
            (text.downcast_ref::<CelString>(), expression.downcast_ref::<CelString>())
        else {
            return Err(ExecutionError::function_error("matches", "it takes a text"));
        };
        // Linear in the text, times the pattern: a large pattern takes half a second for 32 KiB.
        looked_through.take_slow(1 + (text.inner().len() / 64) as u64)?;
        let regex = pattern(expression.inner())
            .map_err(|error| ExecutionError::function_error("matches", error))?;
        Ok(CowVal::owned(CelBool::from(regex.is_match(text.inner()))))
    });
    context.add_function::<Function, _>(MATCHES, matches)?;
    context.add_function::<Function, _>("lower", with_text("lower", str::to_lowercase))?;
    context.add_function::<Function, _>("upper", with_text("upper", str::to_uppercase))?;
    Ok(context)
}

/// A function of a text, callable as `f(x)` and `x.f()`.
fn with_text(name: &'static str, change: fn(&str) -> String) -> Function {
    Box::new(move |call| {
        let value = match &call.this {
            Some(this) => this.clone(),
            None => argument(call, 0)?,
        };
        let Some(text) = value.downcast_ref::<CelString>() else {
            return Err(ExecutionError::function_error(name, "it takes a text"));
        };
        Ok(CowVal::owned(CelString::from(change(text.inner()))))
    })
}

fn argument<'context, 'call>(
    call: &FunctionContext<'context, 'call>,
    index: usize,
) -> Result<CowVal<'context, 'call>, ExecutionError> {
    call.args
        .get(index)
        .cloned()
        .ok_or_else(|| ExecutionError::invalid_argument_count(index + 1, call.args.len()))
}
