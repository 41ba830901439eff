//! The default adapter: Postgres itself.
//!
//! Words are looked up in an inverted index (`tsvector`) whose words this service makes itself, the same
//! way for documents and questions. A misspelt word is looked for as the words of the vocabulary that are
//! most like it: trigrams find candidates, the edit distance decides. What matches, or the newest of it where
//! that is much, is ordered by how close the words stand together (cover density) and how new it is; the best
//! of it again by the words exactly as they were asked and the likeness of the title.

use async_trait::async_trait;
use contracts::access::Permitted;
use spine::{Spine, Tx};
use strsim::osa_distance;

use super::{Found, Index};
use crate::highlight::Matcher;
use crate::question::Term;
use crate::store::generations::Generation;
use crate::store::search::{self, Asked};
use crate::store::vocabulary;
use crate::{Place, Question, SearchError, TextQuery};

/// The most words that a misspelt one may have meant.
const MOST_MEANT: usize = 20;

/// Searches the table of documents.
pub(crate) struct PostgresIndex {
    pub(crate) spine: Spine,
}

#[async_trait]
impl Index for PostgresIndex {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn searches_the_table(&self) -> bool {
        true
    }

    fn written(&self, _: &mut Tx) -> Result<(), SearchError> {
        Ok(())
    }

    async fn catch_up(&self, _: &Generation) -> Result<(), SearchError> {
        Ok(())
    }

    async fn search(
        &self,
        generation: &Generation,
        question: &Question,
        permitted: &Permitted,
    ) -> Result<Found, SearchError> {
        if permitted.is_nothing() {
            return Ok(Found::default());
        }
        let pool = self.spine.pool();
        let misspelt: Vec<(usize, &str, bool)> = question
            .text
            .terms
            .iter()
            .enumerate()
            .filter_map(|(number, term)| match term {
                Term::Word { word, open } if errors(word) > 0 => Some((number, &**word, *open)),
                _ => None,
            })
            .collect();
        let candidates = match misspelt.is_empty() {
            true => Vec::new(),
            false => {
                let words =
                    misspelt.iter().map(|(_, word, _)| (*word).to_owned()).collect::<Vec<_>>();
                vocabulary::like(pool, generation.id, &words).await?
            }
        };
        let mut meant: Vec<Vec<String>> = vec![Vec::new(); question.text.terms.len()];
        for (place, (number, word, open)) in misspelt.iter().enumerate() {
            let like = candidates.iter().filter(|candidate| candidate.place == place);
            meant[*number] = closest(word, *open, like.map(|candidate| candidate.word.as_str()));
        }
        let asked = Asked {
            generation: generation.id,
            exact: statement(&question.text, None),
            wide: statement(&question.text, Some(&meant)),
            normal: question.text.normal(),
            now: match &question.after {
                Some(Place::Score { at, .. }) => *at,
                _ => self.spine.clock().now(),
            },
        };
        let mut found = search::hits(pool, &asked, question, permitted).await?;
        if !question.facets.is_empty() {
            found.facets = search::facets(pool, &asked, question, permitted).await?;
        }
        if question.highlight && !question.text.is_empty() {
            let matcher = Matcher::new(&question.text, meant.iter().flatten().map(String::as_str));
            for hit in &mut found.hits {
                hit.highlights = matcher.mark(&hit.document);
            }
        }
        Ok(found)
    }

    async fn discard(&self, _: &Generation) -> Result<(), SearchError> {
        Ok(())
    }
}

/// How many typing errors a word may have: none in short ones and in numbers, which would mean anything.
fn errors(word: &str) -> usize {
    match word.chars().count() {
        _ if word.chars().any(char::is_numeric) => 0,
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

/// Those of the candidates that differ from the word by few enough typing errors, the closest first. Of
/// an unfinished word, beginnings are compared as well.
fn closest<'a>(word: &str, open: bool, candidates: impl Iterator<Item = &'a str>) -> Vec<String> {
    let length = word.chars().count();
    let mut close: Vec<(usize, &str)> = candidates
        .filter(|candidate| *candidate != word)
        .filter_map(|candidate| {
            let mut distance = osa_distance(word, candidate);
            if open {
                let beginning: String = candidate.chars().take(length).collect();
                distance = distance.min(osa_distance(word, &beginning));
            }
            (distance <= errors(word)).then_some((distance, candidate))
        })
        .collect();
    close.sort_unstable();
    close.into_iter().take(MOST_MEANT).map(|(_, word)| word.to_owned()).collect()
}

/// The question as a `tsquery`: every term in one of the spellings that may be meant, an open one also as
/// the beginning of a word; or, where nothing else may be meant, exactly as it was asked. Nothing of what
/// is not wanted. Words hold letters and digits only; they are quoted all the same.
fn statement(query: &TextQuery, meant: Option<&[Vec<String>]>) -> String {
    let term = |term: &Term, spellings: &[String]| {
        let mut ways = vec![match term {
            Term::Word { word, open: true } if meant.is_some() => format!("{}:*", quoted(word)),
            Term::Word { word, .. } => quoted(word),
            Term::Phrase(words) => {
                words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" <-> ")
            }
        }];
        ways.extend(spellings.iter().map(|word| quoted(word)));
        format!("({})", ways.join(" | "))
    };
    let spellings =
        |number: usize| meant.and_then(|all| all.get(number)).map_or(&[][..], Vec::as_slice);
    let wanted = query.terms.iter().enumerate();
    let wanted = wanted.map(|(number, wanted)| term(wanted, spellings(number)));
    let unwanted = query.without.iter().map(|unwanted| format!("!{}", term(unwanted, &[])));
    wanted.chain(unwanted).collect::<Vec<_>>().join(" & ")
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_becomes_a_statement_with_every_spelling() {
        let query = TextQuery::parse("\"dr meier\" dentst -bill");
        let meant = vec![Vec::new(), vec!["dentist".to_owned()]];
        assert_eq!(
            statement(&query, Some(&meant)),
            "('dr' <-> 'meier') & ('dentst' | 'dentist') & !('bill')"
        );
        assert_eq!(statement(&TextQuery::parse("den"), Some(&[])), "('den':*)");
        assert_eq!(statement(&TextQuery::parse("den"), None), "('den')");
    }

    #[test]
    fn words_with_few_typing_errors_are_close() {
        let words = ["dentist", "dental", "dentists", "tennis"];
        assert_eq!(closest("dentst", false, words.into_iter()), ["dentist"]);
        assert_eq!(closest("dantis", true, words.into_iter()), ["dentist", "dentists"]);
        assert_eq!(closest("dentist", false, words.into_iter()), ["dentists"]);
        assert_eq!(closest("appointmnet", false, ["appointment"].into_iter()), ["appointment"]);
    }
}
