//! How deep a policy's text goes: what comes from people is read by functions that call themselves.

/// So many brackets may be open at once.
const DEEPEST: usize = 32;
/// So many operators a single policy may have: `a && b && c` is as deep as it is long.
const LONGEST: usize = 1_000;
/// An `if` is as much as so many of them: its parts are whole expressions.
const IF: usize = 10;

/// Whether reading this text takes a reasonable depth of calls, however it is meant.
///
/// # Errors
/// Which limit it is beyond.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut bytes = text.bytes().peekable();
    let (mut open, mut operators) = (0_usize, 0_usize);
    let mut word = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            word.push(byte);
            continue;
        }
        operators += if word == b"if" { IF } else { 0 };
        word.clear();
        match byte {
            b'"' => {
                // To the end of the text in it; what is not closed is refused later.
                while let Some(inside) = bytes.next() {
                    match inside {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'/' if bytes.peek() == Some(&b'/') => {
                while bytes.next_if(|inside| !matches!(inside, b'\n' | b'\r')).is_some() {}
            }
            b'(' | b'[' | b'{' => {
                open += 1;
                operators += 1;
            }
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'&' | b'|' | b'!' | b'-' | b'+' | b'*' | b'.' | b'@' => operators += 1,
            b';' => operators = 0,
            _ => {}
        }
        if open > DEEPEST {
            return Err(format!("more than {DEEPEST} brackets are open at once"));
        }
        if operators > LONGEST {
            return Err(format!("a single policy has more than {LONGEST} operators"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_too_deep_is_told_and_texts_and_comments_do_not_count() {
        let policy = |condition: &str| {
            format!("permit (principal, action, resource) when {{ {condition} }};")
        };
        let nested = |open: &str, close: &str, depth| {
            policy(&format!("{}true{}", open.repeat(depth), close.repeat(depth)))
        };
        assert!(check(&nested("(", ")", 20)).is_ok());
        assert!(check(&nested("(", ")", 40)).is_err());
        assert!(check(&nested("[", "]", 40)).is_err());
        assert!(check(&nested("if true then true else ", "", 2_000)).is_err());
        assert!(check(&nested("true && ", "", 2_000)).is_err());
        assert!(check(&policy(&format!("context{}", ".a".repeat(2_000)))).is_err());
        assert!(check(&policy(&format!(r#"context.purpose == "{}""#, "(&".repeat(2_000)))).is_ok());
        assert!(check(&policy(r#"context.purpose == "\"((((" "#)).is_ok());
        assert!(check(&format!("// {}\n{}", "(".repeat(2_000), policy("true"))).is_ok());
        assert!(check(&policy("true").repeat(500)).is_ok(), "each policy counts for itself");
    }
}
