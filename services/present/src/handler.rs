//! The durable consumer that follows devices, calls and places.

use std::time::Duration;

use async_trait::async_trait;
use contracts::events::communication::{CallChanged, CallStarted};
use contracts::events::data::{
    EntitiesMerged, EntityChanged, EntityCreated, EntityDeleted, EntityVersion, MergeUndone,
};
use contracts::events::devices::DeviceReported;
use spine::event::SubjectErased;
use spine::{Event, EventData as _, Filter, Handler, HandlerError, Patience, Tx};

use crate::call::{Call, is_over};
use crate::flow::call_reports;
use crate::place::Zone;
use crate::report::Report;
use crate::store::{announced, calls, states, zones};
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
        let mut reports = Vec::new();
        for event in events {
            if let Some(reported) = event.read::<DeviceReported>().map_err(PresentError::from)? {
                reports.extend(Report::of(event, &reported));
                continue;
            }
            // Everything else is rare, and must find what came before it.
            self.0.0.take(tx, &std::mem::take(&mut reports)).await?;
            self.follow(event, tx).await?;
        }
        self.0.0.take(tx, &reports).await?;
        Ok(())
    }
}

impl Follow {
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
        } else if let Some(created) = event.read::<EntityCreated>()? {
            put_zone(tx, &created.now).await?;
        } else if let Some(changed) = event.read::<EntityChanged>()? {
            put_zone(tx, &changed.now).await?;
        } else if let Some(deleted) = event.read::<EntityDeleted>()? {
            let revision = i64::from(deleted.version) * 2 + 1;
            zones::end(tx.conn(), deleted.entity, revision).await?;
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
            call.value["status"] = changed.status.as_str().into();
            calls::change(tx.conn(), &call).await?;
        }
        self.0.0.show_newest_call(tx, &call, at, &event.as_cause()).await
    }

    /// Drops everything about an erased subject, and what it reported.
    async fn forget(&self, subject: &str, tx: &mut Tx) -> Result<(), PresentError> {
        let who = match subject.split_once(':') {
            Some(("account", account)) => format!("person:{account}"),
            Some(("entity", entity)) => {
                if let Ok(entity) = entity.parse() {
                    zones::erase(tx.conn(), entity).await?;
                }
                return Ok(());
            }
            Some(("call", call)) => {
                if let Ok(call) = call.parse() {
                    calls::erase(tx.conn(), call).await?;
                }
                subject.to_owned()
            }
            Some(("person" | "device" | "channel", _)) => subject.to_owned(),
            _ => return Ok(()),
        };
        announced::forget(tx.conn(), &who).await?;
        states::forget(tx.conn(), &who).await?;
        self.0.0.states.forget(&who).await
    }
}

async fn put_zone(tx: &mut Tx, entity: &EntityVersion) -> Result<(), PresentError> {
    let revision = i64::from(entity.version) * 2;
    match Zone::of(entity) {
        Some(zone) => zones::put(tx.conn(), revision, &zone).await?,
        // It was a place with coordinates, perhaps, and is none any more.
        None => zones::end(tx.conn(), entity.entity, revision).await?,
    }
    Ok(())
}
