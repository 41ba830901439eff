//! What is asked: text, filters, and which part of the answer.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use serde::{Deserialize, Serialize};

use crate::text;

/// The longest text of a question, in characters.
pub(crate) const LONGEST: usize = 200;
/// More words than these are not looked at.
const MOST_TERMS: usize = 16;

/// A question to the index.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The text; empty: everything, the newest first.
    pub text: TextQuery,
    /// What narrows it down.
    pub filters: Filters,
    /// Which counts are wanted.
    pub facets: Vec<FacetKind>,
    /// Whether matches are to be marked.
    pub highlight: bool,
    /// Where to go on.
    pub after: Option<Place>,
    /// At most so many hits.
    pub limit: usize,
}

/// What narrows a question down; every part that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// One of these types.
    pub types: Vec<String>,
    /// In one of these spaces.
    pub spaces: Vec<SpaceId>,
    /// With all of these labels.
    pub labels: Vec<String>,
    /// Happens then or later.
    pub from: Option<DateTime<Utc>>,
    /// Happens before.
    pub to: Option<DateTime<Utc>>,
}

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FacetKind {
    /// Types of entities.
    Type,
    /// Spaces.
    Space,
    /// Labels.
    Label,
}

impl FacetKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Type, Self::Space, Self::Label];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Space => "space",
            Self::Label => "label",
        }
    }
}

/// Where the next part of an answer begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// After this many hits.
    Offset(usize),
    /// After the hit with this score and id, scores being those of this time.
    Score {
        /// When the first part was asked for: how new something is counts.
        at: DateTime<Utc>,
        /// The score, as the bits of a 64-bit float, so that it comes back as it was.
        bits: u64,
        /// The entity.
        id: uuid::Uuid,
    },
    /// After what was recorded then, and has this id.
    Recorded {
        /// When.
        at: DateTime<Utc>,
        /// The entity.
        id: uuid::Uuid,
    },
}

/// The text of a question, taken apart. Quotes make a phrase, a minus before a word or phrase leaves out
/// what has it, and the last word may be unfinished. Everything else separates words: no text means
/// anything worse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextQuery {
    /// As it was asked, without what no text holds.
    pub(crate) plain: String,
    /// What must be found.
    pub(crate) terms: Vec<Term>,
    /// What must not.
    pub(crate) without: Vec<Term>,
}

/// A word or a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    /// A word; `open`: it may be the beginning of one.
    Word {
        /// Its normal form.
        word: String,
        /// Whether it may go on.
        open: bool,
    },
    /// Words that follow each other.
    Phrase(Vec<String>),
}

impl TextQuery {
    /// Takes a text apart; never fails.
    pub fn parse(asked: &str) -> Self {
        let plain: String = asked
            .chars()
            .take(LONGEST)
            .map(|character| if is_text(character) { character } else { ' ' })
            .collect();
        let mut query = Self { plain: plain.trim().to_owned(), ..Self::default() };
        let mut rest = plain.as_str();
        while !rest.is_empty() {
            let (piece, quoted, minus, after) = piece(rest);
            let ends = after.is_empty();
            rest = after;
            for term in terms_of(piece, quoted, ends && !minus) {
                let terms = if minus { &mut query.without } else { &mut query.terms };
                if terms.len() < MOST_TERMS {
                    terms.push(term);
                }
            }
        }
        // Everything but something is no question that an index answers well.
        if query.terms.is_empty() {
            query.without.clear();
        }
        query
    }

    /// Whether no word is asked for.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The words asked for, in their normal form.
    pub(crate) fn normal(&self) -> String {
        let words: Vec<&str> = self.terms.iter().flat_map(Term::words).collect();
        words.join(" ")
    }
}

impl Term {
    pub(crate) fn words(&self) -> Vec<&str> {
        match self {
            Self::Word { word, .. } => vec![word],
            Self::Phrase(words) => words.iter().map(String::as_str).collect(),
        }
    }
}

fn is_text(character: char) -> bool {
    !character.is_control() && !('\u{e000}'..='\u{e003}').contains(&character)
}

/// The next piece of a question: its text, whether it is in quotes, whether a minus stands before it, and
/// what follows.
fn piece(text: &str) -> (&str, bool, bool, &str) {
    let text = text.trim_start();
    let unsigned = text.strip_prefix('-').filter(|rest| !rest.starts_with([' ', '-']));
    let (minus, text) = unsigned.map_or((false, text), |rest| (true, rest));
    if let Some(quoted) = text.strip_prefix('"') {
        let (inside, after) = quoted.split_once('"').unwrap_or((quoted, ""));
        return (inside, true, minus, after);
    }
    let end = text.find(|next: char| next.is_whitespace() || next == '"').unwrap_or(text.len());
    (&text[..end], false, minus, &text[end..])
}

/// The terms of a piece: words, or one phrase. Characters of scripts without spaces that touch each other
/// are a phrase as well.
fn terms_of(piece: &str, quoted: bool, open: bool) -> Vec<Term> {
    let words = text::words(piece);
    if quoted {
        let phrase: Vec<String> = words.into_iter().map(|word| word.normal).collect();
        return match phrase.len() {
            0 => Vec::new(),
            1 => phrase.into_iter().map(|word| Term::Word { word, open: false }).collect(),
            _ => vec![Term::Phrase(phrase)],
        };
    }
    let mut runs: Vec<Vec<String>> = Vec::new();
    for word in words {
        match runs.last_mut() {
            Some(run) if word.joined => run.push(word.normal),
            _ => runs.push(vec![word.normal]),
        }
    }
    let count = runs.len();
    let term = |(number, run): (usize, Vec<String>)| match <[String; 1]>::try_from(run) {
        Ok([word]) => Term::Word { word, open: open && number + 1 == count },
        Err(run) => Term::Phrase(run),
    };
    runs.into_iter().enumerate().map(term).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &str, open: bool) -> Term {
        Term::Word { word: word.to_owned(), open }
    }

    #[test]
    fn quotes_make_phrases_and_a_minus_leaves_out() {
        let query = TextQuery::parse("Zähne \"Dr. Meier\" -invoice den");
        let phrase = Term::Phrase(vec!["dr".to_owned(), "meier".to_owned()]);
        assert_eq!(query.terms, [word("zahne", false), phrase, word("den", true)]);
        assert_eq!(query.without, [word("invoice", false)]);
        assert_eq!(query.normal(), "zahne dr meier den");
    }

    #[test]
    fn hostile_and_empty_questions_mean_nothing_bad() {
        for text in [
            "",
            "   ",
            "-",
            "--",
            "\"",
            "\"\"",
            "-\"x",
            "' & | ! <-> :* ( )",
            "\\\\",
            "\u{0}\u{e000}",
        ] {
            let query = TextQuery::parse(text);
            assert!(query.is_empty() && query.without.is_empty(), "{text:?} gave {query:?}");
        }
        assert_eq!(TextQuery::parse("a'b:*").terms, [word("a", false), word("b", true)]);
        assert_eq!(TextQuery::parse(&"x ".repeat(500)).terms.len(), MOST_TERMS);
    }

    #[test]
    fn scripts_without_spaces_are_asked_for_as_phrases() {
        let query = TextQuery::parse("東京");
        assert_eq!(query.terms, [Term::Phrase(vec!["東".to_owned(), "京".to_owned()])]);
    }
}
