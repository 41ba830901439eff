//! Learns whose device is which, from the connectors' events.

use async_trait::async_trait;
use contracts::access::Principal;
use contracts::events::devices::DeviceChanged;
use contracts::events::policy::PrincipalChanged;
use spine::{Event, EventData as _, Filter, Handler, HandlerError, Tx};

use super::payload;
use crate::engine::Device;
use crate::{PolicyService, store};

/// Learns whose device is which.
pub(crate) struct Devices(PolicyService);

impl Devices {
    pub(crate) fn new(service: PolicyService) -> Self {
        Self(service)
    }
}

#[async_trait]
impl Handler for Devices {
    fn name(&self) -> &'static str {
        "policy.devices"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[DeviceChanged::TYPE])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        let mut anything = false;
        for event in events {
            let Some(change) = payload::<DeviceChanged>(event)? else { continue };
            tx.set_cause(event.as_cause());
            let removed = change.change == "removed";
            let device = Device { id: change.device, owner: change.person, removed };
            if store::devices::put(tx.conn(), device, event.time).await? {
                let principal = Principal::Device(change.device);
                tx.record(&PrincipalChanged { principal, change: change.change })?;
                anything = true;
            }
        }
        if anything {
            self.0.changed(tx).await?;
        }
        Ok(())
    }
}
