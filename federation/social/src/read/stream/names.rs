//! The streams that clients know.

use crate::ListId;
use crate::read::timelines::tag_name;

/// A stream that a connection can listen to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Home timeline and notifications of the connection's own account.
    User,
    /// Notifications of the connection's own account.
    UserNotification,
    /// Public posts.
    Public {
        /// Whose.
        origin: Origin,
        /// Only with attachments.
        only_media: bool,
    },
    /// Public posts with a hashtag, lower case and without `#`.
    Hashtag {
        /// Its name.
        name: String,
        /// Only ours.
        local: bool,
    },
    /// Posts of a list's members.
    List(ListId),
    /// Direct posts.
    Direct,
}

/// Whose public posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Everyone's.
    All,
    /// Ours.
    Local,
    /// Others'.
    Remote,
}

impl Origin {
    /// Whether a post of ours (or not) is among them.
    pub(super) fn admits(self, local: bool) -> bool {
        match self {
            Self::All => true,
            Self::Local => local,
            Self::Remote => !local,
        }
    }
}

impl Stream {
    /// The stream's name and parameter as clients know it: `["hashtag", "rust"]`.
    pub fn names(&self) -> Vec<String> {
        let name = match self {
            Self::User => "user",
            Self::UserNotification => "user:notification",
            Self::Public { origin, only_media } => match (origin, only_media) {
                (Origin::All, false) => "public",
                (Origin::All, true) => "public:media",
                (Origin::Local, false) => "public:local",
                (Origin::Local, true) => "public:local:media",
                (Origin::Remote, false) => "public:remote",
                (Origin::Remote, true) => "public:remote:media",
            },
            Self::Hashtag { local: false, .. } => "hashtag",
            Self::Hashtag { local: true, .. } => "hashtag:local",
            Self::List(_) => "list",
            Self::Direct => "direct",
        };
        let parameter = match self {
            Self::Hashtag { name, .. } => Some(name.clone()),
            Self::List(id) => Some(id.to_string()),
            _ => None,
        };
        std::iter::once(name.to_owned()).chain(parameter).collect()
    }

    /// The stream that a client asks for by name, with its `tag` or `list` parameter.
    pub fn parse(name: &str, tag: Option<&str>, list: Option<&str>) -> Option<Self> {
        let public = |origin, only_media| Some(Self::Public { origin, only_media });
        let hashtag = |local| {
            let name = tag_name(tag?);
            (!name.is_empty()).then_some(Self::Hashtag { name, local })
        };
        match name {
            "user" => Some(Self::User),
            "user:notification" => Some(Self::UserNotification),
            "public" => public(Origin::All, false),
            "public:media" => public(Origin::All, true),
            "public:local" => public(Origin::Local, false),
            "public:local:media" => public(Origin::Local, true),
            "public:remote" => public(Origin::Remote, false),
            "public:remote:media" => public(Origin::Remote, true),
            "hashtag" => hashtag(false),
            "hashtag:local" => hashtag(true),
            "list" => list?.parse().ok().map(Self::List),
            "direct" => Some(Self::Direct),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for name in [
            "user",
            "user:notification",
            "public",
            "public:media",
            "public:local",
            "public:local:media",
            "public:remote",
            "public:remote:media",
            "hashtag",
            "hashtag:local",
            "list",
            "direct",
        ] {
            let stream = Stream::parse(name, Some("#Rust"), Some("12")).unwrap();
            assert_eq!(stream.names()[0], name);
        }
        assert_eq!(Stream::parse("hashtag", Some("#Rust"), None).unwrap().names()[1], "rust");
        assert_eq!(Stream::parse("hashtag", None, None), None);
        assert_eq!(Stream::parse("list", None, Some("x")), None);
        assert_eq!(Stream::parse("firehose", None, None), None);
    }
}
