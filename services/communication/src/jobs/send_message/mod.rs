//! One message, handed to its service.

mod ending;
mod sending;

use async_trait::async_trait;
use chrono::TimeDelta;
use contracts::access::Purpose;
use contracts::jobs::SendOutgoingMessage;
use contracts::plugins::Delivery;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobContract, JobError, JobRun, Lane};

use crate::message::{self, Status};
use crate::outbound::NoWay;
use crate::{Communication, store};
use ending::{Known, give_up};
use sending::Sending;

/// A message that could not be sent for so long is not sent any more: late, it says something else.
const SEND_WITHIN: TimeDelta = TimeDelta::hours(24);

/// Sends a message: the policy first, then the row, then the service, then what it said.
///
/// Safe to run twice. The row is `sending` before the service hears of the message, and the message's id is its
/// idempotency key there: a run that died after the service's yes is repeated with the same id.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SendMessage(SendOutgoingMessage);

#[async_trait]
impl Job for SendMessage {
    type Context = Communication;
    const KIND: &'static str = <SendOutgoingMessage as JobContract>::KIND;
    const LANE: Lane = <SendOutgoingMessage as JobContract>::LANE;
    const MAX_ATTEMPTS: u16 = <SendOutgoingMessage as JobContract>::MAX_ATTEMPTS;

    fn concurrency(&self) -> Option<Concurrency> {
        JobContract::concurrency(&self.0)
    }

    async fn run(&self, communication: &Communication, run: &mut JobRun) -> Result<(), JobError> {
        let order = &self.0;
        let pool = communication.0.spine.worker_pool();
        if store::erased::is_erased(pool, order.message, order.owner).await? {
            return Ok(()); // Nobody is to know of it any more.
        }
        let known = store::messages::find(pool, order.message).await?;
        if known.as_ref().is_some_and(|message| !message.status.is_to_be_sent()) {
            return Ok(()); // It is over.
        }
        let known = Known::of(known.as_ref());
        if let Some((status, words)) = unsayable(order) {
            return give_up(order, run, known, status, &words).await;
        }
        let routed = communication.route(order.channel, order.owner, &order.to).await;
        let (channel, addresses) = match routed {
            Ok(routed) => routed,
            Err(NoWay::Store(error)) => return Err(error.into()),
            Err(NoWay::Words(words)) => {
                return give_up(order, run, known, Status::Failed, &words).await;
            }
        };
        let sending = Sending { communication, order, channel: &channel, known };
        if let Some(since) = order.ordered_at.or(known.since())
            && run.spine().clock().now() - since > SEND_WITHIN
        {
            return sending.end(run, Status::Failed, "it could not be sent for a day").await;
        }
        if let Some(reason) = sending.refusal(run, &addresses).await? {
            return sending.end(run, Status::Refused, &reason).await;
        }
        let to = sending.recipients(&addresses).await;
        let Some(conversation) = sending.begin(run, &to).await? else {
            return Ok(()); // It ended meanwhile.
        };
        let message = sending.message(addresses).await?;
        let plugins = &communication.0.plugins;
        match plugins.send(&channel.plugin, channel.id, &channel.config, message).await {
            Ok(receipt) if receipt.status == Delivery::Failed => {
                let detail = receipt.detail.unwrap_or_else(|| "its service refused it".to_owned());
                sending.ended(run, Status::Failed, &detail).await
            }
            Ok(receipt) => sending.accepted(run, receipt, &to, &conversation).await,
            Err(error) => sending.not_sent(run, error).await,
        }
    }
}

/// What speaks against a message before anybody is asked.
fn unsayable(order: &SendOutgoingMessage) -> Option<(Status, String)> {
    if Purpose::parse(&order.purpose).is_none() {
        return Some((Status::Refused, "its purpose is none".to_owned()));
    }
    let checked = message::check_text(&order.text)
        .and_then(|()| message::check_subject(order.subject.as_deref()));
    checked.err().map(|error| (Status::Failed, error.to_string()))
}
