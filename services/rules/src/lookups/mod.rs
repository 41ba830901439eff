//! Looking up what conditions ask for: each as the service, on behalf of the rule's owner, through the Sovereign API
//! with its policy and audit.

mod count;

use std::collections::HashSet;
use std::time::Duration;

use contracts::access::{Caller, Purpose, SpaceId};
use contracts::api::{ApiError, Page};
use futures_util::StreamExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use spine::Snowflake;

use crate::Rules;
use crate::audience::Sight;
use crate::engine::{EventDocument, Found, Lookup, Lookups, Request};

/// So many lookups of one event at a time.
const AT_A_TIME: usize = 8;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Everything that could end a part of a path or of a query.
const PART: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// Something is away: the same may be found later.
#[derive(Debug, thiserror::Error)]
#[error("a lookup could not be done: {0}")]
pub struct Away(pub(crate) String);

impl Rules {
    /// The service as it acts for a rule's owner.
    pub(crate) fn caller(owner: Snowflake) -> Caller {
        Caller::service("rules", Purpose::AUTOMATION).on_behalf_of(owner)
    }

    /// Looks these up, each once. Where something is away, it is told, unless `give_up`: then the lookup failed.
    ///
    /// # Errors
    /// Something is away.
    pub(crate) async fn look_up(
        &self,
        wanted: HashSet<Lookup>,
        event: &EventDocument,
        lookups: &mut Lookups,
        give_up: bool,
    ) -> Result<(), Away> {
        let mut done = futures_util::stream::iter(wanted)
            .map(|lookup| async move {
                let found = tokio::time::timeout(PATIENCE, self.find(&lookup, event)).await;
                let found = found.unwrap_or_else(|_| Err(Away("it took too long".to_owned())));
                (lookup, found)
            })
            .buffer_unordered(AT_A_TIME);
        let mut away = None;
        while let Some((lookup, found)) = done.next().await {
            match found {
                Ok(found) => lookups.insert(lookup, found),
                Err(Away(why)) if give_up => lookups.insert(lookup, Found::Failed(why)),
                Err(error) => away = Some(error),
            }
        }
        away.map_or(Ok(()), Err)
    }

    async fn find(&self, lookup: &Lookup, event: &EventDocument) -> Result<Found, Away> {
        let caller = Self::caller(lookup.owner);
        match &lookup.request {
            Request::State { subject, facet } => self.state(&caller, subject, facet, "value").await,
            Request::StateSince { subject, facet } => {
                self.state(&caller, subject, facet, "since").await
            }
            Request::Entity { id } => {
                let path = format!("/entities/{}", utf8_percent_encode(id, PART));
                found(self.0.api.find::<Json>(&caller, &path).await)
            }
            Request::EntityByAlias { scheme, value } => {
                let alias = format!("{scheme}:{value}");
                let path = format!("/entities?alias={}&limit=1", utf8_percent_encode(&alias, PART));
                let page = self.0.api.find::<Page<Json>>(&caller, &path).await;
                found(page.map(|page| page.and_then(|page| page.items.into_iter().next())))
            }
            Request::Count { kind, guards, window } => {
                Ok(match self.count(lookup, kind, guards, *window, event).await? {
                    (count, true) => Found::Value(count.into()),
                    (count, false) => Found::AtLeast(count.into()),
                })
            }
            Request::Operator { plugin, operator, arguments } => {
                let arguments = serde_json::from_str(arguments).unwrap_or_default();
                Ok(match self.0.operators.evaluate(plugin, operator, &arguments).await {
                    Ok(value) => Found::Value(value),
                    Err(error) => Found::Failed(error.to_string()),
                })
            }
        }
    }

    async fn state(
        &self,
        caller: &Caller,
        subject: &str,
        facet: &str,
        field: &str,
    ) -> Result<Found, Away> {
        let (subject, facet) =
            (utf8_percent_encode(subject, PART), utf8_percent_encode(facet, PART));
        let path = format!("/present/{subject}/{facet}");
        let state = self.0.api.find::<Json>(caller, &path).await;
        found(state.map(|state| state.map(|mut state| state[field].take())))
    }

    /// Whether a person sees this event, as what is in this space.
    pub(crate) async fn sees(&self, owner: Snowflake, sight: Sight) -> Result<bool, Away> {
        match sight {
            Sight::Yes => Ok(true),
            Sight::No => Ok(false),
            Sight::InCircle(circle) => self.is_in(owner, &circle).await,
        }
    }

    /// Whether a person is in a space, and may act there: they see it among their spaces.
    pub(crate) async fn is_in(&self, person: Snowflake, space: &SpaceId) -> Result<bool, Away> {
        let key = (person, space.clone());
        if let Some(known) = self.0.members.get(&key) {
            return Ok(known);
        }
        let path = format!("/spaces/{}", utf8_percent_encode(space.as_str(), PART));
        let is_in = match self.0.api.find::<Json>(&Self::caller(person), &path).await {
            Ok(space) => space.is_some(),
            Err(error) if error.is_refusal() => false,
            Err(error) => return Err(Away(error.to_string())),
        };
        self.0.members.insert(key, is_in);
        Ok(is_in)
    }
}

fn found(answer: Result<Option<Json>, ApiError>) -> Result<Found, Away> {
    match answer {
        Ok(value) => Ok(Found::Value(value.unwrap_or_default())),
        Err(ApiError::Refused { title, .. }) if title.is_empty() => {
            Ok(Found::Failed("the API said no".to_owned()))
        }
        Err(error) if error.is_refusal() => match error {
            ApiError::Refused { title, .. } => Ok(Found::Refused(title)),
            other => Err(Away(other.to_string())),
        },
        Err(ApiError::Refused { status, title, .. })
            if status.is_client_error() && status.as_u16() != 429 =>
        {
            Ok(Found::Failed(title))
        }
        Err(ApiError::Unreadable(error)) => Ok(Found::Failed(error.to_string())),
        Err(error) => Err(Away(error.to_string())),
    }
}
