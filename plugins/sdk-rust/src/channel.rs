//! Plugins that send messages, and take messages and calls in.

use serde::de::DeserializeOwned;

use crate::{Description, Host, PluginError, WebhookRequest, WebhookResponse, settings};

pub use crate::bindings::channel::exports::sovereign::plugin::channel::{
    Attachment, Call, CallStatus, Context, Delivery, Event, InboundMessage, InboundResult, Message,
    Receipt,
};

/// A plugin that sends messages, and takes messages and calls in. Exported by
/// [`export_channel!`](crate::export_channel).
pub trait Channel {
    /// What it is.
    fn describe() -> Description;

    /// Sends a message. The node may call it again with the same message where the outcome of the
    /// first call got lost: `message.id` stays the same, and is the idempotency key where the service
    /// has one.
    ///
    /// # Errors
    /// See [`PluginError`]: which one decides what the node does next.
    fn send<H: Host>(
        host: &H,
        context: &Context,
        message: &Message,
    ) -> Result<Receipt, PluginError>;

    /// A request to the channel's hook. A plugin without `webhooks` in its manifest leaves it out.
    ///
    /// # Errors
    /// [`PluginError::Rejected`] where the request does not prove that it comes from the service.
    fn inbound<H: Host>(
        host: &H,
        context: &Context,
        request: &WebhookRequest,
    ) -> Result<InboundResult, PluginError> {
        let _ = (host, context, request);
        Err(PluginError::rejected("this plugin takes no webhooks"))
    }
}

/// Exports a type that implements [`Channel`] as this crate's component.
#[macro_export]
macro_rules! export_channel {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::exported::ExportedChannel<$plugin>;
            $crate::bindings::meta::export_meta_bindings!(
                Exported with_types_in $crate::bindings::meta
            );
            $crate::bindings::channel::export_channel_bindings!(
                Exported with_types_in $crate::bindings::channel
            );
        };
    };
}

impl Context {
    /// The person's settings for this channel.
    ///
    /// # Errors
    /// [`PluginError::BadConfig`] where they are of another form.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, PluginError> {
        settings::parse(&self.config)
    }
}

impl InboundResult {
    /// Only an answer: the request was not about a message or a call.
    pub fn answer(response: WebhookResponse) -> Self {
        Self { events: Vec::new(), response }
    }
}
