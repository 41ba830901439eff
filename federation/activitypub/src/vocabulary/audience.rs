//! Whom something is for.

use serde_json::Value;
use url::Url;

use super::limits;
use super::read::{Document, url_of};

/// The collection that means everyone.
pub const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// Who may see a post, as Mastodon's apps name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Everyone, and public timelines show it.
    Public,
    /// Everyone, and public timelines leave it out.
    Unlisted,
    /// Followers and the mentioned.
    Private,
    /// The mentioned only.
    Direct,
}

impl Visibility {
    /// What `to` and `cc` amount to. Without a followers collection a post that is not public
    /// counts as direct, the narrower of the two.
    pub fn of(to: &[Url], cc: &[Url], followers: Option<&Url>) -> Self {
        if is_public(to) {
            Self::Public
        } else if is_public(cc) {
            Self::Unlisted
        } else if followers
            .is_some_and(|followers| to.contains(followers) || cc.contains(followers))
        {
            Self::Private
        } else {
            Self::Direct
        }
    }

    /// Whether everyone may see it.
    pub fn is_for_everyone(self) -> bool {
        matches!(self, Self::Public | Self::Unlisted)
    }
}

/// Whether the recipients include everyone.
pub fn is_public(recipients: &[Url]) -> bool {
    recipients.iter().any(|recipient| recipient.as_str() == PUBLIC)
}

/// A recipients property; `as:Public` and `Public` become [`PUBLIC`].
pub(super) fn recipients(document: Document<'_>, name: &str) -> Vec<Url> {
    document.list(name, limits::RECIPIENTS).into_iter().filter_map(recipient).collect()
}

fn recipient(value: &Value) -> Option<Url> {
    match value.as_str() {
        Some("as:Public" | "Public") => Url::parse(PUBLIC).ok(),
        _ => url_of(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn visibility_follows_from_the_recipients() {
        let public = Url::parse(PUBLIC).unwrap();
        let followers = Url::parse("https://a.example/x/followers").unwrap();
        let other = Url::parse("https://b.example/y").unwrap();
        let of = |to: &[&Url], cc: &[&Url]| {
            let owned = |urls: &[&Url]| urls.iter().map(|url| (*url).clone()).collect::<Vec<_>>();
            Visibility::of(&owned(to), &owned(cc), Some(&followers))
        };
        assert_eq!(of(&[&public], &[&followers]), Visibility::Public);
        assert_eq!(of(&[&followers], &[&public]), Visibility::Unlisted);
        assert_eq!(of(&[&followers], &[&other]), Visibility::Private);
        assert_eq!(of(&[&other], &[&followers]), Visibility::Private);
        assert_eq!(of(&[&other], &[]), Visibility::Direct);
        assert_eq!(of(&[], &[]), Visibility::Direct);
        let narrow = Visibility::of(&[followers], &[], None);
        assert_eq!(narrow, Visibility::Direct);
    }

    #[test]
    fn everyone_is_recognised_in_all_spellings() {
        for spelling in [PUBLIC, "as:Public", "Public"] {
            for value in [json!({ "to": spelling }), json!({ "to": [spelling] })] {
                let document = Document::root(&value).unwrap();
                assert!(is_public(&recipients(document, "to")), "{value}");
            }
        }
    }
}
