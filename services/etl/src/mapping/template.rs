//! Text with paths in braces.

use super::compile::MappingError;
use super::path::Path;

/// The longest template, in bytes.
const LONGEST: usize = 500;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Path(Path),
}

/// Reads a template; `{{` and `}}` stand for braces.
pub(super) fn parse(text: &str) -> Result<Vec<Piece>, MappingError> {
    if text.len() > LONGEST || text.contains('\0') {
        return Err(MappingError::new(format!(
            "a template has at most {LONGEST} bytes, none of them NUL"
        )));
    }
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..at + 1];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = after;
            continue;
        }
        let end = match brace {
            "{" => rest.find('}'),
            _ => None,
        };
        let Some(end) = end else {
            return Err(MappingError::new(format!(
                "the template {text:?} has a brace without its other"
            )));
        };
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Path(Path::parse(&rest[..end])?));
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    if pieces.iter().any(|piece| matches!(piece, Piece::Path(_))) {
        Ok(pieces)
    } else {
        Err(MappingError::new(format!("the template {text:?} has no path; say `constant`")))
    }
}
