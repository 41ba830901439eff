//! Text: without control characters, bounded, and HTML as what people read of it.

use std::borrow::Cow;

use html_escape::decode_html_entities;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// The most bytes of one text; what is longer is cut.
pub(crate) const LONGEST_TEXT: usize = 128 << 10;
/// The most bytes of HTML that are read.
const LONGEST_HTML: usize = 1 << 20;

/// Text as it is kept: letters in one form (Unicode's NFC: some systems write an ü as two characters), lines end
/// with `\n`, other control characters are gone, at most [`LONGEST_TEXT`] bytes. `None` where nothing is left.
pub(crate) fn written(text: &str) -> Option<String> {
    let mut kept = String::with_capacity(text.len().min(LONGEST_TEXT));
    let text = up_to(text.trim(), 4 * LONGEST_TEXT);
    let text = match is_nfc(text) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.nfc().collect::<String>()),
    };
    for c in text.replace("\r\n", "\n").chars() {
        let c = if c == '\r' { '\n' } else { c };
        if c.is_control() && c != '\n' && c != '\t' {
            continue;
        }
        if kept.len() + c.len_utf8() > LONGEST_TEXT {
            break;
        }
        kept.push(c);
    }
    (!kept.is_empty()).then_some(kept)
}

/// Text of one line: its spaces are single.
pub(crate) fn line(text: &str) -> Option<String> {
    let kept = written(text)?;
    let line = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

/// A name of a person, a place, a thing: one line, without the quotation marks that mail programs put
/// around it.
pub(crate) fn name(text: &str) -> Option<String> {
    let line = line(text)?;
    let bare = match (line.strip_prefix(['"', '\'']), line.chars().next()) {
        (Some(rest), Some(mark)) => rest.strip_suffix(mark).unwrap_or(&line).trim(),
        _ => &line,
    };
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// What mail programs of several languages put before the subject of an answer or of what is passed on.
const ANSWERS: [&str; 12] =
    ["re", "aw", "antw", "sv", "vs", "rif", "res", "fw", "fwd", "wg", "tr", "enc"];

/// The subject of a conversation: one line, without what answers put before it.
pub(crate) fn thread(text: &str) -> Option<String> {
    let line = line(text)?;
    let mut subject = line.as_str();
    while let Some((before, after)) = subject.split_once(':') {
        let word = before.trim().split('[').next().unwrap_or_default();
        if !ANSWERS.iter().any(|answer| word.eq_ignore_ascii_case(answer)) {
            break;
        }
        subject = after.trim_start();
    }
    (!subject.is_empty()).then(|| subject.to_owned())
}

/// JSON text as Postgres keeps it.
pub(crate) fn without_nul(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() }
}

/// What people read of HTML: paragraphs are lines, scripts and styles are nothing.
pub(crate) fn html_to_text(html: &str) -> Option<String> {
    let html = up_to(html, LONGEST_HTML);
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        push_words(&mut text, &rest[..start]);
        rest = &rest[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        if !is_tag {
            text.push('<');
            rest = &rest[1..];
            continue;
        }
        let Some(end) = tag_end(rest) else {
            // A tag that does not end holds no text.
            rest = "";
            break;
        };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        let closing = tag.starts_with('/');
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(16)
            .collect::<String>()
            .to_ascii_lowercase();
        match name.as_str() {
            "script" | "style" | "head" | "title" | "template" | "noscript"
                if !closing && !tag.ends_with('/') =>
            {
                rest = after_closing(rest, &name);
            }
            "br" => text.push('\n'),
            "li" if !closing => begin_line(&mut text, 1, "- "),
            "p" | "div" | "section" | "article" | "blockquote" | "pre" | "ul" | "ol" | "table"
            | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "hr" | "header" | "footer" | "figure" => {
                let lines = if matches!(name.as_str(), "div" | "ul" | "ol") { 1 } else { 2 };
                begin_line(&mut text, lines, "");
            }
            "tr" | "li" | "dt" | "dd" => begin_line(&mut text, 1, ""),
            "td" | "th" => text.push(' '),
            _ => {}
        }
    }
    push_words(&mut text, rest);
    let decoded = decode_html_entities(&text);
    let lines: Vec<&str> =
        decoded.split('\n').map(|line| line.trim_matches([' ', '\t', '\u{a0}'])).collect();
    let mut tidy = String::with_capacity(decoded.len());
    let mut empty = 0;
    for line in lines {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty > 1 {
            continue;
        }
        tidy.push_str(line);
        tidy.push('\n');
    }
    written(&tidy)
}

/// Where a tag ends: a `>` within quotation marks does not end it.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(mark), byte) if mark == byte => quote = None,
            _ => {}
        }
    }
    // Quotation marks that do not pair.
    tag.find('>')
}

/// What follows the closing tag of this name.
fn after_closing<'a>(rest: &'a str, name: &str) -> &'a str {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</") {
        let start = from + at + 2;
        let found = rest.as_bytes().get(start..start + name.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes())) {
            return rest[start..].find('>').map_or("", |end| &rest[start + end + 1..]);
        }
        from = start;
    }
    ""
}

/// In HTML a line's end is a space, and many are one.
fn push_words(text: &mut String, words: &str) {
    for c in words.chars() {
        if c.is_ascii_whitespace() {
            if !text.is_empty() && !text.ends_with([' ', '\n']) {
                text.push(' ');
            }
        } else {
            text.push(c);
        }
    }
}

fn begin_line(text: &mut String, lines: usize, with: &str) {
    while text.ends_with(' ') {
        text.pop();
    }
    if !text.is_empty() {
        let have = text.bytes().rev().take_while(|byte| *byte == b'\n').count();
        for _ in have..lines {
            text.push('\n');
        }
    }
    text.push_str(with);
}

fn up_to(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_as_people_read_it() {
        let html = "<html><head><title>x</title><style>p{}</style></head><body><p>Dear  Ada,</p>\n\
                    <p>see <a title=\"a>b\" href='x'>this</a> &amp; that<br>now</p><ul><li>one<li>two</ul>\
                    <script>if (a</b) alert('</')</SCRIPT >2 < 3</body>";
        assert_eq!(
            html_to_text(html).unwrap(),
            "Dear Ada,\n\nsee this & that\nnow\n\n- one\n- two\n2 < 3"
        );
        assert_eq!(html_to_text("<p> &nbsp; </p>"), None);
        assert_eq!(html_to_text("plain &lt;b&gt;").unwrap(), "plain <b>");
    }

    #[test]
    fn hostile_html_takes_no_time() {
        let begin = std::time::Instant::now();
        for unit in ["<script>", "</", "<!--", "<a \"", "<p", "&amp"] {
            html_to_text(&unit.repeat((2 << 20) / unit.len()));
        }
        assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
    }

    #[test]
    fn text_is_bounded_and_without_control_characters() {
        assert_eq!(written(" a\r\nb\u{0}\u{7}c ").unwrap(), "a\nbc");
        assert_eq!(written(&"ä".repeat(LONGEST_TEXT)).unwrap().len(), LONGEST_TEXT);
        assert_eq!(line("a \n\t b").unwrap(), "a b");
        assert_eq!(name("\"Ada  Lovelace\"").unwrap(), "Ada Lovelace");
        assert_eq!(name("'til noon").unwrap(), "'til noon");
        assert_eq!(name(" \u{0} "), None);
        assert_eq!(name("Mu\u{308}ller").unwrap(), "M\u{fc}ller", "in one form");
        let marks = "\u{308}\u{323}".repeat(LONGEST_TEXT);
        assert!(written(&marks).unwrap().len() <= LONGEST_TEXT);
        assert_eq!(thread("AW: Re[2]: RE: Lunch: when?").unwrap(), "Lunch: when?");
        assert_eq!(thread("Re:"), None);
    }
}
