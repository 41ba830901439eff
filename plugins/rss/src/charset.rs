//! What the bytes of a feed are.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};

/// How far a declaration may reach into a document.
const DECLARATION: usize = 256;

/// The body as the parser can read it. A mark at its beginning and its own declaration count first; where there
/// is neither, and it is no UTF-8, what HTTP says (RFC 7303, section 3), and else what old programs write.
pub fn readable<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, [u8]> {
    let is_marked = body.starts_with(&[0xff, 0xfe]) || body.starts_with(&[0xfe, 0xff]);
    if is_marked || declares(body) || std::str::from_utf8(body).is_ok() {
        return Cow::Borrowed(body);
    }
    let told = content_type.and_then(charset).and_then(|name| Encoding::for_label(name.as_bytes()));
    let (text, _, _) = told.unwrap_or(WINDOWS_1252).decode(body);
    Cow::Owned(text.into_owned().into_bytes())
}

/// Whether the XML declaration names an encoding.
fn declares(body: &[u8]) -> bool {
    let start = &body[..body.len().min(DECLARATION)];
    let start = String::from_utf8_lossy(start);
    let Some(declaration) = start.trim_start().strip_prefix("<?xml") else { return false };
    declaration.split("?>").next().is_some_and(|inside| inside.contains("encoding"))
}

/// The parameter of a media type.
fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })
}
