//! `to` and `cc` from a visibility and the people mentioned.

use serde_json::{Map, Value};
use url::Url;

use super::texts;
use crate::vocabulary::{PUBLIC, Visibility};

/// Recipients of an object and of the activity that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addressing {
    /// First recipients.
    pub to: Vec<String>,
    /// Second recipients.
    pub cc: Vec<String>,
}

impl Addressing {
    /// The addressing that other servers read back as `visibility`.
    pub fn of(visibility: Visibility, followers: &Url, mentions: &[Url]) -> Self {
        let public = || PUBLIC.to_owned();
        let followers = || followers.as_str().to_owned();
        let mentioned = || mentions.iter().map(|url| url.as_str().to_owned());
        match visibility {
            Visibility::Public => {
                let cc = std::iter::once(followers()).chain(mentioned()).collect();
                Self { to: vec![public()], cc }
            }
            Visibility::Unlisted => {
                let cc = std::iter::once(public()).chain(mentioned()).collect();
                Self { to: vec![followers()], cc }
            }
            Visibility::Private => Self { to: vec![followers()], cc: mentioned().collect() },
            Visibility::Direct => Self { to: mentioned().collect(), cc: Vec::new() },
        }
    }

    /// Everyone, without naming anybody.
    pub fn everyone() -> Self {
        Self { to: vec![PUBLIC.to_owned()], cc: Vec::new() }
    }

    /// Certain actors or collections, and nobody else.
    pub fn only(recipients: &[Url]) -> Self {
        let to = recipients.iter().map(|url| url.as_str().to_owned()).collect();
        Self { to, cc: Vec::new() }
    }

    pub(super) fn put(&self, object: &mut Map<String, Value>) {
        object.insert("to".to_owned(), self.to.clone().into());
        object.insert("cc".to_owned(), self.cc.clone().into());
    }
}

/// `to` alone, for an activity between two actors.
pub(super) fn put_recipient(object: &mut Map<String, Value>, recipient: &Url) {
    object.insert("to".to_owned(), texts([recipient]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_addressed_is_read_back() {
        let followers = Url::parse("https://a.example/x/followers").unwrap();
        let mention = Url::parse("https://b.example/y").unwrap();
        for visibility in
            [Visibility::Public, Visibility::Unlisted, Visibility::Private, Visibility::Direct]
        {
            let addressing = Addressing::of(visibility, &followers, std::slice::from_ref(&mention));
            let urls = |texts: &[String]| -> Vec<Url> {
                texts.iter().map(|text| Url::parse(text).unwrap()).collect()
            };
            let (to, cc) = (urls(&addressing.to), urls(&addressing.cc));
            assert_eq!(Visibility::of(&to, &cc, Some(&followers)), visibility);
            assert!(to.contains(&mention) || cc.contains(&mention));
        }
    }
}
