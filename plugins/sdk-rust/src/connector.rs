//! Plugins that bring records in.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Description, Host, PluginError, WebhookRequest, WebhookResponse, settings};

pub use crate::bindings::connector::exports::sovereign::plugin::connector::{
    Batch, Context, Operation, RawRecord, WebhookResult,
};

/// A plugin that brings records in. Exported by [`export_connector!`](crate::export_connector).
pub trait Connector {
    /// What it is.
    fn describe() -> Description;

    /// One page of work: what is new since the cursor, which the previous call gave. It may run
    /// twice with the same cursor.
    ///
    /// # Errors
    /// See [`PluginError`]: which one decides what the node does next.
    fn sync<H: Host>(
        host: &H,
        context: &Context,
        cursor: Option<&[u8]>,
    ) -> Result<Batch, PluginError>;

    /// A request to the account's hook. A plugin without `webhooks` in its manifest leaves it out.
    ///
    /// # Errors
    /// [`PluginError::Rejected`] where the request does not prove that it comes from the service.
    fn webhook<H: Host>(
        host: &H,
        context: &Context,
        request: &WebhookRequest,
    ) -> Result<WebhookResult, PluginError> {
        let _ = (host, context, request);
        Err(PluginError::rejected("this plugin takes no webhooks"))
    }
}

/// Exports a type that implements [`Connector`] as this crate's component.
#[macro_export]
macro_rules! export_connector {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::exported::ExportedConnector<$plugin>;
            $crate::bindings::meta::export_meta_bindings!(
                Exported with_types_in $crate::bindings::meta
            );
            $crate::bindings::connector::export_connector_bindings!(
                Exported with_types_in $crate::bindings::connector
            );
        };
    };
}

impl Context {
    /// The person's settings for this account.
    ///
    /// # Errors
    /// [`PluginError::BadConfig`] where they are of another form.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, PluginError> {
        settings::parse(&self.config)
    }
}

impl RawRecord {
    /// A record that is there, with JSON as its payload.
    ///
    /// # Errors
    /// The payload has no form in JSON.
    pub fn json<T: Serialize>(
        kind: &str,
        external_id: impl Into<String>,
        payload: &T,
    ) -> Result<Self, PluginError> {
        let payload = serde_json::to_vec(payload)
            .map_err(|error| PluginError::failed(format!("no JSON: {error}")))?;
        Ok(Self {
            kind: kind.to_owned(),
            external_id: external_id.into(),
            revision: None,
            operation: Operation::Upsert,
            source_time: None,
            media_type: "application/json".to_owned(),
            payload,
        })
    }

    /// A record that is gone.
    pub fn deleted(kind: &str, external_id: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            external_id: external_id.into(),
            revision: None,
            operation: Operation::Delete,
            source_time: None,
            media_type: "application/json".to_owned(),
            payload: Vec::new(),
        }
    }

    /// With a revision: equal means unchanged.
    #[must_use]
    pub fn revision(mut self, revision: impl Into<String>) -> Self {
        self.revision = Some(revision.into());
        self
    }

    /// With the time at which it changed at the source, in milliseconds since 1970.
    #[must_use]
    pub fn at(mut self, milliseconds: Option<u64>) -> Self {
        self.source_time = milliseconds;
        self
    }
}

impl Default for Batch {
    /// Nothing new, and the cursor is forgotten.
    fn default() -> Self {
        Self { records: Vec::new(), next_cursor: None, more: false, next_sync_after: None }
    }
}

impl WebhookResult {
    /// Only an answer: nothing came with the request.
    pub fn answer(response: WebhookResponse) -> Self {
        Self { records: Vec::new(), response, sync_soon: false }
    }
}
