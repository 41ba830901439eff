//! What can be read.

use std::fmt;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::settings::Settings;

const DAY_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;

/// A resource with a delta query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Messages of the inbox.
    Mail,
    /// Events of the default calendar, within a window of time.
    Calendar,
    /// Contacts of the default folder.
    Contacts,
}

impl Resource {
    /// All, in the order in which they are read.
    pub const ALL: [Self; 3] = [Self::Mail, Self::Calendar, Self::Contacts];

    /// The kind of its records.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Mail => "ms-graph.message/1",
            Self::Calendar => "ms-graph.event/1",
            Self::Contacts => "ms-graph.contact/1",
        }
    }

    /// Where its first page is.
    pub fn first_url(self, base: &Url, settings: &Settings, now: u64) -> Url {
        let (path, query): (&str, Vec<(&str, String)>) = match self {
            Self::Mail => {
                let since =
                    format!("receivedDateTime ge {}", days_before(now, settings.days_back()));
                ("/me/mailFolders/inbox/messages/delta", vec![("$filter", since)])
            }
            Self::Calendar => {
                let ahead = u64::from(settings.days_ahead()) * DAY_MILLISECONDS;
                let window = vec![
                    ("startDateTime", days_before(now, settings.days_back())),
                    ("endDateTime", days_before(now.saturating_add(ahead), 0)),
                ];
                ("/me/calendarView/delta", window)
            }
            Self::Contacts => ("/me/contacts/delta", Vec::new()),
        };
        let mut url = base.clone();
        url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
        if !query.is_empty() {
            let encoded = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(query)
                .finish()
                // Some servers read `+` literally.
                .replace('+', "%20");
            url.set_query(Some(&encoded));
        }
        url
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mail => "mail",
            Self::Calendar => "calendar",
            Self::Contacts => "contacts",
        })
    }
}

/// Midnight (UTC) so many days before: the same all day long, so that a call can be repeated.
fn days_before(now: u64, days: u32) -> String {
    let midnight = now - now % DAY_MILLISECONDS;
    let time = midnight.saturating_sub(u64::from(days) * DAY_MILLISECONDS);
    let time = i64::try_from(time).ok().and_then(DateTime::from_timestamp_millis);
    time.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}
