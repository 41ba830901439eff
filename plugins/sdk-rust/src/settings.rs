//! A person's settings for an account.

use serde::de::DeserializeOwned;

use crate::PluginError;

pub(crate) fn parse<T: DeserializeOwned>(config: &str) -> Result<T, PluginError> {
    serde_json::from_str(config).map_err(|error| PluginError::bad_config(error.to_string()))
}
