//! Which streams a connection may listen to.

use http::StatusCode;
use serde::Deserialize;
use social::read::stream::Stream;
use spine::Problem;

use crate::edge::caller::Caller;
use crate::policy::Action;
use crate::services::Services;

const STATUSES: Action = Action::person("stream.statuses", "read:statuses");
const NOTIFICATIONS: Action = Action::person("stream.notifications", "read:notifications");
const LISTS: Action = Action::person("stream.list", "read:lists");

/// How a client names a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    pub stream: String,
    pub tag: Option<String>,
    pub list: Option<String>,
    pub only_media: bool,
}

impl Wanted {
    /// The stream of this name, with the parameters of the request.
    pub fn named(self, name: &str) -> Self {
        Self { stream: name.to_owned(), ..self }
    }

    /// The stream, if there is one of this name and the caller may listen to it.
    pub async fn resolve(&self, services: &Services, caller: &Caller) -> Result<Stream, Problem> {
        let name = match (self.stream.as_str(), self.only_media) {
            ("public", true) => "public:media",
            ("public:local", true) => "public:local:media",
            ("public:remote", true) => "public:remote:media",
            (name, _) => name,
        };
        let stream = Stream::parse(name, self.tag.as_deref(), self.list.as_deref())
            .ok_or_else(|| Problem::bad_request("unknown-stream", "Unknown stream type"))?;
        let action = match &stream {
            Stream::UserNotification => &NOTIFICATIONS,
            Stream::List(_) => &LISTS,
            _ => &STATUSES,
        };
        let viewer = caller.person(action, "stream").map_err(needs_person)?;
        if let Stream::List(id) = &stream {
            services.social.list(viewer, *id).await?;
        }
        Ok(stream)
    }
}

/// Whether a caller is told of notifications too.
pub(super) fn hears_notifications(caller: &Caller) -> bool {
    caller.scopes().is_some_and(|scopes| scopes.allow(NOTIFICATIONS.scope))
}

/// Streams know no visitors: whoever is no person lacks a token.
fn needs_person(problem: Problem) -> Problem {
    if problem.status() == StatusCode::UNPROCESSABLE_ENTITY {
        return Problem::unauthorized("no-token", "Missing access token");
    }
    problem
}
