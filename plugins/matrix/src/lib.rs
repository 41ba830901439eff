//! The plugin `matrix`: messages through an account on a Matrix homeserver.
//!
//! Out: `m.room.message` events (Client-Server API), with the message's id as transaction id, so that
//! the homeserver itself recognises a repeated request. It writes in clear; a room that is end-to-end
//! encrypted is refused.
//!
//! In: the homeserver pushes events to the channel's hook as to an application service, and proves
//! itself by its `hs_token` (Application Service API). An account that is no application service's
//! receives nothing: the Client-Server API has no webhooks.

mod client;
mod inbound;
mod rooms;
mod send;
mod settings;

use sovereign_plugin::channel::{Context, InboundResult, Message, Receipt};
use sovereign_plugin::{Channel, Description, Host, PluginError, WebhookRequest};

use client::Client;
use settings::Settings;

/// The plugin.
#[derive(Debug)]
pub struct Matrix;

impl Channel for Matrix {
    fn describe() -> Description {
        Description::new(settings::schema(), ["channel.message/1"])
    }

    fn send<H: Host>(
        host: &H,
        context: &Context,
        message: &Message,
    ) -> Result<Receipt, PluginError> {
        let settings: Settings = context.settings()?;
        let client = Client::new(host, settings.base()?);
        send::send(&client, message)
    }

    fn inbound<H: Host>(
        host: &H,
        context: &Context,
        request: &WebhookRequest,
    ) -> Result<InboundResult, PluginError> {
        let settings: Settings = context.settings()?;
        settings.base()?;
        inbound::answer(host, &settings, request)
    }
}

sovereign_plugin::export_channel!(Matrix);
