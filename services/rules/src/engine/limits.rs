//! What an expression may be and may cost. CEL is not Turing complete, yet three loops over two hundred items
//! take half a minute (measured), and the crate has no meter.
//!
//! So an expression is bounded before it is parsed ([`scan`]), by its form (`compile.rs`) and while it runs
//! (`meter.rs`).

use std::time::Duration;

/// The longest expression, in bytes.
pub const SOURCE_BYTES: usize = 4 << 10;
/// How deep brackets may be nested.
pub const NESTING: usize = 32;
/// How many operators an expression may have: the depth of its tree is at most this.
pub const OPERATORS: usize = 400;
/// How deep loops may be nested (`all`, `exists`, `map`, `filter`).
pub const LOOPS: usize = 2;
/// How many elements, other than constants, a list or a map may be written with.
pub const ELEMENTS: usize = 64;
/// How many items of a list and fields of a map an expression gets to see.
pub const LIST_ITEMS: usize = 1_000;
/// How many bytes of one text it gets to see.
pub const TEXT_BYTES: usize = 32 << 10;
/// How many bytes of an event, or of what is looked up, it gets to see.
pub const DATA_BYTES: usize = 256 << 10;
/// What one evaluation of a rule may cost: a run of a loop costs one, as do 64 bytes that are made.
pub const STEPS: u64 = 50_000;
/// How long one evaluation of a rule may take.
pub const TIME: Duration = Duration::from_millis(500);
/// How many bytes of what was read a trace shows.
pub const TRACE_BYTES: usize = 32 << 10;
/// How many bytes all that a rule does for one event may have: each of a thousand `{{ … }}` can be a whole event.
pub const ACTIONS_BYTES: usize = 1 << 20;
/// How many things one rule may look up for one event.
pub const LOOKUPS: usize = 32;
/// The largest compiled regular expression, in bytes.
pub const PATTERN_BYTES: usize = 128 << 10;
/// How many rules of one owner one type of event may trigger.
pub const RULES_PER_TYPE: usize = 64;
/// How long a chain of events that rules cause may be.
pub const DEPTH: i32 = 8;
/// How often a rule that sends messages may act within a minute: they reach people and cost money. Where they come
/// back from outside, as answers of another machine, nothing tells that they do: so the hour and the day have limits
/// too.
pub const MESSAGES_PER_MINUTE: i64 = 60;
/// Within an hour.
pub const MESSAGES_PER_HOUR: i64 = 300;
/// Within a day.
pub const MESSAGES_PER_DAY: i64 = 1_000;
/// How often any other rule may act within a minute. The first sync of a mailbox brings thousands of things;
/// what a rule makes of them stays in the house, and a loop ends at [`DEPTH`].
pub const FIRINGS_PER_MINUTE: i64 = 6_000;

/// Why an expression is too much before it is even parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// Too long.
    #[error("it is longer than 4 KiB")]
    Long,
    /// Brackets within brackets.
    #[error("its brackets are nested deeper than 32")]
    Deep,
    /// Too many operators.
    #[error("it has more than 400 operators")]
    Wide,
}

/// Looks over an expression without parsing it: parsers recurse, and deep input is what breaks them.
///
/// # Errors
/// See [`TooMuch`].
pub fn scan(source: &str) -> Result<(), TooMuch> {
    if source.len() > SOURCE_BYTES {
        return Err(TooMuch::Long);
    }
    let (mut depth, mut operators) = (0_usize, 0_usize);
    let bytes = source.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => {
                at = end_of_text(bytes, at);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at +=
                    bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            // `in` is an operator without a sign.
            b'i' if is_word(bytes, at, b"in") => operators += 1,
            b'(' | b'[' | b'{' => {
                depth += 1;
                operators += usize::from(byte == b'[');
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'!' | b'?' | b'.' | b'<' | b'>' | b'=' | b'&'
            | b'|' => {
                operators += 1;
            }
            _ => {}
        }
        if depth > NESTING {
            return Err(TooMuch::Deep);
        }
        if operators > OPERATORS {
            return Err(TooMuch::Wide);
        }
        at += 1;
    }
    Ok(())
}

/// Whether this word stands here, and not as a part of another.
fn is_word(bytes: &[u8], at: usize, word: &[u8]) -> bool {
    let inner =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    bytes[at..].starts_with(word)
        && !inner(at.checked_sub(1).and_then(|before| bytes.get(before)))
        && !inner(bytes.get(at + word.len()))
}

/// Where a quoted text that begins here ends. Whether it is raw makes no difference to what is counted: a
/// backslash before a quote that ends a raw text makes this skip more, and the parser refuses what is wrong.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    // `r'…'`, and as bytes `br'…'` or `rb'…'`.
    let prefix = &bytes[start.saturating_sub(2)..start];
    let raw = matches!(prefix, [.., b'r' | b'R'] | [b'r' | b'R', b'b' | b'B']);
    let triple = bytes[start..].starts_with(&[quote; 3]);
    let mut at = start + if triple { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\\' && !raw {
            at += 2;
        } else if byte == quote && !triple {
            return at + 1;
        } else if triple && bytes[at..].starts_with(&[quote; 3]) {
            return at + 3;
        } else {
            at += 1;
        }
    }
    bytes.len()
}
