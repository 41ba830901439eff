//! Matches, marked: pieces of plain text, of which some are what was asked for. Never markup.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::question::{Term, TextQuery};
use crate::{Document, text};

/// How many words are shown of a longer text.
pub(crate) const SHOWN_WORDS: usize = 30;
/// The most fields of a hit in which matches are shown, of those that are lists.
const MOST_NAMES: usize = 5;

/// A part of a document with its matches marked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Highlight {
    /// Which part: `title`, `text`, `people`, `keywords`.
    pub field: String,
    /// Its text, or a piece of it around the first match, in parts that follow each other. Plain text:
    /// whoever shows it as HTML escapes it.
    pub parts: Vec<Part>,
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = HighlightPart)]
pub struct Part {
    /// The text.
    pub text: String,
    /// Whether it is what was asked for.
    pub marked: bool,
}

/// Which words count as found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matcher {
    whole: HashSet<String>,
    beginnings: Vec<String>,
}

impl Matcher {
    /// The words of a question, with those that a misspelt one may have meant.
    pub(crate) fn new<'a>(query: &TextQuery, meant: impl Iterator<Item = &'a str>) -> Self {
        let mut matcher =
            Self { whole: meant.map(str::to_owned).collect(), beginnings: Vec::new() };
        for term in &query.terms {
            match term {
                Term::Word { word, open: true } => matcher.beginnings.push(word.clone()),
                Term::Word { word, open: false } => drop(matcher.whole.insert(word.clone())),
                Term::Phrase(words) => matcher.whole.extend(words.iter().cloned()),
            }
        }
        matcher
    }

    fn finds(&self, word: &str) -> bool {
        self.whole.contains(word) || self.beginnings.iter().any(|begin| word.starts_with(&**begin))
    }

    /// The parts of a document that have matches.
    pub(crate) fn mark(&self, document: &Document) -> Vec<Highlight> {
        let mut found = Vec::new();
        let named = |field: &str, parts| Highlight { field: field.to_owned(), parts };
        found.extend(self.parts(&document.title, usize::MAX).map(|parts| named("title", parts)));
        found.extend(self.parts(&document.text, SHOWN_WORDS).map(|parts| named("text", parts)));
        for (field, names) in [("people", &document.people), ("keywords", &document.keywords)] {
            let marked = names.iter().filter_map(|name| self.parts(name, usize::MAX));
            found.extend(marked.take(MOST_NAMES).map(|parts| named(field, parts)));
        }
        found
    }

    /// A text with its matches marked, at most so many words of it; `None` where there is none.
    fn parts(&self, content: &str, most: usize) -> Option<Vec<Part>> {
        let words = text::words(content);
        let first = words.iter().position(|word| self.finds(&word.normal))?;
        let from = if words.len() > most { first.saturating_sub(most / 4) } else { 0 };
        let to = words.len().min(from.saturating_add(most));
        let begin = if from == 0 { 0 } else { words[from].range.start };
        let end = if to == words.len() { content.len() } else { words[to - 1].range.end };
        let mut parts = Vec::new();
        let mut at = begin;
        if from > 0 {
            push(&mut parts, "…", false);
        }
        for word in &words[from..to] {
            if self.finds(&word.normal) {
                push(&mut parts, &content[at..word.range.start], false);
                push(&mut parts, &content[word.range.clone()], true);
                at = word.range.end;
            }
        }
        push(&mut parts, &content[at..end], false);
        if end < content.len() {
            push(&mut parts, "…", false);
        }
        Some(parts)
    }
}

pub(crate) fn push(parts: &mut Vec<Part>, text: &str, marked: bool) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.marked == marked => last.text.push_str(text),
        _ => parts.push(Part { text: text.to_owned(), marked }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parts: &[Part]) -> String {
        parts
            .iter()
            .map(|p| if p.marked { format!("[{}]", p.text) } else { p.text.clone() })
            .collect()
    }

    #[test]
    fn matches_are_marked_in_the_text_as_it_was() {
        let matcher = Matcher::new(&TextQuery::parse("zahne dent"), ["dentist"].into_iter());
        let parts = matcher.parts("<b>Zähne</b> at the Dentist's, dental", 30).unwrap();
        assert_eq!(shown(&parts), "<b>[Zähne]</b> at the [Dentist]'s, [dental]");
        assert!(matcher.parts("nothing here", 30).is_none());
    }

    #[test]
    fn of_a_long_text_a_piece_is_shown() {
        let text = format!("{}needle {}", "hay ".repeat(500), "hay ".repeat(500));
        let matcher = Matcher::new(&TextQuery::parse("needle"), std::iter::empty());
        let shown = shown(&matcher.parts(&text, 8).unwrap());
        assert_eq!(shown, "…hay hay [needle] hay hay hay hay hay…");
    }
}
