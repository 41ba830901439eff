//! Filters: the second form, with words and posts in groups, and the first as a view of it in which
//! every word is a filter of its own.

mod v1;
mod v2;

use std::time::Duration;

use axum::Router;
use serde::de::{Deserialize as _, Deserializer, Error as _};
use social::commands::FilterExpiry;

use super::super::call::Call;
use crate::policy::Action;
use crate::services::Services;

const READ: Action = Action::person("filter.read", "read:filters");
const WRITE: Action = Action::person("filter.write", "write:filters");

pub(super) fn routes() -> Router<Services> {
    Router::new().merge(v1::routes()).merge(v2::routes())
}

/// When a filter ends, as a call says: an explicit null means never, left out means as it was.
fn expiry_of(call: &Call, sent: Option<FilterExpiry>) -> Option<FilterExpiry> {
    sent.or_else(|| call.parameters.is_null("expires_in").then_some(FilterExpiry::Never))
}

/// Seconds from now; empty means never.
fn expiry<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FilterExpiry>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match text.trim() {
        "" => Ok(Some(FilterExpiry::Never)),
        text => {
            let seconds: u32 =
                text.parse().map_err(|_| D::Error::custom("must be a number of seconds"))?;
            Ok(Some(FilterExpiry::After(Duration::from_secs(seconds.into()))))
        }
    }
}
