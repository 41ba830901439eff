//! What the service does about events.

use async_trait::async_trait;
use contracts::access::Principal;
use contracts::events::plugins::PluginChanged;
use contracts::events::policy::{ConsentWithdrawn, PrincipalChanged, SpaceChanged};
use spine::event::SubjectErased;
use spine::{Event, EventData, Filter, Handler, HandlerError, Snowflake, SpineError, Tx};

use crate::accounts::changed;
use crate::store::endings::{self, Ended};
use crate::{Connectors, Trigger, jobs};

/// With a person go their accounts and devices, and all that these brought.
pub(crate) struct PeopleErased(pub(crate) Connectors);

#[async_trait]
impl Handler for PeopleErased {
    fn name(&self) -> &'static str {
        "connectors.people_erased"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[SubjectErased::TYPE])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        for event in events {
            let person = event.subject.strip_prefix("account:").map(str::parse::<Snowflake>);
            if let Some(Ok(person)) = person {
                tx.set_cause(event.as_cause());
                self.0.erase_person(tx, person).await?;
            }
        }
        Ok(())
    }
}

/// Accounts stop when what they rest on ends, and go on when their owner has signed in at the source.
///
/// A page that is under way at that moment does not land: it is taken for active accounts only.
pub(crate) struct Foundations;

#[async_trait]
impl Handler for Foundations {
    fn name(&self) -> &'static str {
        "connectors.foundations"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[
            ConsentWithdrawn::TYPE,
            SpaceChanged::TYPE,
            PrincipalChanged::TYPE,
            PluginChanged::TYPE,
        ])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        for event in events {
            tx.set_cause(event.as_cause());
            if let Some((ended, reason)) = ended(event)? {
                pause(tx, &ended, reason).await?;
            }
            if let Some(configured) = payload::<PluginChanged>(event)?
                && configured.change == "configured"
                && let Some(account) = configured.account
            {
                go_on(tx, account, &configured.plugin).await?;
            }
        }
        Ok(())
    }
}

fn payload<E: EventData>(event: &Event) -> Result<Option<E>, HandlerError> {
    event.read::<E>().map_err(|error| HandlerError::Reject(Box::new(error)))
}

/// What an event ends for accounts, and in words for their owners.
fn ended(event: &Event) -> Result<Option<(Ended, &'static str)>, HandlerError> {
    if let Some(withdrawn) = payload::<ConsentWithdrawn>(event)? {
        let reason = "the consent that this account rests on was withdrawn";
        return Ok(Some((Ended::Consent(withdrawn.consent), reason)));
    }
    if let Some(space) = payload::<SpaceChanged>(event)? {
        return Ok(match (space.change.as_str(), space.member) {
            ("left", Some(member)) => {
                let reason = "its owner is not in the space any more to which this account brings";
                Some((Ended::Space(space.space.to_string(), Some(member)), reason))
            }
            ("removed", _) => {
                let reason = "the space to which this account brings is gone";
                Some((Ended::Space(space.space.to_string(), None), reason))
            }
            _ => None,
        });
    }
    if let Some(principal) = payload::<PrincipalChanged>(event)?
        && let Principal::Person(person) = principal.principal
        && matches!(principal.change.as_str(), "suspended" | "deleted")
    {
        return Ok(Some((Ended::Person(person), "its owner is not active any more")));
    }
    Ok(None)
}

async fn pause(tx: &mut Tx, ended: &Ended, reason: &str) -> Result<(), SpineError> {
    for (account, plugin, owner) in endings::pause_for(tx.conn(), ended, reason).await? {
        tracing::info!(account.id = %account, reason, "an account is paused");
        tx.record(&changed(account, &plugin, owner, "paused"))?;
    }
    Ok(())
}

async fn go_on(tx: &mut Tx, account: uuid::Uuid, plugin: &str) -> Result<(), SpineError> {
    let now = tx.spine().clock().now();
    if let Some(owner) = endings::signed_in(tx.conn(), account, plugin, now).await? {
        tx.record(&changed(account, plugin, owner, "resumed"))?;
        jobs::queue(tx, account, Trigger::Hand).await?;
    }
    Ok(())
}
