//! The plugin `twilio`: SMS out, SMS and calls in.
//!
//! Out: one request to Twilio's Messages resource. Twilio has no idempotency key there, so what was
//! handed over is remembered, see [`journal`].
//!
//! In: webhooks for messages (`A message comes in`), calls (`A call comes in`) and the progress of
//! both, all at the channel's hook; each is verified by its `X-Twilio-Signature`, see [`signature`].

mod api;
mod inbound;
mod journal;
mod settings;
mod signature;

use sovereign_plugin::channel::{Context, InboundResult, Message, Receipt};
use sovereign_plugin::{Channel, Description, Host, PluginError, WebhookRequest};

use settings::Settings;

/// The secret's name in the manifest.
const SECRET: &str = "auth_token";

/// The plugin.
#[derive(Debug)]
pub struct Twilio;

impl Channel for Twilio {
    fn describe() -> Description {
        Description::new(settings::schema(), ["channel.sms/1", "channel.call/1"])
    }

    fn send<H: Host>(
        host: &H,
        context: &Context,
        message: &Message,
    ) -> Result<Receipt, PluginError> {
        let settings: Settings = context.settings()?;
        settings.check()?;
        let sms = api::Sms::new(&settings, context, message)?;
        match journal::find(host, &message.id)? {
            Some(journal::Line::Taken(receipt)) => return Ok(receipt.into()),
            // The answer to an earlier try got lost: Twilio knows whether it took the message.
            Some(journal::Line::Tried { at }) => {
                if let Some(receipt) = api::find(host, &settings, &sms, at)? {
                    return Ok(written(host, &message.id, receipt));
                }
            }
            None => {
                journal::sweep(host)?;
                journal::tried(host, &message.id)?;
            }
        }
        match api::send(host, &settings, &sms) {
            Ok(receipt) => Ok(written(host, &message.id, receipt)),
            Err(api::SendError::Unknown(error)) => Err(error),
            Err(api::SendError::NotTaken(error)) => {
                journal::forget(host, &message.id)?;
                Err(error)
            }
        }
    }

    fn inbound<H: Host>(
        host: &H,
        context: &Context,
        request: &WebhookRequest,
    ) -> Result<InboundResult, PluginError> {
        let settings: Settings = context.settings()?;
        settings.check()?;
        let parameters = inbound::Parameters::of(request)?;
        signature::verify(host, request, parameters.signed())?;
        inbound::answer(host, &settings, request, &parameters)
    }
}

/// Twilio took a message. Should the journal not take that too, the message is out all the same: the node hears so, and
/// asks no second time.
fn written<H: Host>(host: &H, id: &str, receipt: Receipt) -> Receipt {
    if let Err(error) = journal::taken(host, id, &receipt.external_id) {
        host.warn(&format!("the journal does not take that {id} was handed over: {error:?}"));
    }
    receipt
}

sovereign_plugin::export_channel!(Twilio);
