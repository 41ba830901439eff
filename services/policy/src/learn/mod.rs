//! What the policy service learns from the events of others.

mod devices;
mod people;

pub(crate) use devices::Devices;
pub(crate) use people::People;

use spine::{Event, HandlerError};

use crate::PolicyError;

impl From<PolicyError> for HandlerError {
    fn from(error: PolicyError) -> Self {
        Self::Retry(Box::new(error))
    }
}

/// The payload of an event; `None` where it was erased.
fn payload<T: serde::de::DeserializeOwned>(event: &Event) -> Result<Option<T>, HandlerError> {
    let read = event.data.as_ref().map(|data| serde_json::from_str(data.get())).transpose();
    read.map_err(|error| HandlerError::Reject(Box::new(error)))
}
