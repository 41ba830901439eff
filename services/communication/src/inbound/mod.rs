//! What reaches a channel: stored, then answered.

mod normal;
mod take_in;

use std::time::Duration;

use contracts::access::{Principal, Purpose};
use contracts::plugins::{
    ChannelEvent, HookAnswer, HookRequest, InboundResult, PluginError, PluginFailure, Undone,
};
use spine::{Cause, JobOptions};
use uuid::Uuid;

use crate::jobs::TakeIn;
use crate::{CallStatus, ChannelState, Communication, CommunicationError, contacts};

pub(crate) use normal::addresses;
pub(crate) use take_in::take_in;

/// The largest body of a webhook.
const LARGEST_BODY: usize = 1 << 20;
/// Most events that one webhook brings.
const MOST_EVENTS: usize = 100;
/// When a service may try again that comes while its channel is paused.
const PAUSED: Duration = Duration::from_secs(3_600);

impl Communication {
    /// Takes a webhook for a channel. The plugin checks that it is genuine; what it brings is on disk, with its
    /// events and entities, when this returns, and a repeat makes nothing twice.
    ///
    /// Where nobody can say at the moment who is at the other end, what it brings is on disk as a job that asks
    /// again: many services do not come a second time.
    ///
    /// # Errors
    /// There is no such channel; it is paused; the body is larger than 1 MiB; the plugin refuses the request, cannot
    /// be called or failed; the database failed. In all these cases nothing was stored.
    pub async fn receive_webhook(
        &self,
        channel: Uuid,
        request: HookRequest,
    ) -> Result<HookAnswer, CommunicationError> {
        if request.body.len() > LARGEST_BODY {
            return Err(Undone::HookTooLarge.into());
        }
        let channel = self.channel(channel).await?;
        if channel.state == ChannelState::Paused {
            return Err(Undone::Later { after: PAUSED }.into());
        }
        let inbound = self.0.plugins.inbound(&channel.plugin, channel.id, &channel.config, request);
        let InboundResult { events, answer } = inbound.await.inspect_err(|error| {
            tracing::warn!(
                channel.id = %channel.id, plugin = channel.plugin, %error, "a webhook is not taken"
            );
        })?;
        let events = acceptable(events)?;
        if events.is_empty() {
            return Ok(answer);
        }
        let cause = Cause {
            space: Some(channel.space.to_string()),
            purpose: Some(Purpose::COMMUNICATE.to_string()),
            ..Cause::by(Principal::Plugin(channel.plugin.clone()).to_string())
        };
        let parties =
            contacts::parties(&self.0.api, channel.owner, events.iter().flat_map(addresses)).await;
        let mut tx = self.0.spine.begin(cause).await?;
        match parties {
            Ok(parties) => take_in(&mut tx, channel.id, events, &parties).await?,
            Err(error) => {
                tracing::warn!(channel.id = %channel.id, %error, "who is at the other end is asked later");
                tx.schedule_with(&TakeIn { channel: channel.id, events }, JobOptions::default())?;
            }
        }
        tx.commit().await?;
        Ok(answer)
    }
}

/// In our form; not where it is more, or other, than any plugin may say.
fn acceptable(events: Vec<ChannelEvent>) -> Result<Vec<ChannelEvent>, CommunicationError> {
    let failed = |reason: String| Err(PluginError::from(PluginFailure::Failed(reason)).into());
    if events.len() > MOST_EVENTS {
        return failed(format!("it gave {} events for one webhook", events.len()));
    }
    for event in &events {
        if let ChannelEvent::Call(call) = event
            && CallStatus::parse(&call.status).is_none()
        {
            return failed(format!("{:?} is no state of a call", call.status));
        }
    }
    Ok(events.into_iter().map(normal::of).collect())
}
