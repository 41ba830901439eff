//! The durable consumer that follows devices, calls and places.

use std::time::Duration;

use async_trait::async_trait;
use contracts::access::SpaceId;
use contracts::events::communication::{CallChanged, CallStarted};
use contracts::events::data::{
    EntitiesMerged, EntityChanged, EntityCreated, EntityDeleted, EntityVersion, MergeUndone,
};
use contracts::events::devices::DeviceReported;
use spine::event::SubjectErased;
use spine::{Event, EventData as _, Filter, Handler, HandlerError, Patience, Snowflake, Spine, Tx};
use uuid::Uuid;

use crate::call::{Call, is_over};
use crate::flow::call_reports;
use crate::place::Zone;
use crate::report::Report;
use crate::store::zones::ZoneChange;
use crate::store::{announced, calls, states, turns, zones};
use crate::{Present, PresentError};

/// Keeps the state of now.
pub(crate) struct Follow(pub(crate) Present);

#[async_trait]
impl Handler for Follow {
    fn name(&self) -> &'static str {
        "present.follow"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[
            DeviceReported::TYPE,
            CallStarted::TYPE,
            CallChanged::TYPE,
            EntityCreated::TYPE,
            EntityChanged::TYPE,
            EntityDeleted::TYPE,
            EntitiesMerged::TYPE,
            MergeUndone::TYPE,
            SubjectErased::TYPE,
        ])
    }

    fn patience(&self) -> Patience {
        // That Redis is away is no fault of an event: it waits, however long that takes.
        Patience {
            attempts: u16::MAX,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(15),
        }
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        turns::take(tx.conn()).await.map_err(PresentError::from)?;
        // Reports and entities are many, and taken many at a time; each finds what came before it.
        let (mut reports, mut places) = (Vec::new(), Vec::new());
        for event in events {
            if let Some(reported) = event.read::<DeviceReported>().map_err(PresentError::from)? {
                self.change_places(tx, &mut places).await?;
                reports.extend(Report::of(event, &reported));
                continue;
            }
            self.0.0.take(tx, &std::mem::take(&mut reports)).await?;
            if let Some(change) = place_change(event)? {
                places.push(change);
                continue;
            }
            self.change_places(tx, &mut places).await?;
            self.follow(event, tx).await?;
        }
        self.change_places(tx, &mut places).await?;
        self.0.0.take(tx, &reports).await?;
        Ok(())
    }
}

impl Follow {
    async fn change_places(
        &self,
        tx: &mut Tx,
        places: &mut Vec<ZoneChange>,
    ) -> Result<(), PresentError> {
        if !places.is_empty() {
            zones::change(tx.conn(), std::mem::take(places)).await?;
        }
        Ok(())
    }

    async fn follow(&self, event: &Event, tx: &mut Tx) -> Result<(), PresentError> {
        let cause = event.as_cause();
        if let Some(started) = event.read::<CallStarted>()? {
            let call = Call::of(&started, event.time);
            if calls::begin(tx.conn(), &call).await? {
                let reports = call_reports(&call, &cause);
                self.0.0.take(tx, &reports).await?;
            }
        } else if let Some(changed) = event.read::<CallChanged>()? {
            self.change_call(event, &changed, tx).await?;
        } else if let Some(merged) = event.read::<EntitiesMerged>()? {
            zones::absorb(tx.conn(), merged.absorbed, true, event.id.0).await?;
        } else if let Some(undone) = event.read::<MergeUndone>()? {
            zones::absorb(tx.conn(), undone.restored, false, event.id.0).await?;
        } else if let Some(erased) = event.read::<SubjectErased>()? {
            self.forget(&erased.subject, tx).await?;
        }
        Ok(())
    }

    async fn change_call(
        &self,
        event: &Event,
        changed: &CallChanged,
        tx: &mut Tx,
    ) -> Result<(), PresentError> {
        // Over already, or older than what is remembered.
        let Some(mut call) = calls::active(tx.conn(), changed.call).await? else { return Ok(()) };
        let at = changed.at.min(event.time).max(call.started_at);
        if is_over(&changed.status) {
            calls::end(tx.conn(), call.call, at).await?;
        } else {
            call.set_status(&changed.status);
            calls::change(tx.conn(), &call).await?;
        }
        self.0.0.show_newest_call(tx, &call, at, &event.as_cause()).await
    }

    /// Drops everything about an erased subject, and what it reported.
    async fn forget(&self, subject: &str, tx: &mut Tx) -> Result<(), PresentError> {
        let who = match subject.split_once(':') {
            Some(("account", account)) => {
                let who = format!("person:{account}");
                if let Ok(person) = account.parse::<Snowflake>() {
                    calls::erase_of_person(tx.conn(), person).await?;
                    zones::erase_of_space(tx.conn(), &SpaceId::of_person(person)).await?;
                    // What was announced of them, by whatever it was reported.
                    Spine::erase(tx, &who).await?;
                }
                who
            }
            Some(("entity", entity)) => {
                return match entity.parse() {
                    Ok(entity) => self.unname(entity, tx).await,
                    Err(_) => Ok(()),
                };
            }
            Some(("call", call)) => {
                if let Ok(call) = call.parse() {
                    calls::erase(tx.conn(), call).await?;
                }
                subject.to_owned()
            }
            Some(("channel", channel)) => {
                if let Ok(channel) = channel.parse() {
                    calls::erase_of_channel(tx.conn(), channel).await?;
                }
                subject.to_owned()
            }
            Some(("person" | "device", _)) => subject.to_owned(),
            _ => return Ok(()),
        };
        announced::forget(tx.conn(), &who).await?;
        states::forget(tx.conn(), &who).await?;
        self.0.0.states.forget(&who).await
    }

    /// An erased place names nothing any more, an erased person is nobody who calls.
    async fn unname(&self, entity: Uuid, tx: &mut Tx) -> Result<(), PresentError> {
        zones::erase(tx.conn(), entity).await?;
        calls::unname(tx.conn(), entity).await?;
        announced::unname(tx.conn(), entity).await?;
        let unnamed = states::unname(tx.conn(), entity).await?;
        if self.0.0.states.is_in_postgres() || unnamed.is_empty() {
            return Ok(());
        }
        let now = self.0.0.spine.clock().now();
        self.0.0.states.write(tx.conn(), now, &unnamed, &[]).await
    }
}

/// What an event says of an entity, as far as it may be a place.
fn place_change(event: &Event) -> Result<Option<ZoneChange>, PresentError> {
    let known = |now: &EntityVersion| ZoneChange {
        entity: now.entity,
        revision: i64::from(now.version) * 2,
        // It was a place with coordinates, perhaps, and is none any more.
        zone: Zone::of(now),
    };
    if let Some(created) = event.read::<EntityCreated>()? {
        return Ok(Some(known(&created.now)));
    }
    if let Some(changed) = event.read::<EntityChanged>()? {
        return Ok(Some(known(&changed.now)));
    }
    let deleted = event.read::<EntityDeleted>()?.map(|deleted| ZoneChange {
        entity: deleted.entity,
        revision: i64::from(deleted.version) * 2 + 1,
        zone: None,
    });
    Ok(deleted)
}
