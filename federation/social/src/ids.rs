//! The ids of social things: snowflakes, each a type of its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use spine::Snowflake;

macro_rules! snowflake_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            sqlx::Type, schemars::JsonSchema,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Snowflake);

        impl $name {
            /// The number that the database keeps.
            pub fn number(self) -> i64 {
                self.0.0
            }

            /// The id with this number, as the database gave it.
            pub fn from_number(number: i64) -> Self {
                Self(Snowflake(number))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

snowflake_id! {
    /// An account, local or remote.
    AccountId
}
snowflake_id! {
    /// A post, or a boost, which is a post of its own.
    PostId
}
snowflake_id! {
    /// An attachment.
    MediaId
}
snowflake_id! {
    /// A poll.
    PollId
}
snowflake_id! {
    /// A notification.
    NotificationId
}
snowflake_id! {
    /// A filter.
    FilterId
}
snowflake_id! {
    /// A word of a filter.
    FilterKeywordId
}
snowflake_id! {
    /// A post of a filter.
    FilterPostId
}
snowflake_id! {
    /// A list of accounts.
    ListId
}
