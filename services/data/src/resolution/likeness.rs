//! How alike two names are.

/// From here on two names are nearly the same.
pub(super) const SAME_NAME: f32 = 0.9;
/// From here on two people without anything else in common may be one.
pub(super) const SIMILAR_NAME: f32 = 0.93;

/// So much of a name is looked at: ten words of it, each to its 64th letter. A name is whatever a source calls
/// one, and comparing two takes time by the product of their lengths.
const LETTERS: usize = 400;
const WORDS: usize = 10;
const LETTERS_OF_A_WORD: usize = 64;

/// The words of a name, in small letters.
pub(super) fn words(name: &str) -> Vec<String> {
    let end = name.char_indices().nth(LETTERS).map_or(name.len(), |(end, _)| end);
    name[..end]
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .map(|word| word.chars().take(LETTERS_OF_A_WORD).flat_map(char::to_lowercase).collect())
        .collect()
}

/// How alike two names are, from 0 to 1, whatever the order of their words.
pub(super) fn likeness(one: &str, other: &str) -> f32 {
    let (mut one, mut other) = (words(one), words(other));
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    let as_written = strsim::jaro_winkler(&one.join(" "), &other.join(" "));
    one.sort_unstable();
    other.sort_unstable();
    let in_order = strsim::jaro_winkler(&one.join(" "), &other.join(" "));
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
    let likeness = as_written.max(in_order) as f32;
    likeness
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_whatever_their_order_and_case() {
        assert!(likeness("Ada Lovelace", "LOVELACE, Ada") >= 0.999);
        assert!(likeness("Ada Lovelace", "Ada Lovelac") >= SAME_NAME);
        assert!(likeness("Jürgen Müller", "jürgen müller") >= 0.999);
        assert!(likeness("Ada Lovelace", "Charles Babbage") < SAME_NAME);
        assert!(likeness("Anna Huber", "Hans Huber") < SAME_NAME);
        assert!(likeness("", "Ada") < f32::EPSILON);
    }

    #[test]
    fn of_an_endless_name_only_the_beginning_counts() {
        let long = "x".repeat(500_000);
        assert_eq!(words(&long), ["x".repeat(64)]);
        assert!(likeness(&long, &format!("{long}y")) >= 0.999);
    }
}
