//! Phone numbers in E.164.

use moka::sync::Cache;
use phonenumber::Mode;
use phonenumber::country::Id;

/// A region by its code (ISO 3166-1), in which numbers without a country code are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region(Id);

impl Region {
    /// Reads a code such as `AT`.
    pub(crate) fn parse(code: &str) -> Option<Self> {
        code.trim().to_ascii_uppercase().parse().ok().map(Self)
    }
}

/// A number, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phone {
    /// E.164.
    pub(crate) number: String,
    /// The region that it belongs to, where one can be told.
    pub(crate) region: Option<String>,
}

/// Reads phone numbers. Households see the same few hundred again and again: they are remembered.
#[derive(Clone, Debug)]
pub(crate) struct Phones {
    region: Option<Region>,
    known: Cache<String, Option<Phone>>,
}

/// The longest text that may be a number.
const LONGEST: usize = 40;

impl Phones {
    /// Reads numbers without a country code as those of this region.
    pub(crate) fn new(region: Option<Region>) -> Self {
        Self { region, known: Cache::new(5_000) }
    }

    /// A number; `None` where the text is none.
    pub(crate) fn read(&self, text: &str) -> Option<Phone> {
        let digits = plain(text)?;
        self.known.get_with_by_ref(&*digits, || self.parse(&digits))
    }

    fn parse(&self, digits: &str) -> Option<Phone> {
        let region = self.region.filter(|_| !digits.starts_with('+'));
        if region.is_none() && !digits.starts_with('+') {
            return None;
        }
        let number = phonenumber::parse(region.map(|region| region.0), digits).ok()?;
        if !number.is_valid() {
            return None;
        }
        let region = number.country().id().map(|id| id.as_ref().to_owned());
        Some(Phone { number: number.format().mode(Mode::E164).to_string(), region })
    }
}

/// The digits of what looks like a number, with a leading `+` where it is international. The library
/// gets nothing else to read.
fn plain(text: &str) -> Option<String> {
    let text = text.trim();
    let scheme = text.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("tel:"));
    let text = scheme.map_or(text, |scheme| &text[scheme.len()..]);
    // Extensions are no part of E.164.
    let text = text.split(";").next().unwrap_or_default();
    if text.len() > LONGEST {
        return None;
    }
    let mut plain = String::with_capacity(text.len());
    for (at, c) in text.replace("(0)", "").chars().enumerate() {
        match c {
            '0'..='9' => plain.push(c),
            '+' if at == 0 || plain.is_empty() => plain.push('+'),
            ' ' | '\u{a0}' | '(' | ')' | '-' | '.' | '/' | '\u{2010}'..='\u{2015}' => {}
            _ => return None,
        }
    }
    if let Some(rest) = plain.strip_prefix("00") {
        plain = format!("+{rest}");
    }
    let digits = plain.trim_start_matches('+').len();
    ((4..=17).contains(&digits) && plain.matches('+').count() <= 1).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_of_the_region_write_them() {
        let austria = Phones::new(Region::parse("at"));
        let read = |text: &str| austria.read(text).map(|phone| phone.number);
        for text in [
            "0664 123 45 67",
            "+43 664 1234567",
            "0043 (664) 123-4567",
            "+43 (0) 664 / 123 45 67",
            "tel:+43-664-1234567;ext=3",
            "TEL: +43 664 1234567",
        ] {
            assert_eq!(read(text).as_deref(), Some("+436641234567"), "{text}");
        }
        assert_eq!(read("+1 650 253 0000").as_deref(), Some("+16502530000"));
        assert_eq!(austria.read("01 58858-0").unwrap().region.as_deref(), Some("AT"));
        assert_eq!(austria.read("+49 30 123456").unwrap().region.as_deref(), Some("DE"));
        assert_eq!(
            Phones::new(None).read("0664 1234567"),
            None,
            "no region: nobody knows whose it is"
        );
    }

    #[test]
    fn what_is_no_number_is_none() {
        let austria = Phones::new(Region::parse("AT"));
        for text in
            ["", "+", "ask at the desk", "12", "+43+664", "+dwPAA;phone-context=AA", "++++++"]
        {
            assert_eq!(austria.read(text), None, "{text}");
        }
        assert_eq!(austria.read(&"1".repeat(100_000)), None);
        assert_eq!(Region::parse("Atlantis"), None);
    }
}
