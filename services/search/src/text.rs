//! Words of a text, in one form for indexing, asking and marking.
//!
//! A word is a run of letters and digits, without accents and in lower case. Scripts that write no
//! spaces give a word for each character: a run of them is looked for as a phrase, which finds any part of
//! a longer run. So do pictograms, whatever their colour: people name things by them. Words are not stemmed: what is kept is in many languages, often not known which, and
//! forms of a word are alike enough to be found as its misspellings are.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// Longer words are cut: nobody types them.
const LONGEST_WORD: usize = 64;

/// A word in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Its normal form.
    pub(crate) normal: String,
    /// Where it is, in bytes.
    pub(crate) range: Range<usize>,
    /// It follows the word before without anything between.
    pub(crate) joined: bool,
}

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut start: Option<usize> = None;
    let finish = |range: Range<usize>, words: &mut Vec<Word>| {
        let normal = normal_form(&text[range.clone()]);
        if !normal.is_empty() {
            let joined = words.last().is_some_and(|last: &Word| last.range.end == range.start);
            words.push(Word { normal, range, joined });
        }
    };
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        if writes_no_spaces(character) || is_pictogram(character) {
            if let Some(start) = start.take() {
                finish(start..at, &mut words);
            }
            finish(at..end, &mut words);
        } else if character.is_alphanumeric() || (start.is_some() && is_combining_mark(character)) {
            start.get_or_insert(at);
        } else if let Some(start) = start.take() {
            finish(start..at, &mut words);
        }
    }
    if let Some(start) = start {
        finish(start..text.len(), &mut words);
    }
    words
}

/// Lower case, compatibility forms made plain, accents left out; vowel signs of Indic scripts and the
/// voicing marks of kana stay, as they are no accents.
fn normal_form(word: &str) -> String {
    let plain: String = word
        .nfkd()
        .filter(|character| {
            // Voicing marks join their kana again.
            canonical_combining_class(*character) == 0
                || matches!(character, '\u{3099}' | '\u{309a}')
        })
        .nfc()
        .flat_map(char::to_lowercase)
        .filter(|character| {
            let is_of_words = character.is_alphanumeric()
                || is_combining_mark(*character)
                || is_pictogram(*character);
            // The tatweel only stretches a word.
            is_of_words && canonical_combining_class(*character) == 0 && *character != '\u{640}'
        })
        .collect();
    let mut folded = String::with_capacity(plain.len());
    for character in plain.chars().take(LONGEST_WORD) {
        match character {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            other => folded.push(other),
        }
    }
    folded
}

/// Han, kana, Thai, Lao, Khmer and Myanmar.
fn writes_no_spaces(character: char) -> bool {
    matches!(u32::from(character),
        0x0e01..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3041..=0x30ff | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
        && character.is_alphanumeric()
}

/// Pictures and the letters of flags; not what only says how they are shown (skin tones, variants).
fn is_pictogram(character: char) -> bool {
    matches!(u32::from(character),
        0x2600..=0x27bf | 0x2b50 | 0x2b55 | 0x1f000..=0x1f0ff | 0x1f1e6..=0x1f1ff
        | 0x1f300..=0x1f3fa | 0x1f400..=0x1faff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.normal).collect()
    }

    #[test]
    fn words_have_no_case_and_no_accents() {
        assert_eq!(
            normal("Müller's Café, GRÖSSE Straße"),
            ["muller", "s", "cafe", "grosse", "strasse"]
        );
        assert_eq!(normal("Cafe\u{301} ﬁn Łódź"), ["cafe", "fin", "lodz"]);
        assert_eq!(
            normal("mail@example.org +43 1-555"),
            ["mail", "example", "org", "43", "1", "555"]
        );
        assert_eq!(normal("\u{301}\u{0} ... ½"), ["12"]);
    }

    #[test]
    fn scripts_without_spaces_give_their_characters() {
        let found = words("東京 タワーABC");
        let normal: Vec<_> = found.iter().map(|word| (word.normal.as_str(), word.joined)).collect();
        assert_eq!(normal[0], ("東", false));
        assert_eq!(normal[1], ("京", true));
        assert_eq!(normal.last(), Some(&("abc", true)));
    }

    #[test]
    fn pictograms_are_words_in_every_colour() {
        assert_eq!(normal("🎂Anna's ❤\u{fe0f}, 👍🏽"), ["🎂", "anna", "s", "❤", "👍"]);
        assert!(words("🎂🎉")[1].joined);
    }

    #[test]
    fn words_of_other_scripts_are_found_however_they_are_written() {
        assert_eq!(normal("كـتاب مُدَرِّس"), ["كتاب", "مدرس"]);
        assert_eq!(normal("Ёлка ΆΝΝΑ"), ["елка", "αννα"]);
        assert_eq!(normal("한국어 공부"), ["한국어", "공부"]);
    }

    #[test]
    fn places_lie_in_the_text_as_it_was() {
        let text = "Die Größe";
        let found = words(text);
        assert_eq!(&text[found[1].range.clone()], "Größe");
    }
}
