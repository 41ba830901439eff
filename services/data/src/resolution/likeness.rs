//! How alike two names are.

/// From here on two names are nearly the same.
pub(super) const SAME_NAME: f32 = 0.9;
/// From here on two people without anything else in common may be one.
pub(super) const SIMILAR_NAME: f32 = 0.93;

/// The words of a name, in small letters.
pub(super) fn words(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(10)
        .map(str::to_lowercase)
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
}
