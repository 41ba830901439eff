//! Addresses: by which people and channels are reached. No I/O.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest address of any kind.
const LONGEST: usize = 255;

/// A kind of address, by the name that aliases in the graph have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// A telephone number.
    Tel,
    /// An email address.
    Email,
    /// A Matrix user or room.
    Matrix,
}

impl Scheme {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tel => "tel",
            Self::Email => "email",
            Self::Matrix => "matrix",
        }
    }

    /// The scheme of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Tel, Self::Email, Self::Matrix].into_iter().find(|scheme| scheme.name() == name)
    }
}

/// An address in its normal form: a phone number in E.164, an email address in small letters, the id of a Matrix
/// user or room, or a room's alias.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    scheme: Scheme,
    value: String,
}

impl Address {
    /// Reads an address; none where it is of no kind that we know.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return None;
        }
        let (scheme, value) = if text.starts_with('+') {
            (Scheme::Tel, e164(text)?)
        } else if text.starts_with('@') {
            (Scheme::Matrix, matrix(text)?)
        } else if text.starts_with(['!', '#']) {
            (Scheme::Matrix, room(text)?)
        } else {
            (Scheme::Email, email(text)?)
        };
        Some(Self { scheme, value })
    }

    /// Which kind it is.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// Whether many people may be behind it.
    pub fn is_room(&self) -> bool {
        self.value.starts_with(['!', '#'])
    }
}

/// A number with its country's code. Whether it is in use cannot be known: what has the digits of a number is
/// one.
fn e164(text: &str) -> Option<String> {
    let number = phonenumber::parse(None, text).ok()?;
    let formatted = number.format().mode(phonenumber::Mode::E164).to_string();
    let digits = formatted.strip_prefix('+')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (7..=15).contains(&digits.len())).then_some(formatted)
}

/// `@user:server` (Matrix specification, appendix 4.2.1).
fn matrix(text: &str) -> Option<String> {
    let (user, server) = text.strip_prefix('@')?.split_once(':')?;
    let user_fits = !user.is_empty() && user.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    (user_fits && is_server(server)).then(|| text.to_owned())
}

fn is_server(server: &str) -> bool {
    let host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    !server.is_empty() && server.bytes().all(host)
}

/// `!room:server`, or without a server since room version 12; `#alias:server`.
fn room(text: &str) -> Option<String> {
    let (name, server) = match text[1..].split_once(':') {
        Some((name, server)) => (name, Some(server)),
        None => (&text[1..], None),
    };
    let name_fits = !name.is_empty() && !name.chars().any(char::is_whitespace);
    let server_fits = server.map_or(text.starts_with('!'), is_server);
    (name_fits && server_fits).then(|| text.to_owned())
}

/// `local@domain`. The local part is compared in small letters, as people and contacts do.
fn email(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let local_fits = (1..=64).contains(&local.len())
        && !local.contains(|c: char| c.is_whitespace() || "<>()[],;:\\\"@".contains(c));
    let label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let domain_fits = domain.contains('.') && domain.split('.').all(label);
    (local_fits && domain_fits).then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Scheme, String)> {
        Address::parse(text).map(|address| (address.scheme(), address.value))
    }

    #[test]
    fn addresses_are_told_apart_and_brought_into_one_form() {
        let tel = Some((Scheme::Tel, "+436601234567".to_owned()));
        assert_eq!(read("+436601234567"), tel);
        assert_eq!(read(" +43 660 1234567 "), tel);
        assert_eq!(read("+43 (0) 660 / 12 345 67"), tel);
        assert_eq!(read("+15005550006"), Some((Scheme::Tel, "+15005550006".to_owned())));
        assert_eq!(read("Ana@Example.ORG"), Some((Scheme::Email, "ana@example.org".to_owned())));
        let matrix = "@ana:example.org:8448";
        assert_eq!(read(matrix), Some((Scheme::Matrix, matrix.to_owned())));
        for room in ["!abc:example.org", "!v12-has_no-server", "#home:example.org"] {
            assert_eq!(read(room), Some((Scheme::Matrix, room.to_owned())));
            assert!(Address::parse(room).unwrap().is_room());
        }
    }

    #[test]
    fn what_reaches_nobody_is_no_address() {
        let long = format!("+{}", "4".repeat(300));
        for text in [
            "",
            "+",
            "+12",
            "0660123",
            "anonymous",
            "@ana",
            "@:x",
            "a@b",
            "a b@c.example",
            "a@b@c.example,",
            "+43\u{0}660",
            &long,
            "a@-.",
            "a@b..c",
            "!",
            "#home",
            "!a b:example.org",
            "#home:",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
